"""Both forms of Adam: first step by hand, how far they part, and what averaging the loss changes."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.training.reference.adam import Adam
from tusou.training.reference.types import Parameters


def run(optimizer: Adam, gradient_scale: float) -> Parameters:
    """Twenty steps with drawn gradients of one size."""
    random = np.random.RandomState(3)
    parameters: Parameters = {"weight": np.zeros((30, 10)), "bias": np.zeros(10)}
    for _ in range(20):
        gradients = {name: random.standard_normal(each.shape) for name, each in parameters.items()}
        parameters = optimizer.step(parameters, {key: gradient_scale * g for key, g in gradients.items()})
    return parameters


def drift(left: Parameters, right: Parameters) -> float:
    return max(float(abs(left[name] - right[name]).max()) for name in left)


@pytest.mark.parametrize("corrected", [True, False])
def test_first_step_by_hand(corrected: bool) -> None:
    """With m = g/10 and sqrt(v) = |g| sqrt(.001): lr g / (|g| + ε), for v1 ε / sqrt(.001) instead of ε."""
    gradient = np.array([2.0, -1e-8, 0.0])
    optimizer = Adam(1e-3, corrected=corrected)
    moved = optimizer.step({"w": np.zeros(3)}, {"w": gradient})["w"]
    epsilon = 1e-8 if corrected else 1e-8 / np.sqrt(1 - 0.999)
    np.testing.assert_allclose(moved, -1e-3 * gradient / (abs(gradient) + epsilon), rtol=1e-12)


def test_second_step_by_hand() -> None:
    """With g = 1 then 3, m = .39, v = .009999 after two steps; corrected m/.19 and v/.001999."""
    optimizer = Adam(0.1)
    parameters = optimizer.step({"w": np.zeros(1)}, {"w": np.ones(1)})
    moved = optimizer.step(parameters, {"w": np.full(1, 3.0)})["w"] - parameters["w"]
    np.testing.assert_allclose(
        moved, -0.1 * (0.39 / 0.19) / (np.sqrt(0.009999 / 0.001999) + 1e-8), rtol=1e-12
    )


def test_forms_part_as_gradients_come_near_epsilon() -> None:
    parted = [drift(run(Adam(), scale), run(Adam(corrected=False), scale)) for scale in (1.0, 1e-3, 1e-5)]
    assert parted[0] < 1e-6 < parted[1] < 3e-4 < parted[2] < 1e-2


def test_mean_loss_needs_a_smaller_epsilon_to_stay_the_same() -> None:
    summed = run(Adam(corrected=False), 1e-5)
    assert drift(run(Adam(corrected=False, epsilon=1e-11), 1e-8), summed) < 1e-12
    assert drift(run(Adam(corrected=False), 1e-8), summed) > 1e-3


def test_parameters_passed_in_stay_as_they_are() -> None:
    parameters = {"w": np.ones(2, np.float32)}
    moved = Adam().step(parameters, {"w": np.ones(2, np.float32)})
    assert parameters["w"].tolist() == [1, 1]
    assert moved["w"].dtype == np.float32
