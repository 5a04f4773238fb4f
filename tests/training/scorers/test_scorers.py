"""Both scorers: grids, lists and pairs agree, the split network is the plain one, the scale is bounded."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from tusou.encoders.bundle_encoder import open_session
from tusou.training.build import build_scorer
from tusou.training.config import ScorerConfig
from tusou.training.onnx_export import export_module
from tusou.training.scorers.base import MAX_SCALE, Scorer
from tusou.training.scorers.concatenation import ConcatenationScorer
from tusou.training.scorers.embedding import EmbeddingScorer
from tusou.training.scorers.heads import Head

pytestmark = pytest.mark.train

DIM, QUERIES, IMAGES = 4, 3, 5
every_scorer = pytest.mark.parametrize("kind", ["embedding", "concatenation"])


def scorer_of(kind: str, **options: object) -> Scorer:
    torch.manual_seed(0)
    table = {"type": kind, "dim": DIM, "hidden": 6, "scale": 5.0, "bias": -1.0} | options
    return build_scorer(ScorerConfig.model_validate(table), 7, 6).double().eval()


def concatenation(**options: object) -> ConcatenationScorer:
    scorer = scorer_of("concatenation", **options)
    assert isinstance(scorer, ConcatenationScorer)
    return scorer


def rows(*shape: int, seed: int = 1) -> Tensor:
    values = torch.randn(*shape, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return normalize(values, dim=-1)


@every_scorer
def test_lists_are_the_grid_read_by_position(kind: str) -> None:
    scorer, queries, images = scorer_of(kind), rows(QUERIES), rows(IMAGES, seed=2)
    items = torch.tensor([[0, 4], [2, 2], [3, 1]])
    grid = scorer.grid(queries, images)
    assert grid.shape == (QUERIES, IMAGES)
    torch.testing.assert_close(scorer.lists(queries, images[items]), grid.gather(1, items))


@every_scorer
def test_a_grid_is_a_loop_over_pairs_in_value_and_gradient(kind: str) -> None:
    scorer = scorer_of(kind)
    queries, images = rows(QUERIES).requires_grad_(), rows(IMAGES, seed=2).requires_grad_()
    weights = torch.linspace(-1, 1, QUERIES * IMAGES, dtype=torch.float64).reshape(QUERIES, IMAGES)
    grid = scorer.grid(queries, images)
    pairs = torch.stack([torch.stack([scorer.grid(q[None], i[None])[0, 0] for i in images]) for q in queries])
    torch.testing.assert_close(grid, pairs)
    learning = [queries, images, *(each for each in scorer.parameters() if each.requires_grad)]
    for found, expected in zip(
        torch.autograd.grad((grid * weights).sum(), learning, allow_unused=True),
        torch.autograd.grad((pairs * weights).sum(), learning, allow_unused=True),
        strict=True,
    ):
        torch.testing.assert_close(found, expected)


def test_embedding_score_by_hand_and_by_torch() -> None:
    scorer = scorer_of("embedding")
    one = torch.tensor([[0.6, 0.8, 0.0, 0.0]], dtype=torch.float64)
    other = torch.tensor([[0.8, 0.6, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]], dtype=torch.float64)
    assert scorer.grid(one, other)[0].tolist() == pytest.approx([5 * 0.96 - 1, -1])
    queries, images = rows(QUERIES), rows(IMAGES, seed=2)
    expected = 5 * cosine_similarity(queries[:, None], images[None], dim=2) - 1
    torch.testing.assert_close(scorer.grid(queries, images), expected)


def test_split_network_is_the_plain_one_on_joined_rows() -> None:
    scorer, queries, images = concatenation(), rows(QUERIES), rows(IMAGES, seed=2)
    joined = nn.Linear(2 * DIM, 6).double()
    with torch.no_grad():
        joined.weight.copy_(torch.cat([scorer.query_part.weight, scorer.image_part.weight], 1))
        joined.bias.copy_(scorer.query_part.bias)
    plain = nn.Sequential(joined, scorer.output)
    pairs = torch.cat([queries[:, None].expand(-1, IMAGES, -1), images[None].expand(QUERIES, -1, -1)], 2)
    torch.testing.assert_close(scorer.grid(queries, images), plain(pairs).squeeze(2))


def test_control_rows_in_the_wrong_place_score_otherwise() -> None:
    scorer, queries, images = concatenation(), rows(QUERIES), rows(QUERIES, seed=2)
    assert not torch.allclose(scorer.grid(queries, images), scorer.grid(images, queries).T)


def test_onnx_scores_pairs_as_the_grid_does(tmp_path: Path) -> None:
    scorer = concatenation(dropout=0.5).float().eval()
    queries, images = rows(IMAGES).float(), rows(IMAGES, seed=2).float()
    path = tmp_path / "scorer.onnx"
    export_module(scorer, (queries[:2], images[:2]), path, ["query", "image"], "score")
    session = open_session(path, 1)
    for count in (1, IMAGES):
        found = session.run(None, {"query": queries[:count].numpy(), "image": images[:count].numpy()})[0]
        assert found.shape == (count,)
        expected = scorer.grid(queries, images).diagonal()[:count].detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)


def small_scorer(scale: float, **options: bool) -> EmbeddingScorer:
    return EmbeddingScorer(Head(2, 2), Head(2, 2), scale=scale, **options)


def test_learnt_scale_stops_at_its_bound_and_comes_back() -> None:
    """A clamped value has no gradient: a scale that once went beyond the bound stayed there for good."""
    scorer = small_scorer(MAX_SCALE, learn_scale=True)
    optimizer = torch.optim.SGD([scorer.log_scale], lr=0.1)
    for sign in (-1, 1):
        for _ in range(3):
            optimizer.zero_grad()
            torch.autograd.backward(sign * scorer.scaled(torch.tensor(0.01)))
            optimizer.step()
        found = scorer.scaled(torch.tensor(1.0)).item()
        assert found == pytest.approx(MAX_SCALE) if sign < 0 else found < 0.8 * MAX_SCALE


def test_scale_and_bias_learn_only_when_asked_to() -> None:
    fixed, learning = small_scorer(2.0), small_scorer(2.0, learn_scale=True, learn_bias=True)
    assert not fixed.log_scale.requires_grad
    assert not fixed.bias.requires_grad
    torch.autograd.backward(learning.scaled(torch.tensor(0.5)))
    assert learning.log_scale.grad is not None
    assert learning.log_scale.grad.item() == pytest.approx(2 * 0.5)  # d/d(log s) of s cos
    assert learning.bias.grad is not None
    assert learning.bias.grad.item() == 1


def test_the_start_is_that_of_the_configuration() -> None:
    scorer = scorer_of("embedding", scale=14.3, head="tanh", negative_bias="separate")
    assert scorer.log_scale.item() == pytest.approx(math.log(14.3))
    assert scorer.bias.item() == -1
    assert scorer.image_head.negative_bias is not None
    assert scorer.text_head.negative_bias is None
    assert (scorer.image_head.linear.in_features, scorer.text_head.linear.in_features) == (7, 6)
