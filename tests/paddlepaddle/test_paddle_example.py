"""The example from drawing to searching: trained on PaddlePaddle, served by tusou; a shuffled control."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from export import feature_model, image_tower, text_tower  # type: ignore[import-not-found]
from shapes import COLORS, SHAPES  # type: ignore[import-not-found]

from tusou.catalog.library import Library
from tusou.encoders.bundle_encoder import open_encoder
from tusou.search.engine import SearchEngine
from tusou.types import SearchRequest

pytestmark = pytest.mark.paddle

EXAMPLE = Path(__file__).parents[2] / "examples" / "paddlepaddle"

Truth = dict[str, dict[str, str]]
WORDS = {"color": {name: zh for name, (_, zh) in COLORS.items()}, "shape": SHAPES}


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make(folder: Path, *options: str) -> str:
    """Train, then bring the unseen pictures into a library with the bundle; returns what training printed."""
    printed = run(EXAMPLE / "train.py", folder, *options)
    tusou(folder, "supplier", "add", "shapes", "--license", "CC0-1.0")
    tusou(folder, "ingest", str(folder / "pictures"), "--supplier", "shapes", "--quiet")
    return printed


def tusou(folder: Path, *arguments: str) -> str:
    library, bundle = str(folder / "library"), str(folder / "bundle")
    return run("-m", "tusou", *arguments, TUSOU_LIBRARY=library, TUSOU_BUNDLE=bundle)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("shapes")
    return folder, make(folder)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shuffled")
    make(folder, "--shuffle")
    return folder


@contextmanager
def engine(folder: Path) -> Iterator[SearchEngine]:
    with Library.open(folder / "library") as library:
        opened = SearchEngine.open(library, open_encoder(folder / "bundle"))
        try:
            yield opened
        finally:
            opened.close()


def precision(folder: Path, kind: str) -> float:
    """R-precision over all words of one kind in both languages."""
    truth: Truth = json.loads((folder / "truth.json").read_text("utf-8"))
    found = []
    with engine(folder) as searching:
        for name, chinese in WORDS[kind].items():
            relevant = {file for file, each in truth.items() if each[kind] == name}
            for word in (name, chinese):
                hits = searching.search(SearchRequest(q=word, limit=len(relevant))).hits
                found.append(len(relevant & {hit.image.item_id for hit in hits}) / len(relevant))
    return float(np.mean(found))


def test_loss_starts_at_ln_2_and_falls(made: tuple[Path, str]) -> None:
    losses = [float(value) for value in re.findall(r"loss per triple ([\d.]+)", made[1])]
    assert losses[0] == pytest.approx(log(2), abs=0.05)
    assert losses[-1] < 0.1


@pytest.mark.parametrize("word", ["red", "红色"])
def test_command_line_finds_the_red_pictures_first(made: tuple[Path, str], word: str) -> None:
    folder, _ = made
    truth: Truth = json.loads((folder / "truth.json").read_text("utf-8"))
    answer: dict[str, Any] = json.loads(tusou(folder, "search", word, "--k", "5", "--json"))
    assert [truth[each["item_id"]]["color"] for each in answer["results"]] == ["red"] * 5


def test_bundle_passes_verification(made: tuple[Path, str]) -> None:
    assert "paddle-shapes" in tusou(made[0], "models", "verify", str(made[0] / "bundle"))


@pytest.mark.parametrize(("kind", "least"), [("color", 0.95), ("shape", 0.8)])
def test_unseen_pictures_are_found_and_the_control_is_not(
    made: tuple[Path, str], control: Path, kind: str, least: float
) -> None:
    """By chance 1/7 of the colours and 1/3 of the shapes are right."""
    chance = 1 / len(WORDS[kind])
    assert precision(made[0], kind) >= least
    assert precision(control, kind) < (chance + least) / 2


def test_graphs_compute_the_layers() -> None:
    """The written operations against the same formulas in numpy."""
    random = np.random.default_rng(1)
    shapes = {
        "query_weight": (100, 512),
        "image_weight": (1000, 512),
        "query_bias": (512,),
        "image_bias": (512,),
    }
    weights = {
        name: (0.05 * random.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()
    }
    table = random.standard_normal((9, 100)).astype(np.float32)
    pixels = random.random((2, 3, 60, 60), np.float32)
    ids, mask = np.array([[2, 3, 0], [4, 5, 8]]), np.array([[1, 1, 0], [1, 1, 1]])

    def outcome(model: Any, **inputs: np.ndarray) -> np.ndarray:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        found: np.ndarray = session.run(None, inputs)[0]
        return found

    def embedded(features: np.ndarray, side: str) -> np.ndarray:
        rows: np.ndarray = np.tanh(features @ weights[f"{side}_weight"] + weights[f"{side}_bias"])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    features = outcome(feature_model(), pixels=pixels)
    assert features.shape == (2, 1000)
    np.testing.assert_allclose(
        outcome(image_tower(weights), pixels=pixels), embedded(features, "image"), atol=1e-6
    )
    means = np.array([table[[2, 3]].mean(axis=0), table[[4, 5, 8]].mean(axis=0)])
    np.testing.assert_allclose(
        outcome(text_tower(table, weights), ids=ids, mask=mask), embedded(means, "query"), atol=1e-6
    )
