"""Text tower x scorer x objective x negatives: each combination is built from a configuration and learns.

Of the 7 x 2 x 8 x 4 combinations, InfoNCE and SigLIP over lists of their own are refused (REFUSED); they are
losses over a batch. All others take eight steps on one batch of generated pictures and queries in both
languages.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from tusou.errors import ConfigError
from tusou.training.config import parse_run_config
from tusou.training.model import RelevanceModel
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask

pytestmark = pytest.mark.train

COLOURS = {"red": "红色", "green": "绿色", "blue": "蓝色"}
SHAPES = {"circle": "圆圈", "square": "方块", "stripe": "条纹"}

TOWERS: dict[str, dict[str, Any]] = {
    "bag_of_words": {"width": 8},
    "word_mean": {"dim": 8},
    "rnn": {"dim": 8, "hidden": 8},
    "lstm": {"dim": 8, "hidden": 8},
    "gru": {"dim": 8, "hidden": 8},
    "transformer": {"width": 8, "heads": 2, "layers": 1, "dropout": 0.0},
    "onnx": {},
}
SCORERS = ["embedding", "concatenation"]
OBJECTIVES = ["bce", "softmax", "listwise", "ranknet", "triplet", "max_hinge", "info_nce", "siglip"]
NEGATIVES = ["in_batch", "random", "hard", "shown"]
REFUSED = set(product(["info_nce", "siglip"], NEGATIVES[1:]))
COMBINATIONS = [
    each for each in product(TOWERS, SCORERS, OBJECTIVES, NEGATIVES) if (each[2], each[3]) not in REFUSED
]
STEPS = 8


def picture(seed: int) -> bytes:
    """32 pixels square of coloured noise, unlike that of any other seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    pixels = cv2.resize(noise, (32, 32), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


@pytest.fixture(scope="module")
def clicks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine pictures; each query was shown the three of its colour, graded 2, 1, 0."""
    folder = tmp_path_factory.mktemp("clicks")
    rows = []
    for seed, (colour, shape) in enumerate(product(COLOURS, SHAPES)):
        name = f"{colour}-{shape}.jpg"
        (folder / name).write_bytes(picture(seed))
        others = [f"{colour}-{each}.jpg" for each in SHAPES if each != shape]
        rows += [
            {"query": query, "shown": [name, *others], "grades": [2, 1, 0]}
            for query in (f"{colour} {shape}", COLOURS[colour] + SHAPES[shape])
        ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "clicks.jsonl").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sentence_encoder(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A frozen graph: the mean of random rows of the words."""
    folder = tmp_path_factory.mktemp("encoder")
    words = ["<pad>", "<unk>", *COLOURS, *(shape.replace("circle", "circl") for shape in SHAPES)]
    words += [word for texts in (COLOURS, SHAPES) for word in texts.values()]
    (folder / "words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    rows = np.random.default_rng(0).normal(size=(len(words), 16)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["rows", "ids"], ["found"]),
            helper.make_node("ReduceMean", ["found"], ["features"], axes=[1], keepdims=0),
        ],
        "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 16])],
        [numpy_helper.from_array(rows, "rows")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "encoder.onnx")
    tokenizer = {"type": "words", "file": "words.txt", "max_tokens": 8}
    return {"file": str(folder / "encoder.onnx"), "tokenizer": tokenizer}


Build = Callable[..., RelevanceTask]


@pytest.fixture
def build(clicks: Path, sentence_encoder: dict[str, Any]) -> Build:
    """From the four names to a task; its batch is the whole training split."""

    def task_of(tower: str, scorer: str, objective: str, negatives: str, **image: Any) -> RelevanceTask:
        table = {
            "name": "small",
            "seed": 2,  # draws one colour as dev
            "data": {"source": str(clicks), "dev_share": 0.34, "cache": str(clicks / "cache")},
            "image": {"tower": "lenet5", "options": {"size": 32, "channels": 3}, **image},
            "text": {"tower": tower, "options": TOWERS[tower] or sentence_encoder, "min_count": 1},
            "scorer": {"type": scorer, "dim": 8, "hidden": 8, "scale": 5.0, "learn_bias": True},
            "objective": {
                "type": objective,
                "negatives": negatives,
                "list_size": 3,
                "symmetric": negatives == "in_batch",
            },
            "training": {"batch_size": 64, "loaders": 1},
        }
        torch.manual_seed(0)
        task = prepare(parse_run_config(table, "test")).task
        assert isinstance(task, RelevanceTask)
        assert task.steps == 1
        return task

    return task_of


def descend(task: RelevanceTask) -> list[float]:
    """Losses of a few steps, all on one batch."""
    learning = [each for each in task.model.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=5e-3)
    task.begin_epoch(0)
    task.model.train()
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = task.loss(0, 0)
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    return losses


def reached(module: nn.Module) -> bool:
    """Whether the last step's gradient got there."""
    return any(each.grad is not None and bool(each.grad.any()) for each in module.parameters())


def check_reached(model: RelevanceModel, *, image: bool, text: bool) -> None:
    assert reached(model.image) is image
    assert reached(model.text) is text
    assert reached(model.scorer.image_head)
    assert reached(model.scorer.text_head)


@pytest.mark.parametrize(("tower", "scorer", "objective", "negatives"), COMBINATIONS)
def test_combination_learns(build: Build, tower: str, scorer: str, objective: str, negatives: str) -> None:
    task = build(tower, scorer, objective, negatives)
    losses = descend(task)
    assert losses[-1] < losses[0]
    check_reached(task.model, image=True, text=tower != "onnx")


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_frozen_towers_let_only_their_heads_learn(build: Build, objective: str) -> None:
    task = build("onnx", "embedding", objective, "in_batch", train="none")
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    losses = descend(task)
    assert losses[-1] < losses[0]
    check_reached(task.model, image=False, text=False)
    moved = {name for name, value in task.model.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0] for name in moved} == {"scorer"}


def test_last_stages_learn_behind_a_cached_trunk(build: Build) -> None:
    task = build("gru", "embedding", "info_nce", "in_batch", train=1)
    losses = descend(task)
    assert losses[-1] < losses[0]
    check_reached(task.model, image=True, text=True)


@pytest.mark.parametrize(("objective", "negatives"), sorted(REFUSED))
def test_refused_combinations(build: Build, objective: str, negatives: str) -> None:
    with pytest.raises(ConfigError, match=f"objective.type = '{objective}' is a loss over a batch"):
        build("gru", "embedding", objective, negatives)


def test_counts() -> None:
    assert len(COMBINATIONS) == 7 * 2 * (8 * 4 - len(REFUSED)) == 364
    assert len(REFUSED) == 6


def test_control_without_steps_nothing_falls(build: Build) -> None:
    task = build("gru", "embedding", "info_nce", "in_batch")
    task.model.train()
    assert task.loss(0, 0).item() == task.loss(0, 0).item()
