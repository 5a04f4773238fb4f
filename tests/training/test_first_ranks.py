"""First ranks: of a concatenation scorer as of a cosine, in blocks no larger than asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from training_builders import config_of, shapes_table, write_shapes

from tusou.training import relevance_task
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask, first_ranks

pytestmark = pytest.mark.train


def test_ranks_in_blocks_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All images at once took gigabytes: a concatenation scorer keeps a hidden layer for every pair."""
    source = write_shapes(tmp_path / "data", 2)
    table = shapes_table(source, scorer={"type": "concatenation"}, objective={"symmetric": False})
    task = prepare(config_of(table)).task
    assert isinstance(task, RelevanceTask)
    torch.manual_seed(1)
    queries, images = torch.randn(24, 16), torch.randn(12, 16)
    whole = first_ranks(task.model, task.dev.data, queries, images)
    scores = task.model.joint_scores(queries, images, None).detach().numpy()
    own = scores[np.arange(24), task.dev.data.items][:, None]
    assert whole.tolist() == (1 + (scores > own).sum(1)).tolist()

    shapes: list[tuple[int, ...]] = []
    grid = task.model.scorer.grid

    def counting(some: Tensor, few: Tensor) -> Tensor:
        shapes.append((len(some), len(few)))
        return grid(some, few)

    monkeypatch.setattr(task.model.scorer, "grid", counting)
    monkeypatch.setattr(relevance_task, "ENCODE_BATCH", 5)
    assert first_ranks(task.model, task.dev.data, queries, images).tolist() == whole.tolist()
    assert max(max(shape) for shape in shapes) == 5
    assert len(shapes) == 5 * 3
