"""A run computes where it is told to, and mixed precision learns the same thing less exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_builders import config_of, shapes_table, write_shapes

from tusou.errors import ConfigError, TrainingError
from tusou.training.device import choose_device, mixed, to_device, widened
from tusou.training.run import train_run

pytestmark = pytest.mark.train


def trained(folder: Path, **training: Any) -> dict[str, Any]:
    table = shapes_table(write_shapes(folder / "shapes"))
    table["training"] |= training
    result = train_run(config_of(table), folder / "run")
    assert result is not None
    return result


def test_without_a_gpu_auto_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"Card {i}")
    with pytest.raises(TrainingError, match=r"GPU 3, and PyTorch sees cuda:0 Card 0: use auto") as caught:
        choose_device("cuda:3")
    assert caught.value.reason == "no_such_device"
    assert choose_device("cuda:0") == torch.device("cuda", 0)


def test_every_process_of_a_machine_takes_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 2)


def test_towers_compute_in_bfloat16_only_while_they_train() -> None:
    layer = torch.nn.Linear(4, 4)
    with mixed(layer, "bfloat16"):
        assert layer(torch.ones(1, 4)).dtype == torch.bfloat16
    assert widened(torch.ones(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert widened(torch.ones(1, dtype=torch.float64)).dtype == torch.float64
    layer.eval()
    with mixed(layer, "bfloat16"):
        assert layer(torch.ones(1, 4)).dtype == torch.float32
    with mixed(layer.train(), "float32"):
        assert layer(torch.ones(1, 4)).dtype == torch.float32
    given = torch.ones(2)
    assert to_device(given, layer) is given


def test_mixed_precision_learns_nearly_the_same(tmp_path: Path) -> None:
    exact = trained(tmp_path / "exact")["measures"]
    rough = trained(tmp_path / "rough", precision="bfloat16")["measures"]
    assert rough["loss"] != exact["loss"]
    assert rough["loss"] == pytest.approx(exact["loss"], rel=0.1)
    assert np.isfinite(list(rough.values())).all()


def test_other_names_are_refused(tmp_path: Path) -> None:
    table = shapes_table(write_shapes(tmp_path / "shapes"))
    table["training"] |= {"device": "gpu", "precision": "float8"}
    with pytest.raises(ConfigError, match=r"training\.device[\s\S]*training\.precision"):
        config_of(table)
