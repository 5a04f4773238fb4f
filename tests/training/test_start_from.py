"""A run goes on from another: other stages, other data, the same network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_builders import config_of, shapes_table, write_shapes

from tusou.errors import CheckpointMismatch
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask
from tusou.training.run import train_run

pytestmark = pytest.mark.train


def task_of(table: dict[str, Any]) -> RelevanceTask:
    task = prepare(config_of(table)).task
    assert isinstance(task, RelevanceTask)
    return task


def test_weights_go_on_whichever_stages_learn(tmp_path: Path) -> None:
    """The first run trains the whole tower, the second the last two stages only: the embeddings are equal."""
    table = shapes_table(write_shapes(tmp_path / "shapes"))
    train_run(config_of(table), tmp_path / "first")
    first = task_of(table)
    first.model.load_state_dict(torch_weights(tmp_path / "first"))
    second = task_of(table | {"start_from": str(tmp_path / "first"), "image": table["image"] | {"train": 2}})
    for expected, found in zip(first.rows(first.dev), second.rows(second.dev), strict=True):
        torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)  # the cached trunk is float16
    fresh = task_of(table)
    assert not torch.allclose(fresh.rows(fresh.dev)[1], second.rows(second.dev)[1], atol=0.1)


def torch_weights(run: Path) -> dict[str, torch.Tensor]:
    from tusou.training.run_folder import RunFolder

    return RunFolder(run).load_weights()


def test_another_network_is_refused(tmp_path: Path) -> None:
    table = shapes_table(write_shapes(tmp_path / "shapes"), training={"epochs": 1})
    train_run(config_of(table), tmp_path / "first")
    wider = table | {"start_from": str(tmp_path / "first"), "scorer": table["scorer"] | {"dim": 8}}
    with pytest.raises(CheckpointMismatch, match="text tower or scorer of"):
        task_of(wider)
    with pytest.raises(CheckpointMismatch, match="is no finished run"):
        task_of(table | {"start_from": str(tmp_path)})
