"""A run never ends in silence with NaN: not from its rate, not from its data, not in its last step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_builders import config_of, digits_table, shapes_table, write_digits, write_shapes

from tusou.errors import TrainingError
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask, first_ranks
from tusou.training.run import train_run
from tusou.training.run_folder import RunFolder
from tusou.training.trainer import Trainer

pytestmark = pytest.mark.train


def test_a_huge_rate_is_told_with_its_step(tmp_path: Path) -> None:
    digits = write_digits(tmp_path / "digits.npz", 60, 20)
    table = digits_table(digits, optimizer={"lr": 1e30})
    with pytest.raises(TrainingError, match=r"epoch 1, step \d+; lower optimizer\.lr") as caught:
        train_run(config_of(table), tmp_path / "run")
    assert caught.value.reason in ("loss_not_finite", "weights_not_finite")
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def relevance_trainer(tmp_path: Path, **training: int) -> tuple[RelevanceTask, Trainer]:
    table = shapes_table(write_shapes(tmp_path / "data", 2), training=training)
    config = config_of(table)
    task = prepare(config).task
    assert isinstance(task, RelevanceTask)
    return task, Trainer(task, config, RunFolder(tmp_path / "run"))


def test_a_feature_of_nan_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, trainer = relevance_trainer(tmp_path)
    take = task.train.images.take
    monkeypatch.setattr(task.train.images, "take", lambda rows, draw: take(rows, draw) * torch.nan)
    with pytest.raises(TrainingError, match=r"the loss became nan at epoch 1, step 1; .*tusou data check"):
        trainer.run()


def test_weights_broken_by_the_last_step_are_neither_measured_nor_written(tmp_path: Path) -> None:
    """Every comparison with NaN is false, so such a network once ranked everything first."""
    task, trainer = relevance_trainer(tmp_path, epochs=2, checkpoint_steps=1)
    step = trainer.optimizer.step
    last = 2 * task.steps

    def break_last(*_: object) -> None:
        step()
        state = trainer.place
        if state.epoch * task.steps + state.step + 1 == last:
            task.model.scorer.text_head.linear.weight.data[0, 0] = torch.nan

    trainer.optimizer.step = break_last  # type: ignore[method-assign,assignment]
    with pytest.raises(TrainingError, match=r"weight .*text_head.* is no longer finite at epoch 2") as caught:
        trainer.run()
    assert caught.value.reason == "weights_not_finite"
    kept = load_file(tmp_path / "run" / "checkpoint.safetensors")
    assert {name for name in kept if name.startswith("best.")}
    assert all(bool(value.isfinite().all()) for value in kept.values())


def test_nan_never_ranks_first(tmp_path: Path) -> None:
    task, _ = relevance_trainer(tmp_path)
    queries, images = task.rows(task.dev)
    ranks = first_ranks(task.model, task.dev.data, queries, torch.full_like(images, torch.nan))
    assert np.array_equal(ranks, np.full(24, 12))
