"""Towers side by side equal each tower alone, whole and cut."""

from __future__ import annotations

import pytest
import torch

from tusou.errors import ConfigError
from tusou.training.towers.image.efficientnet_lite import build_efficientnet_lite0, build_efficientnet_lite2
from tusou.training.towers.image.joined import JoinedTower, build_joined, calibrated

pytestmark = pytest.mark.train

SIZE = 64


@pytest.fixture(scope="module")
def parts() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [build_efficientnet_lite0(size=SIZE).eval(), build_efficientnet_lite2(size=SIZE).eval()]


def joined(parts: list[torch.nn.Module]) -> JoinedTower:
    tower = JoinedTower(parts)  # type: ignore[arg-type]
    tower.eval()
    return tower


@pytest.mark.parametrize("last", [1, 6])
def test_whole_cut_and_plain_give_both_towers_features(parts: list[torch.nn.Module], last: int) -> None:
    tower, pixels = joined(parts), torch.randn(2, 3, SIZE, SIZE)
    with torch.inference_mode():
        expected = torch.cat([part(pixels) for part in parts], dim=1)
        trunk, head = tower.split(last)
        for found in (tower(pixels), head(trunk(pixels)), tower.plain()(pixels)):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert expected.shape[1] == tower.width


def test_freezing_concerns_each_part(parts: list[torch.nn.Module]) -> None:
    tower = joined(parts).freeze(2)
    for part in tower.parts:
        learning = [any(each.requires_grad for each in stage.parameters()) for stage in part.stages]
        assert learning == [False] * (len(learning) - 2) + [True, True]
    tower.train()
    assert all(not part.stages[0].training and part.stages[-1].training for part in tower.parts)


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(ConfigError, match="alexnet cannot be joined"):
        build_joined(parts={"alexnet": "", "efficientnet_lite0": ""}, size=SIZE)
    with pytest.raises(ConfigError, match="two parts"):
        build_joined(parts={"efficientnet_lite0": ""}, size=SIZE)
    sizes = [build_efficientnet_lite0(size=64), build_efficientnet_lite2(size=96)]
    with pytest.raises(ConfigError, match=r"different sizes: \[64, 96\]"):
        JoinedTower(sizes)


def test_only_towers_without_classifier_are_calibrated(parts: list[torch.nn.Module]) -> None:
    assert len(calibrated(joined(parts))) == 2
    assert calibrated(build_efficientnet_lite0(size=SIZE, classes=10)) == []
