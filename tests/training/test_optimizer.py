"""Rates, groups and the running mean, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tusou.training.config import OptimizerConfig
from tusou.training.optimizer import RunningMean, build_optimizer, rate_factor, set_rate

pytestmark = pytest.mark.train


def test_the_rate_rises_then_falls_to_nothing() -> None:
    config = OptimizerConfig(schedule="cosine", warmup=0.1)
    factors = [rate_factor(config, step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[4] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.04)) / 2)
    assert factors[50] == pytest.approx(0.5)
    assert 0 < factors[99] < 0.001
    assert max(factors) == max(factors[8:12])


def test_a_constant_rate_stays() -> None:
    assert {rate_factor(OptimizerConfig(), step, 7) for step in range(7)} == {1.0}


@pytest.mark.parametrize(("kind", "expected"), [("adam", "Adam"), ("adamw", "AdamW"), ("sgd", "SGD")])
def test_groups_have_their_own_rate_and_biases_no_decay(kind: str, expected: str) -> None:
    tower, head = nn.Linear(3, 2), nn.Linear(2, 2)
    frozen = nn.Linear(2, 2).requires_grad_(False)
    config = OptimizerConfig(type=kind, lr=0.5, tower_lr=0.1, weight_decay=0.01)  # type: ignore[arg-type]
    optimizer = build_optimizer(
        [("tower", [*tower.parameters(), *frozen.parameters()]), ("head", list(head.parameters()))], config
    )
    assert type(optimizer).__name__ == expected
    set_rate(optimizer, config, 0.5)
    found = [
        (len(g["params"]), g["params"][0].ndim, g["weight_decay"], g["lr"]) for g in optimizer.param_groups
    ]
    assert found == [
        (1, 2, 0.01, pytest.approx(0.025)),
        (1, 1, 0.0, pytest.approx(0.025)),
        (1, 2, 0.01, 0.25),
        (1, 1, 0.0, 0.25),
    ]


def test_adam_moves_by_the_rate_in_its_first_step() -> None:
    weight = nn.Parameter(torch.zeros(2, 2))
    optimizer = build_optimizer([("head", [weight])], OptimizerConfig(lr=0.25))
    torch.autograd.backward((weight * torch.tensor([[1.0, -2.0], [3.0, 1e-3]])).sum())
    optimizer.step()
    assert weight.detach().numpy() == pytest.approx(
        -0.25 * torch.tensor([[1.0, -1], [1, 1]]).numpy(), rel=1e-4
    )


def test_the_mean_forgets_its_start_soon_and_copies_counters() -> None:
    model = nn.BatchNorm1d(1)
    mean = RunningMean(0.9)
    for done, value in enumerate((4.0, 1.0, 1.0), start=1):
        model.weight.data[:] = value
        assert model.num_batches_tracked is not None
        model.num_batches_tracked += 1
        mean.update(model, done)
    second = 4 + (1 - 4) * (1 - 2 / 12)
    assert mean.weights["weight"].item() == pytest.approx(second + (1 - second) * (1 - 3 / 13))
    assert mean.weights["num_batches_tracked"].item() == 3


def test_no_decay_keeps_no_mean() -> None:
    mean = RunningMean(0.0)
    mean.update(nn.Linear(1, 1), 1)
    assert mean.weights == {}
