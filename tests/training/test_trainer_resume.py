"""A run that is killed, or stopped by hand, ends with the very bytes it would have had."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from training_builders import config_of, shapes_table, write_config, write_shapes

from tusou.training.prepare import prepare
from tusou.training.run import train_run
from tusou.training.run_folder import RunFolder
from tusou.training.trainer import Progress, Trainer

pytestmark = pytest.mark.train


class _Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def everything(source: Path, **sections: Any) -> dict[str, Any]:
    """A run with all that must be brought back: dropout, mined negatives, mean, schedule, views."""
    table: dict[str, Any] = {
        "scorer": {"dropout": 0.2, "head": "mlp", "hidden": 8},
        "image": {"train": 2, "views": 2},
        "text": {"tower": "gru", "options": {"hidden": 8}},
        "objective": {"type": "ranknet", "negatives": "hard", "list_size": 4, "symmetric": False},
        "optimizer": {
            "type": "adamw",
            "weight_decay": 0.01,
            "average": 0.9,
            "schedule": "cosine",
            "warmup": 0.1,
        },
        "training": {"epochs": 3, "checkpoint_steps": 2, "batch_size": 16},
    }
    return shapes_table(source, **{**table, **sections})


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "data", 2)


@pytest.fixture(scope="module")
def uninterrupted(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    train_run(config_of(everything(shapes)), folder)
    return folder


def same_run(one: Path, other: Path) -> bool:
    """Same weights to the byte, same history but for the seconds."""

    def table(folder: Path) -> list[str]:
        return [line.rpartition(",")[0] for line in (folder / "history.csv").read_text("utf-8").splitlines()]

    names = ("weights.safetensors",)
    return table(one) == table(other) and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names
    )


def test_every_step_may_be_the_last(shapes: Path, uninterrupted: Path, tmp_path: Path) -> None:
    """Killed after each third step and begun again from what the disk holds, to the end."""
    config = config_of(everything(shapes))
    steps = 0
    deaths = 0

    def die(_: Progress) -> None:
        nonlocal steps
        steps += 1
        if steps % 3 == 0:
            raise _Killed

    while True:
        try:
            train_run(config, tmp_path / "run", step=die)
            break
        except _Killed:
            deaths += 1
    assert deaths >= 3
    assert same_run(tmp_path / "run", uninterrupted)


def test_other_objectives_come_back_as_well(shapes: Path, tmp_path: Path) -> None:
    """A concatenation scorer with dropout on pixels that are augmented, SGD with momentum."""
    sections: dict[str, Any] = {
        "image": {"train": "all", "views": 1, "augment": "photo"},
        "text": {"tower": "word_mean", "options": {"dim": 8}},
        "scorer": {"type": "concatenation", "dropout": 0.2, "head": "linear", "hidden": 8},
        "objective": {"type": "triplet", "negatives": "in_batch", "symmetric": True, "list_size": 2},
        "optimizer": {"type": "sgd", "lr": 0.01, "weight_decay": 0.0, "average": 0.0},
        "training": {"epochs": 2, "checkpoint_steps": 1, "batch_size": 16},
    }
    config = config_of(everything(shapes, **sections))
    train_run(config, tmp_path / "whole")
    steps = 0

    def die_once(_: Progress) -> None:
        nonlocal steps
        steps += 1
        if steps == 5:
            raise _Killed

    with pytest.raises(_Killed):
        train_run(config, tmp_path / "run", step=die_once)
    train_run(config, tmp_path / "run", step=die_once)
    assert same_run(tmp_path / "run", tmp_path / "whole")


def command(tmp_path: Path, table: dict[str, Any]) -> list[str]:
    config = write_config(tmp_path / "run.toml", table)
    return [sys.executable, "-m", "tusou", "train", str(config), "--runs", str(tmp_path / "runs"), "--json"]


def wait_for_step(folder: Path, process: subprocess.Popen[bytes], places: int) -> None:
    """Until the checkpoint was replaced a few times."""
    path, seen, last = folder / "checkpoint.safetensors", 0, 0
    while process.poll() is None and seen < places:
        now = path.stat().st_ino if path.exists() else 0
        seen, last = seen + (now != last), now
        time.sleep(0.002)


def test_kill_nine_then_ctrl_c(shapes: Path, tmp_path: Path) -> None:
    """At random moments of whole processes; the third one ends as if nothing had happened.

    The run is longer than those above, and the second process is interrupted at its first checkpoint: what
    has ended cannot be interrupted.
    """
    rng = random.Random(11)
    table = everything(shapes, training={"epochs": 15, "checkpoint_steps": 2, "batch_size": 16})
    train_run(config_of(table), tmp_path / "whole")
    folder = tmp_path / "runs" / "shapes"
    for number in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen(command(tmp_path, table), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        killed = number == signal.SIGKILL
        wait_for_step(folder, process, rng.randint(2, 4) if killed else 2)
        time.sleep(rng.random() * 0.05 if killed else 0)
        process.send_signal(number)
        _, message = process.communicate(timeout=300)
    assert process.returncode == 130, message.decode()
    assert b"the same command goes on" in message
    assert b"Traceback" not in message
    train_run(config_of(table), folder)
    assert same_run(folder, tmp_path / "whole")
    assert not list(folder.glob(".*"))


def test_mined_negatives_are_those_of_the_epoch(shapes: Path, tmp_path: Path) -> None:
    """They belong to weights that are gone, so a checkpoint in mid-epoch carries them."""
    config = config_of(everything(shapes))

    def die(progress: Progress) -> None:
        if progress.epoch == 1:
            raise _Killed

    with pytest.raises(_Killed):
        train_run(config, tmp_path, step=die)
    train_run(config, tmp_path)
    with safe_open(tmp_path / "checkpoint.safetensors", framework="pt") as file:
        hard = file.get_tensor("task.hard")
    torch.manual_seed(config.seed)
    task = prepare(config).task
    trainer = Trainer(task, config, RunFolder(tmp_path))
    trainer.run()
    assert torch.equal(task.state()["hard"], hard)
    assert hard.shape[0] == 48
