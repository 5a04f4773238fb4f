"""PaddlePaddle gives the loss, gradients and steps of the numpy reference, in float64."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import paddle  # type: ignore[import-not-found]
import pytest
from make_reference_golden import STEPS, TOLERANCE, Case, full_cases, load_small, small_cases
from reference_network import ReferenceNetwork, rank_loss  # type: ignore[import-not-found]

pytestmark = pytest.mark.paddle

SMALL, FULL = small_cases(), full_cases()


@pytest.fixture(autouse=True)
def _float64() -> None:
    paddle.set_default_dtype("float64")


def paddle_network(case: Case) -> ReferenceNetwork:
    sizes = (*case.parameters["query_weight"].shape, len(case.parameters["image_weight"]))
    network = ReferenceNetwork(
        sizes[0], sizes[2], sizes[1], scale=case.network.scale, shared_bias=case.network.shared_bias
    )
    for name, parameter in network.named_parameters():
        parameter.set_value(case.parameters[name])
    return network


def paddle_loss(network: ReferenceNetwork, case: Case) -> paddle.Tensor:
    query, positive, negative, target, weight = (
        None if each is None else paddle.to_tensor(each) for each in astuple(case.batch)
    )
    return rank_loss(network(query, positive, negative), target, weight)


@pytest.mark.parametrize("case", [*SMALL, *FULL], ids=lambda case: case.name)
def test_loss_and_gradients(case: Case) -> None:
    network = paddle_network(case)
    loss = paddle_loss(network, case)
    loss.backward()
    expected_loss, expected = case.network.gradients(case.parameters, case.batch)
    assert float(loss) == pytest.approx(expected_loss, rel=TOLERANCE)
    found = {name: parameter.grad.numpy() for name, parameter in network.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_twenty_steps_are_those_of_the_corrected_adam(case: Case) -> None:
    network, golden = paddle_network(case), load_small()
    optimizer = paddle.optimizer.Adam(1e-3, parameters=network.parameters())
    for _ in range(STEPS):
        paddle_loss(network, case).backward()
        optimizer.step()
        optimizer.clear_grad()
    for name, parameter in network.named_parameters():
        expected = golden[f"{case.name}/corrected/{name}"]
        np.testing.assert_allclose(parameter.numpy(), expected, rtol=0, atol=TOLERANCE)


def test_steps_of_the_old_adam_are_others() -> None:
    """Control: the form of 2017 is further away than the tolerance."""
    case = SMALL[0]
    golden = load_small()
    v1, corrected = (golden[f"{case.name}/{form}/query_weight"] for form in ("v1", "corrected"))
    assert abs(v1 - corrected).max() > 10 * TOLERANCE
    assert abs(corrected - case.parameters["query_weight"]).max() > 1e-2, "the steps went somewhere"


def test_weights_start_as_they_did() -> None:
    paddle.seed(1)
    drawn = dict(ReferenceNetwork().named_parameters())
    assert drawn["query_weight"].numpy().std() == pytest.approx(0.1, rel=0.02)
    assert drawn["image_weight"].numpy().std() == pytest.approx(0.0316, rel=0.02)
    assert not drawn["image_bias"].numpy().any()
