"""PyTorch gives the loss, gradients and steps of the numpy reference."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from make_reference_golden import STEPS, TOLERANCE, Case, full_cases, load_small, small_cases
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_similarity

from tusou.training.reference.adam import Adam

pytestmark = pytest.mark.train

CASES = [*small_cases(), *full_cases()]
PRECISIONS = [(np.float64, TOLERANCE), (np.float32, 1e-5)]
Tensors = dict[str, torch.Tensor]


def tensors(case: Case) -> Tensors:
    return {name: torch.tensor(value, requires_grad=True) for name, value in case.parameters.items()}


def torch_loss(case: Case, weights: Tensors) -> torch.Tensor:
    """The formulas with PyTorch's own functions."""
    batch = case.batch
    left, right = case.network.image_biases
    q = torch.tanh(torch.tensor(batch.query) @ weights["query_weight"] + weights["query_bias"])
    p = torch.tanh(torch.tensor(batch.positive) @ weights["image_weight"] + weights[left])
    n = torch.tanh(torch.tensor(batch.negative) @ weights["image_weight"] + weights[right])
    margin = case.network.scale * (cosine_similarity(q, p, eps=0) - cosine_similarity(q, n, eps=0))
    factor = None if batch.weight is None else torch.tensor(batch.weight)
    return binary_cross_entropy_with_logits(
        margin, torch.tensor(batch.target), weight=factor, reduction="sum"
    )


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_loss_and_gradients(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    cast = case.cast(dtype)
    weights = tensors(cast)
    loss = torch_loss(cast, weights)
    loss.backward()  # type: ignore[no-untyped-call]
    expected_loss, expected = case.network.gradients(case.parameters, case.batch)
    assert loss.dtype == getattr(torch, np.dtype(dtype).name)
    assert loss.item() == pytest.approx(expected_loss, rel=tolerance)
    for name, gradient in expected.items():
        found = weights[name].grad
        assert found is not None
        np.testing.assert_allclose(found.numpy(), gradient, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", small_cases(), ids=lambda case: case.name)
def test_twenty_steps_of_adam(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    cast, golden = case.cast(dtype), load_small()
    weights = tensors(cast)
    optimizer = torch.optim.Adam(weights.values(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch_loss(cast, weights).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for name, value in weights.items():
        np.testing.assert_allclose(
            value.detach().numpy(), golden[f"{case.name}/corrected/{name}"], rtol=0, atol=tolerance
        )


def test_the_old_form_of_adam_is_another() -> None:
    """Control: at small gradients PyTorch's steps agree with the corrected form and not with v1's."""
    gradient = np.array([1e-6, -3e-6])
    weight = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    weight.grad = torch.tensor(gradient)
    torch.optim.Adam([weight], lr=1e-3).step()
    moved = {
        form: Adam(corrected=form).step({"w": np.zeros(2)}, {"w": gradient})["w"] for form in (True, False)
    }
    np.testing.assert_allclose(weight.detach().numpy(), moved[True], rtol=1e-12)
    assert abs(weight.detach().numpy() - moved[False]).max() > 1e-4
