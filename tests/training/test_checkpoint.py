"""Checkpoints come back whole, are replaced atomically, and are refused where they do not belong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from training_builders import config_of, digits_table, write_digits

from tusou.errors import CheckpointMismatch, StorageFull
from tusou.training.checkpoint import AVERAGE, BEST, TASK, Place, load_checkpoint, save_checkpoint
from tusou.training.run import train_run
from tusou.training.run_folder import config_digest

pytestmark = pytest.mark.train


def stepped(kind: str = "adam", seed: int = 0) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network with a batch norm, three steps into its training."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    parameters = list(model.parameters())
    makers: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(parameters, 1e-2),
        "sgd": lambda: torch.optim.SGD(parameters, 1e-2),
        "momentum": lambda: torch.optim.SGD(parameters, 1e-2, momentum=0.9),
    }
    optimizer = makers[kind]()
    for step in range(3):
        advance(model, optimizer, step)
    return model, optimizer


def advance(model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(
        model(torch.randn(8, 3, generator=torch.Generator().manual_seed(step))).square().sum()
    )
    optimizer.step()


@pytest.mark.parametrize("kind", ["adam", "sgd", "momentum"])
def test_training_goes_on_to_the_same_weights(tmp_path: Path, kind: str) -> None:
    model, optimizer = stepped(kind)
    extra = {AVERAGE: {"a": torch.ones(2)}, BEST: {}, TASK: {"hard": torch.arange(3)}}
    history = [{"epoch": 1, "loss": 0.1 + 0.2}]
    place = Place(epoch=1, step=3, best=0.5, best_epoch=0, history=history, losses=1 / 3, config_digest="x")
    save_checkpoint(tmp_path / "c.safetensors", model, optimizer, extra, place)
    other, other_optimizer = stepped(kind, seed=9)
    found, tensors = load_checkpoint(tmp_path / "c.safetensors", other, other_optimizer, "x")
    assert found == place
    assert {prefix: list(weights) for prefix, weights in tensors.items()} == {
        AVERAGE: ["a"],
        BEST: [],
        TASK: ["hard"],
    }
    advance(model, optimizer, 7)
    advance(other, other_optimizer, 7)
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_moments_keep_the_layout_of_their_weights(tmp_path: Path) -> None:
    """A fused step reads both as they lie in memory: channels last met plain rows after a resume."""
    ends = []
    for resumes in (False, True):
        torch.manual_seed(0)
        model: nn.Module = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2, fused=True)
        for step in range(4):
            if resumes and step == 2:
                save_checkpoint(tmp_path / "c", model, optimizer, {}, Place(config_digest="x"))
                load_checkpoint(tmp_path / "c", model, optimizer, "x")
            optimizer.zero_grad()
            pixels = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(step))
            torch.autograd.backward(model(pixels).square().sum())
            optimizer.step()
        ends.append(model.state_dict()["weight"])
    assert torch.equal(*ends)


def test_other_data_are_refused_with_the_remedy(tmp_path: Path) -> None:
    digits = write_digits(tmp_path / "digits.npz", 60, 20)
    config = config_of(digits_table(digits, training={"epochs": 1}))
    train_run(config, tmp_path / "run")
    write_digits(tmp_path / "digits.npz", 50, 20)
    with pytest.raises(CheckpointMismatch, match=r"data changed since .*--restart.*start_from") as caught:
        train_run(config, tmp_path / "run")
    assert caught.value.reason == "data_changed"
    assert train_run(config, tmp_path / "run", restart=True) is not None


def test_another_configuration_is_refused_with_the_remedy(tmp_path: Path) -> None:
    digits = write_digits(tmp_path / "digits.npz", 60, 20)
    short = {"epochs": 1}
    train_run(config_of(digits_table(digits, training=short)), tmp_path / "run")
    other = config_of(digits_table(digits, training=short, optimizer={"lr": 0.5}))
    with pytest.raises(
        CheckpointMismatch, match=r"another configuration; start anew with --restart"
    ) as caught:
        train_run(other, tmp_path / "run")
    assert caught.value.reason == "checkpoint_mismatch"
    result = train_run(other, tmp_path / "run", restart=True)
    assert result is not None
    assert result["epochs"] == 1


def test_threads_and_checkpoints_are_no_other_configuration(tmp_path: Path) -> None:
    base, more, other = (
        config_digest(config_of(digits_table(tmp_path, training=training)))
        for training in ({}, {"threads": 2, "checkpoint_steps": 3}, {"epochs": 4})
    )
    assert base == more != other


def test_another_network_is_refused(tmp_path: Path) -> None:
    model, optimizer = stepped()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, model, optimizer, {}, Place(config_digest="x"))
    wider = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    with pytest.raises(
        CheckpointMismatch, match=r"does not fit the network: size mismatch for 0.weight: .*; start anew"
    ):
        load_checkpoint(path, wider, torch.optim.Adam(wider.parameters()), "x")


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "no_place", "foreign_place"])
def test_a_damaged_file_is_told(tmp_path: Path, damage: str) -> None:
    model, optimizer = stepped()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, model, optimizer, {}, Place(config_digest="x"))
    data = path.read_bytes()
    if damage == "no_place":
        save_file(load_file(path), path)
    elif damage == "foreign_place":
        save_file(load_file(path), path, {"place": '{"epochs": 3}'})
    else:
        path.write_bytes({"cut": data[:-100], "noise": os.urandom(500), "empty": b""}[damage])
    with pytest.raises(CheckpointMismatch, match=r"is damaged \(.*--restart") as caught:
        load_checkpoint(path, model, optimizer, "x")
    assert caught.value.reason == "checkpoint_damaged"


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, optimizer = stepped()
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, model, optimizer, {}, Place(epoch=1))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match="no room left"):
        save_checkpoint(path, model, optimizer, {}, Place(epoch=2))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
