"""The trainer's own parts, set up as the reference network, give the numpy reference's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest
import torch
from make_reference_golden import STEPS, TOLERANCE, Case, full_cases, load_small, small_cases
from torch import Tensor

from tusou.training.model import RelevanceModel
from tusou.training.objectives.ranknet import RankNet
from tusou.training.reference.types import Array
from tusou.training.scorers.embedding import EmbeddingScorer
from tusou.training.scorers.heads import Head
from tusou.training.towers.image.cached import CachedImageFeatures
from tusou.training.towers.text.cached import CachedTextFeatures

pytestmark = pytest.mark.train

SMALL = [case for case in small_cases() if case.batch.weight is None]
PRECISIONS = [(np.float64, TOLERANCE), (np.float32, 1e-5)]


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def build(case: Case) -> RelevanceModel:
    """Cached features, tanh heads, scaled cosine, with the case's weights and precision."""
    query_width, dim = case.parameters["query_weight"].shape
    image_width = len(case.parameters["image_weight"])
    with default_dtype(torch.tensor(case.batch.query).dtype):
        image_head = Head(image_width, dim, "tanh", negative_bias=not case.network.shared_bias)
        scorer = EmbeddingScorer(image_head, Head(query_width, dim, "tanh"), scale=case.network.scale)
        model = RelevanceModel(CachedImageFeatures(image_width), CachedTextFeatures(query_width), scorer)
    for name, weight in weights(model, case).items():
        value = torch.tensor(case.parameters[name])
        weight.data.copy_(value.T if value.ndim == 2 else value)
    return model


def weights(model: RelevanceModel, case: Case) -> dict[str, Tensor]:
    """The model's parameters by the reference's names (matrices are stored the other way round)."""
    image, text = model.scorer.image_head, model.scorer.text_head
    positive_bias, negative_bias = case.network.image_biases
    found = {
        "query_weight": text.linear.weight,
        "query_bias": text.linear.bias,
        "image_weight": image.linear.weight,
        positive_bias: image.linear.bias,
    }
    return found if image.negative_bias is None else found | {negative_bias: image.negative_bias}


def like_the_reference(value: Tensor | None) -> Array:
    assert value is not None
    array: Array = value.detach().numpy()
    return array.T if array.ndim == 2 else array


def model_loss(model: RelevanceModel, case: Case) -> Tensor:
    """Lists of two images; P = 1, 0 and 1/2 are grades (1, 0), (0, 1) and two that are equal."""
    batch = case.batch
    query = model.encode_text((torch.tensor(batch.query),))
    images = torch.stack(
        [
            model.encode_image(torch.tensor(batch.positive)),
            model.image_row(model.image_features(torch.tensor(batch.negative)), negative=True),
        ],
        dim=1,
    )
    grades = torch.tensor(np.stack([batch.target >= 0.5, batch.target <= 0.5], axis=1)).to(query.dtype)
    known = torch.ones_like(grades, dtype=torch.bool)
    return RankNet(ties=True, reduction="sum")(model.scorer.lists(query, images), grades, known)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", [*SMALL, *full_cases()], ids=lambda case: case.name)
def test_loss_and_gradients(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    cast = case.cast(dtype)
    model = build(cast)
    loss = model_loss(model, cast)
    loss.backward()  # type: ignore[no-untyped-call]
    expected_loss, expected = case.network.gradients(case.parameters, case.batch)
    assert loss.item() == pytest.approx(expected_loss, rel=tolerance)
    found = weights(model, case)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(like_the_reference(found[name].grad), gradient, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_twenty_steps_of_adam(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    cast, golden = case.cast(dtype), load_small()
    model = build(cast)
    optimizer = torch.optim.Adam([each for each in model.parameters() if each.requires_grad], lr=1e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model_loss(model, cast).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, value in weights(model, case).items():
        expected = golden[f"{case.name}/corrected/{name}"]
        np.testing.assert_allclose(like_the_reference(value), expected, rtol=0, atol=tolerance)
