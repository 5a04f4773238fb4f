"""A training step where the negative has its own bias: one pass of the tower, a bias for each place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_builders import config_of, shapes_table, write_shapes

from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask

pytestmark = pytest.mark.train


@pytest.fixture
def task(tmp_path: Path) -> RelevanceTask:
    """Lists of two; the biases already differ."""
    table = shapes_table(
        write_shapes(tmp_path / "data", 2),
        scorer={"head": "tanh", "negative_bias": "separate"},
        objective={"type": "ranknet", "negatives": "random", "list_size": 2, "symmetric": False},
    )
    made = prepare(config_of(table)).task
    assert isinstance(made, RelevanceTask)
    bias = made.model.scorer.image_head.negative_bias
    assert bias is not None
    with torch.no_grad():
        bias.copy_(torch.linspace(-1, 1, len(bias)))
    return made


def loss_pair_by_pair(task: RelevanceTask) -> Tensor:
    """The same loss with every image of every list read and encoded for itself, in its own place."""
    batch, model = task.batches.batch(0, 0), task.model
    assert batch.items is not None
    queries = model.encode_text(task.train.texts.take(batch.queries))
    places = []
    for place in (0, 1):
        inputs = task.train.images.take(batch.images[batch.items[:, place]], None)
        places.append(model.image_row(model.image_features(inputs), negative=place == 1))
    scores = model.scorer.lists(queries, torch.stack(places, 1))
    return task.objective(scores, torch.from_numpy(batch.grades), torch.from_numpy(batch.known))


def gradients(task: RelevanceTask, loss: Tensor) -> dict[str, Tensor]:
    """Of every parameter, by name."""
    task.model.zero_grad()
    torch.autograd.backward(loss)
    return {name: each.grad.clone() for name, each in task.model.named_parameters() if each.grad is not None}


def test_loss_and_gradients_are_those_of_the_pairs(task: RelevanceTask) -> None:
    loss, expected = task.loss(0, 0), loss_pair_by_pair(task)
    torch.testing.assert_close(loss, expected)
    found, wanted = gradients(task, loss), gradients(task, expected)
    assert found.keys() == wanted.keys()
    assert "scorer.image_head.negative_bias" in found
    for name, each in wanted.items():
        torch.testing.assert_close(found[name], each, rtol=1e-4, atol=1e-6)


def test_images_pass_the_tower_once(task: RelevanceTask) -> None:
    seen: list[int] = []
    task.model.image.register_forward_hook(lambda _tower, inputs, _rows: seen.append(len(inputs[0])))
    task.loss(0, 0)
    assert seen == [len(task.batches.batch(0, 0).images)]
