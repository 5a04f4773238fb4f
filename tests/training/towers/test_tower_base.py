"""Freezing and cutting an image tower."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tusou.errors import ConfigError
from tusou.training.towers.base import ImageTower

pytestmark = pytest.mark.train


def three_stages() -> ImageTower:
    stages = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5)),
        nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(80, 2)),
    )
    return ImageTower(stages, width=2, size=8, mean=(0.0,) * 3, std=(1.0,) * 3)


def test_frozen_stages_keep_weights_and_statistics() -> None:
    tower = three_stages().freeze(1).train()
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    optimizer = torch.optim.SGD(tower.parameters(), lr=1.0)
    tower(torch.randn(4, 3, 8, 8)).sum().backward()
    optimizer.step()
    changed = {name for name, tensor in tower.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"stages.2.2.weight", "stages.2.2.bias"}


@pytest.mark.parametrize(
    ("train", "learning"),
    [("all", [True] * 3), ("none", [False] * 3), (0, [False] * 3), (2, [False, True, True])],
)
def test_freeze_says_which_stages_learn(train: int | str, learning: list[bool]) -> None:
    tower = three_stages().freeze(train).train()  # type: ignore[arg-type]
    assert [stage.training for stage in tower.stages] == learning
    assert [all(p.requires_grad for p in stage.parameters()) for stage in tower.stages] == learning


def test_freeze_can_be_taken_back() -> None:
    tower = three_stages().train().freeze("none").freeze("all")
    assert all(stage.training for stage in tower.stages)


def test_eval_mode_outlives_freezing() -> None:
    assert not any(stage.training for stage in three_stages().eval().freeze("all").stages)


@pytest.mark.parametrize("train", ["some", -1, 4, 1.5, True])
def test_impossible_number_of_stages_is_refused(train: int | str) -> None:
    with pytest.raises(ConfigError, match="0 to 3"):
        three_stages().freeze(train)  # type: ignore[arg-type]
