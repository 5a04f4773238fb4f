"""Published and own weights: the right file fits, every other is refused with names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import ZipFile

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import WeightsEnum, mobilenet_v3_small

from tusou.errors import CheckpointMismatch, ConfigError, TrainingError
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.registry import IMAGE_TOWERS, build_image_tower
from tusou.training.towers.weights import load_hub_weights, load_weights

pytestmark = pytest.mark.train


def tower_called(name: str, **options: Any) -> ImageTower:
    tower = build_image_tower(name, **options)
    assert isinstance(tower, ImageTower)
    return tower


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "mobilenet.pth"
    torch.save(mobilenet_v3_small().state_dict(), path)
    return path


def test_published_weights_drop_the_classifier_the_tower_lacks(published: Path) -> None:
    tower = tower_called("mobilenet_v3_small", size=32)
    load_weights(tower, published)
    source = torch.load(published, weights_only=True)
    assert torch.equal(tower.state_dict()["stages.0.0.weight"], source["features.0.0.weight"])
    assert torch.equal(tower.state_dict()["stages.13.0.bias"], source["classifier.0.bias"])


def test_own_weights_come_back_from_safetensors(tmp_path: Path) -> None:
    first, second = tower_called("lenet5"), tower_called("lenet5")
    save_file(first.state_dict(), tmp_path / "lenet.safetensors")
    load_weights(second, tmp_path / "lenet.safetensors")
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_weights_are_read_out_of_a_wheel(published: Path, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "model.whl", "w") as wheel:
        wheel.write(published, "model/mobilenet.pth")
        wheel.writestr("model/__init__.py", "")
    tower = tower_called("mobilenet_v3_small", size=32)
    load_weights(tower, tmp_path / "model.whl")
    expected = torch.load(published, weights_only=True)["features.0.0.weight"]
    assert torch.equal(tower.state_dict()["stages.0.0.weight"], expected)


def test_weights_of_another_network_are_refused_and_change_nothing(published: Path) -> None:
    tower = tower_called("resnet50", size=32)
    before = tower.state_dict()["stages.0.0.weight"].clone()
    with pytest.raises(CheckpointMismatch, match=r"missing: bn1\.bias.*unexpected: classifier\.0\.bias"):
        load_weights(tower, published)
    assert torch.equal(tower.state_dict()["stages.0.0.weight"], before)


def test_weights_of_other_classes_are_refused_by_shape(published: Path) -> None:
    with pytest.raises(
        CheckpointMismatch, match=r"classifier\.3\.weight \(1000, 1024\) instead of \(10, 1024\)"
    ):
        load_weights(tower_called("mobilenet_v3_small", size=32, classes=10), published)


def test_file_with_other_objects_is_never_run(tmp_path: Path) -> None:
    torch.save({"path": tmp_path}, tmp_path / "objects.pth")
    with pytest.raises(CheckpointMismatch) as caught:
        load_weights(tower_called("lenet5"), tmp_path / "objects.pth")
    assert caught.value.reason == "weights_unreadable"


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors", "cut.whl"])
def test_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(CheckpointMismatch, match=name):
        load_weights(tower_called("lenet5"), tmp_path / name)


def test_table_of_numbers_is_no_table_of_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "epoch.pth")
    with pytest.raises(CheckpointMismatch, match="table of tensors"):
        load_weights(tower_called("lenet5"), tmp_path / "epoch.pth")


def test_missing_file_and_foreign_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_weights(tower_called("lenet5"), tmp_path / "none.pth")
    (tmp_path / "weights.h5").touch()
    with pytest.raises(ConfigError, match=r"\.safetensors, \.pth"):
        load_weights(tower_called("lenet5"), tmp_path / "weights.h5")


def test_hub_weights_are_known_by_torchvision() -> None:
    from torchvision.models import get_weight

    assert all(get_weight(spec.hub) for spec in IMAGE_TOWERS.values() if spec.hub)


def test_unknown_hub_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="ResNet51"):
        load_hub_weights(tower_called("lenet5"), "ResNet51_Weights.BEST")


def test_offline_error_names_the_file_to_bring(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(WeightsEnum, "get_state_dict", fail)
    with pytest.raises(TrainingError, match=r"no route to host.*mobilenet_v3_small-047dcff4\.pth") as caught:
        load_hub_weights(tower_called("mobilenet_v3_small", size=32), IMAGE_TOWERS["mobilenet_v3_small"].hub)
    assert caught.value.reason == "download_failed"
