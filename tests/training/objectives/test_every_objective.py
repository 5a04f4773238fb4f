"""What every objective keeps to: its formula, its gradient, masks, empties, order, reduction."""

from __future__ import annotations

from collections.abc import Callable

import naive_losses as naive
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_losses import List
from torch import Tensor

from tusou.training.build import OBJECTIVES
from tusou.training.config import ObjectiveConfig
from tusou.training.objectives.base import Objective, symmetric
from tusou.training.objectives.bce import BinaryCrossEntropy
from tusou.training.objectives.info_nce import InfoNCE
from tusou.training.objectives.ranknet import RankNet
from tusou.training.objectives.siglip import SigmoidPairs
from tusou.training.objectives.softmax import ListSoftmax
from tusou.training.objectives.triplet import Triplet

pytestmark = pytest.mark.train

Reference = Callable[[List], float | None]
CASES: dict[str, tuple[Callable[[str], Objective], Reference]] = {
    "bce": (lambda reduction: BinaryCrossEntropy(reduction), naive.bce),
    "siglip": (lambda reduction: SigmoidPairs(reduction), naive.siglip),
    "info_nce": (lambda reduction: InfoNCE(reduction), naive.info_nce),
    "softmax": (
        lambda reduction: ListSoftmax(graded=False, reduction=reduction),
        naive.list_softmax(lambda grade: float(grade > 0)),
    ),
    "listwise": (
        lambda reduction: ListSoftmax(graded=True, reduction=reduction),
        naive.list_softmax(lambda grade: 2**grade - 1),
    ),
    "ranknet": (lambda reduction: RankNet(ties=False, reduction=reduction), naive.ranknet(ties=False)),
    "ranknet_ties": (lambda reduction: RankNet(ties=True, reduction=reduction), naive.ranknet(ties=True)),
    "triplet": (
        lambda reduction: Triplet(0.5, hardest=False, reduction=reduction),
        naive.triplet(0.5, hardest=False),
    ),
    "max_hinge": (
        lambda reduction: Triplet(0.5, hardest=True, reduction=reduction),
        naive.triplet(0.5, hardest=True),
    ),
}
LEARN_FROM_ONE_SIDE = {"bce", "siglip"}
"""Every image of these is a yes or no of its own: a list without a relevant image still teaches."""

every_objective = pytest.mark.parametrize("name", CASES)


def build(name: str, reduction: str = "mean") -> Objective:
    return CASES[name][0](reduction)


def entries_of(scores: Tensor, grades: Tensor, known: Tensor) -> list[List]:
    return [
        [(s, g) for s, g, k in zip(*row, strict=True) if k]
        for row in zip(scores.tolist(), grades.tolist(), known.tolist(), strict=True)
    ]


def naive_loss(name: str, scores: Tensor, grades: Tensor, known: Tensor, reduction: str = "mean") -> float:
    losses = [CASES[name][1](row) for row in entries_of(scores, grades, known)]
    counted = [each for each in losses if each is not None]
    return sum(counted) / (len(counted) if reduction == "mean" and counted else 1)


def naive_gradient(name: str, scores: Tensor, grades: Tensor, known: Tensor, step: float = 1e-5) -> Tensor:
    """Central differences of the naive loss."""
    gradient = torch.zeros_like(scores)
    for place in torch.cartesian_prod(*map(torch.arange, scores.shape)).tolist():
        moved = [scores.clone(), scores.clone()]
        moved[0][tuple(place)] += step
        moved[1][tuple(place)] -= step
        up, down = (naive_loss(name, each, grades, known) for each in moved)
        gradient[tuple(place)] = (up - down) / (2 * step)
    return gradient


def gradient_of(objective: Objective, scores: Tensor, grades: Tensor, known: Tensor) -> tuple[float, Tensor]:
    scores = scores.clone().requires_grad_()
    loss = objective(scores, grades, known)
    assert loss.shape == ()
    (gradient,) = torch.autograd.grad(loss, scores)
    return loss.item(), gradient


def mixed_batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Eight lists of six: several relevant, graded, half unknown, none relevant, all alike, nothing known."""
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(8, 6, generator=rng, dtype=torch.float64) * 2
    grades = torch.tensor(
        [
            [1, 0, 0, 0, 0, 0],
            [0, 1, 0, 1, 0, 1],
            [3, 0, 1, 2, 0, 0],
            [0, 2, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1],
            [2, 1, 2, 1, 2, 1],
            [1, 0, 0, 0, 0, 0],
        ],
        dtype=torch.float64,
    )
    known = torch.rand(8, 6, generator=rng) < 0.8
    known[:4] |= torch.eye(4, 6, dtype=torch.bool)
    known[7] = False
    return scores, grades, known


def test_every_objective_of_the_configuration_is_tested() -> None:
    assert set(CASES) - {"ranknet_ties"} == set(OBJECTIVES) - {"cca"}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@every_objective
def test_value_is_that_of_the_formula(name: str, reduction: str) -> None:
    batch = mixed_batch()
    expected = naive_loss(name, *batch, reduction)
    assert expected > 0
    assert build(name, reduction)(*batch).item() == pytest.approx(expected, rel=1e-9)


@every_objective
def test_gradient_is_that_of_the_formula(name: str) -> None:
    batch = mixed_batch()
    _, gradient = gradient_of(build(name), *batch)
    torch.testing.assert_close(gradient, naive_gradient(name, *batch), rtol=1e-5, atol=1e-8)


@every_objective
def test_control_the_formula_with_grades_shuffled_is_another(name: str) -> None:
    scores, grades, known = mixed_batch()
    wrong = naive_loss(name, scores, grades.flip(1), known)
    assert abs(build(name)(scores, grades, known).item() - wrong) > 1e-3


@every_objective
def test_a_batch_is_the_sum_of_its_lists(name: str) -> None:
    objective, batch = build(name, "sum"), mixed_batch()
    singles = [objective(*(each[i : i + 1] for each in batch)).item() for i in range(8)]
    assert objective(*batch).item() == pytest.approx(sum(singles), rel=1e-12)


@every_objective
def test_order_of_lists_and_images_does_not_matter(name: str) -> None:
    scores, grades, known = mixed_batch()
    rows, columns = torch.randperm(8), torch.randperm(6)
    moved = [each[rows][:, columns] for each in (scores, grades, known)]
    expected = build(name)(scores, grades, known).item()
    assert build(name)(*moved).item() == pytest.approx(expected, rel=1e-12)


@every_objective
def test_unknown_entries_change_nothing(name: str) -> None:
    scores, grades, known = mixed_batch()
    loss, gradient = gradient_of(build(name), scores, grades, known)
    other = torch.where(known, scores, 50.0), torch.where(known, grades, 3.0), known
    assert gradient_of(build(name), *other)[0] == loss
    assert not gradient[~known].any()
    assert gradient[known].any()


@every_objective
def test_padding_changes_nothing(name: str) -> None:
    batch = mixed_batch()
    padded = [torch.cat([each, torch.ones(8, 3, dtype=each.dtype)], 1) for each in batch]
    padded[2][:, 6:] = False
    assert build(name)(*padded).item() == pytest.approx(build(name)(*batch).item(), rel=1e-12)


@pytest.mark.parametrize("grade", [0.0, 1.0, 2.0])
@every_objective
def test_lists_of_one_grade_give_no_loss_and_no_gradient(name: str, grade: float) -> None:
    scores = mixed_batch()[0].float()
    batch = scores, torch.full_like(scores, grade), torch.ones_like(scores, dtype=torch.bool)
    loss, gradient = gradient_of(build(name), *batch)
    assert gradient.isfinite().all()
    if name in LEARN_FROM_ONE_SIDE or name == "ranknet_ties":
        assert loss > 0
    else:
        assert loss == 0
        assert not gradient.any()


@every_objective
def test_nothing_known_and_no_lists_give_zero(name: str) -> None:
    scores, grades, known = mixed_batch()
    for part in (slice(0, 8), slice(0, 0)):
        batch = scores[part], grades[part], torch.zeros_like(known)[part]
        loss, gradient = gradient_of(build(name), *batch)
        assert loss == 0
        assert not gradient.any()


@every_objective
def test_lists_of_which_nothing_can_be_learnt_do_not_thin_the_mean(name: str) -> None:
    scores = torch.tensor([[1.0, 0.0], [0.5, 2.0]])
    grades = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    known = torch.tensor([[True, True], [False, False]])
    alone = build(name)(scores[:1], grades[:1], known[:1])
    assert build(name)(scores, grades, known).item() == pytest.approx(alone.item())


@every_objective
def test_large_scores_stay_finite(name: str) -> None:
    scores, grades, known = mixed_batch()
    loss, gradient = gradient_of(build(name), scores.float() * 1e4, grades.float(), known)
    assert 0 < loss < 1e7
    assert gradient.isfinite().all()


@every_objective
def test_tied_scores_stay_finite(name: str) -> None:
    scores, grades, known = mixed_batch()
    loss, gradient = gradient_of(build(name), torch.zeros_like(scores), grades, known)
    assert loss > 0
    assert gradient.isfinite().all()


@every_objective
def test_not_a_number_does_not_pass_for_a_loss(name: str) -> None:
    scores, grades, known = mixed_batch()
    scores[0, 0] = torch.nan
    known[0] = True
    assert not build(name, "sum")(scores, grades, known).isfinite()


@every_objective
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_lists(name: str, data: st.DataObject) -> None:
    """Against the formula; never negative."""
    width = data.draw(st.integers(1, 5))

    def rows(values: st.SearchStrategy[float]) -> Tensor:
        row = st.lists(values, min_size=width, max_size=width)
        return torch.tensor(data.draw(st.lists(row, min_size=3, max_size=3)), dtype=torch.float64)

    scores = rows(st.floats(-8, 8).map(lambda value: round(value, 2)))
    grades, known = rows(st.sampled_from([0.0, 0.0, 1.0, 2.0])), rows(st.sampled_from([0.0, 1.0, 1.0])) > 0
    loss = build(name)(scores, grades, known).item()
    assert loss >= 0
    assert loss == pytest.approx(naive_loss(name, scores, grades, known), rel=1e-7, abs=1e-9)


@every_objective
def test_symmetric_is_the_mean_over_the_grid_and_its_transpose(name: str) -> None:
    batch = mixed_batch()
    turned = batch[0].T, batch[1].T, batch[2].T
    expected = (naive_loss(name, *batch) + naive_loss(name, *turned)) / 2
    assert symmetric(build(name), *batch).item() == pytest.approx(expected, rel=1e-9)
    assert naive_loss(name, *batch) != pytest.approx(naive_loss(name, *turned))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"cca"}))
def test_configuration_builds_the_objective_it_names(name: str, reduction: str) -> None:
    config = ObjectiveConfig.model_validate({"type": name, "reduction": reduction, "margin": 0.5})
    assert OBJECTIVES[name](config) == build(name, reduction)


def test_ties_are_taken_from_the_configuration() -> None:
    assert OBJECTIVES["ranknet"](ObjectiveConfig(type="ranknet", ties=True)) == RankNet(ties=True)
