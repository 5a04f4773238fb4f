"""Each objective worked by hand, and held to what PyTorch or its paper computes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from naive_losses import rank_cost
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, logsigmoid

from tusou.training.objectives.base import relevant_first, symmetric
from tusou.training.objectives.bce import BinaryCrossEntropy
from tusou.training.objectives.cross_entropy import CrossEntropy
from tusou.training.objectives.info_nce import InfoNCE
from tusou.training.objectives.ranknet import RankNet
from tusou.training.objectives.siglip import SigmoidPairs
from tusou.training.objectives.softmax import ListSoftmax
from tusou.training.objectives.triplet import Triplet

pytestmark = pytest.mark.train

LOG2, LOG3 = math.log(2), math.log(3)


def one_list(scores: Sequence[float], grades: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    row = torch.tensor([scores], dtype=torch.float64, requires_grad=True)
    return row, torch.tensor([grades], dtype=torch.float64), torch.ones(1, len(scores), dtype=torch.bool)


def gradient(loss: Tensor, scores: Tensor) -> list[float]:
    found: list[float] = torch.autograd.grad(loss, scores)[0][0].tolist()
    return found


def grid(rows: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Scores of a batch whose i-th query wants the i-th image."""
    scores = torch.randn(rows, rows, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return scores, torch.eye(rows, dtype=torch.float64), torch.ones(rows, rows, dtype=torch.bool)


def test_bce_by_hand() -> None:
    """P = 3/4 for the relevant image, 1/2 and 1/4 for the others: (log 4/3 + (log 2 + log 4/3) / 2) / 2."""
    scores, grades, known = one_list([LOG3, 0.0, -LOG3], [1, 0, 0])
    loss = BinaryCrossEntropy()(scores, grades, known)
    assert loss.item() == pytest.approx((math.log(4 / 3) + (LOG2 + math.log(4 / 3)) / 2) / 2)
    assert gradient(loss, scores) == pytest.approx([-1 / 8, 1 / 8, 1 / 16])  # (P - target) / 2 / images


def test_bce_of_pairs_is_that_of_torch() -> None:
    scores, grades, known = grid(2)
    expected = binary_cross_entropy_with_logits(scores, grades)
    torch.testing.assert_close(BinaryCrossEntropy()(scores, grades, known), expected)


def test_bce_weighs_both_sides_alike_however_long_the_list() -> None:
    scores, grades, known = one_list([0.0] * 100, [1] + [0] * 99)
    loss = BinaryCrossEntropy()(scores, grades, known)
    assert loss.item() == pytest.approx(LOG2)
    slopes = gradient(loss, scores)
    assert slopes[0] == pytest.approx(-sum(slopes[1:]))


def test_siglip_by_hand() -> None:
    """sigmoid(z score) = 3/4, 1/2, 3/4: the sum of log 4/3, log 2 and log 4/3."""
    scores, grades, known = one_list([LOG3, 0.0, -LOG3], [1, 0, 0])
    loss = SigmoidPairs()(scores, grades, known)
    assert loss.item() == pytest.approx(2 * math.log(4 / 3) + LOG2)
    assert gradient(loss, scores) == pytest.approx([-1 / 4, 1 / 2, 1 / 4])


def test_siglip_is_the_published_pseudocode() -> None:
    """Zhai et al. 2023, algorithm 1: labels = 2 eye - 1; -sum(log_sigmoid(labels * logits)) / n."""
    scores, grades, known = grid()
    labels = 2 * torch.eye(5, dtype=torch.float64) - 1
    expected = -logsigmoid(labels * scores).sum() / 5
    torch.testing.assert_close(SigmoidPairs()(scores, grades, known), expected)
    torch.testing.assert_close(symmetric(SigmoidPairs(), scores, grades, known), expected)


def test_info_nce_by_hand() -> None:
    """exp(score) = 3, 1, 2: - log 3/6."""
    scores, grades, known = one_list([LOG3, 0.0, LOG2], [1, 0, 0])
    loss = InfoNCE()(scores, grades, known)
    assert loss.item() == pytest.approx(LOG2)
    assert gradient(loss, scores) == pytest.approx([-1 / 2, 1 / 6, 1 / 3])


def test_info_nce_is_the_published_pseudocode() -> None:
    """Radford et al. 2021, figure 3: (cross_entropy(logits, labels, axis 0) + (…, axis 1)) / 2."""
    scores, grades, known = grid()
    labels = torch.arange(5)
    expected = (cross_entropy(scores, labels) + cross_entropy(scores.T, labels)) / 2
    torch.testing.assert_close(symmetric(InfoNCE(), scores, grades, known), expected)


def test_info_nce_lets_relevant_images_alone_with_each_other() -> None:
    """exp(score) = 3, 2, 1: the mean of - log 3/4 and - log 2/3; neither relevant image pushes the other."""
    scores, grades, known = one_list([LOG3, LOG2, 0.0], [1, 1, 0])
    loss = InfoNCE()(scores, grades, known)
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(3 / 2)) / 2)
    assert gradient(loss, scores) == pytest.approx([-1 / 8, -1 / 6, 7 / 24])


def test_softmax_by_hand_and_by_torch() -> None:
    """exp(score) = 3, 1, 2; the target is half each of the two relevant ones: (log 2 + log 6) / 2."""
    scores, grades, known = one_list([LOG3, 0.0, LOG2], [1, 1, 0])
    loss = ListSoftmax()(scores, grades, known)
    assert loss.item() == pytest.approx((LOG2 + math.log(6)) / 2)
    assert gradient(loss, scores) == pytest.approx([0, -1 / 3, 1 / 3])
    torch.testing.assert_close(loss, cross_entropy(scores, grades / 2))


def test_graded_softmax_by_hand() -> None:
    """Gains 3, 1, 0 are shares 3/4, 1/4, 0; equal scores give log 3 and the gradient softmax - share."""
    scores, grades, known = one_list([0.0, 0.0, 0.0], [2, 1, 0])
    loss = ListSoftmax(graded=True)(scores, grades, known)
    assert loss.item() == pytest.approx(LOG3)
    assert gradient(loss, scores) == pytest.approx([1 / 3 - 3 / 4, 1 / 3 - 1 / 4, 1 / 3])
    assert ListSoftmax(graded=False)(scores, grades, known).item() == pytest.approx(LOG3)
    assert gradient(ListSoftmax()(scores, grades, known), scores)[0] == pytest.approx(1 / 3 - 1 / 2)


def test_graded_softmax_is_least_where_scores_are_log_gains() -> None:
    best = one_list([math.log(7), math.log(3), 0.0], [3, 2, 1])
    assert gradient(ListSoftmax(graded=True)(*best), best[0]) == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("margin", [-3.0, -0.4, 0.0, 0.4, 3.0])
def test_ranknet_is_the_rank_cost_for_every_target(margin: float) -> None:
    """P = 1: the first image is better, P = 0: the second, P = 1/2: neither (Burges et al. 2005)."""
    sigmoid = 1 / (1 + math.exp(-margin))
    for grades, target in (([1, 0], 1.0), ([0, 1], 0.0), ([1, 1], 0.5)):
        scores, grade, known = one_list([margin, 0.0], grades)
        loss = RankNet(ties=True)(scores, grade, known)
        slope = sigmoid - target
        assert loss.item() == pytest.approx(rank_cost(margin, target))
        assert gradient(loss, scores) == pytest.approx([slope, -slope])


def test_ranknet_pairs_are_torchs_bce_of_the_difference() -> None:
    scores, grades, known = one_list([0.3, -0.2, 1.1], [2, 1, 0])
    differences = torch.stack(
        [scores[0, 0] - scores[0, 1], scores[0, 0] - scores[0, 2], scores[0, 1] - scores[0, 2]]
    )
    expected = binary_cross_entropy_with_logits(differences, torch.ones_like(differences), reduction="sum")
    torch.testing.assert_close(RankNet()(scores, grades, known), expected)


def test_ranknet_without_ties_lets_equal_grades_alone() -> None:
    scores, grades, known = one_list([0.0, 2.0, 0.0], [1, 1, 0])
    slopes = gradient(RankNet()(scores, grades, known), scores)
    assert slopes[0] == pytest.approx(-0.5)
    assert slopes[1] == pytest.approx(-1 / (1 + math.exp(2)))


def test_triplet_by_hand() -> None:
    """Margin 1/2: against 1 the relevant ones at 1.2 and 0.4 lack .3 and 1.1, against 0 nothing and .1."""
    scores, grades, known = one_list([1.2, 0.4, 1.0, 0.0], [1, 1, 0, 0])
    loss = Triplet(0.5)(scores, grades, known)
    assert loss.item() == pytest.approx((0.3 + 1.1 + 0.1) / 2)
    assert gradient(loss, scores) == pytest.approx([-0.5, -1, 1, 0.5])


def test_max_hinge_moves_only_the_hardest() -> None:
    """VSE++: of the images that are not relevant only the best scored one is pushed."""
    scores, grades, known = one_list([1.0, 0.9, 1.1, 0.8], [1, 0, 0, 0])
    loss = Triplet(0.5, hardest=True)(scores, grades, known)
    assert loss.item() == pytest.approx(0.6)
    assert gradient(loss, scores) == pytest.approx([-1, 0, 1, 0])
    known[0, 2] = False
    assert gradient(Triplet(0.5, hardest=True)(scores, grades, known), scores) == pytest.approx([-1, 1, 0, 0])


def test_max_hinge_moves_one_of_tied_hardest() -> None:
    scores, grades, known = one_list([1.0, 0.9, 0.9], [1, 0, 0])
    assert sorted(gradient(Triplet(0.5, hardest=True)(scores, grades, known), scores)) == [-1, 0, 1]


def test_hinges_rest_beyond_the_margin() -> None:
    scores, grades, known = one_list([1.0, 0.4], [1, 0])
    for hardest in (False, True):
        loss = Triplet(0.5, hardest=hardest)(scores, grades, known)
        assert loss.item() == 0
        assert gradient(loss, scores) == [0, 0]


def test_cross_entropy_by_hand_and_smoothed() -> None:
    """P = 1/2, 1/6, 1/3. Smoothing 0.3 over three classes: 0.8 of the true one, 0.1 of each other."""
    scores = torch.tensor([[LOG3, 0.0, LOG2]])
    assert CrossEntropy()(scores, torch.tensor([0])).item() == pytest.approx(LOG2)
    smoothed = CrossEntropy(smoothing=0.3)(scores, torch.tensor([0])).item()
    assert smoothed == pytest.approx(0.8 * LOG2 + 0.1 * math.log(6) + 0.1 * LOG3)


def test_relevant_first_brings_relevant_images_together() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    grades = torch.tensor([[0.0, 2.0, 1.0], [1.0, 0.0, 1.0]])
    known = torch.tensor([[True, True, True], [False, True, True]])
    found, grade, real = relevant_first(scores, grades, known)
    assert real.tolist() == [[True, True], [True, False]]
    assert [sorted(row[mask].tolist()) for row, mask in zip(found, real, strict=True)] == [[2, 3], [6]]
    assert [sorted(row[mask].tolist()) for row, mask in zip(grade, real, strict=True)] == [[1, 2], [1]]
