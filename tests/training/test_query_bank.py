"""Query-bank normalisation folded into towers ranks as the formula does, and brings hubs down."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from bundle_builder import build_bundle
from tusou.cli.main import cli
from tusou.encoders.bundle_encoder import BundleEncoder
from tusou.errors import BundleError
from tusou.models.bundle import load_bundle
from tusou.models.manifest import DataSource
from tusou.training.data.relevance import RelevanceData
from tusou.training.query_bank import BETA, LEVEL, WEIGHT, QueryBank, fold_query_bank

SOURCE = DataSource(name="made by hand", license="CC0-1.0", use="query bank")
QUERIES = ["red", "green", "green green blue", "blue", "red red green"]


def picture(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((20, 20, 3), (red, green, blue), np.uint8)


PICTURES = [
    picture(250, 10, 10),
    picture(10, 250, 10),
    picture(20, 20, 240),
    picture(120, 120, 120),
    picture(9, 90, 40),
]


@dataclass(frozen=True)
class Drawn:
    """A picture in memory."""

    key: str
    pixels: np.ndarray

    def read(self) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(self.pixels).save(stream, "PNG")
        return stream.getvalue()


def data_of(queries: list[str]) -> RelevanceData:
    """The pictures, and queries that each ask for the first."""
    pictures = tuple(Drawn(str(i), pixels) for i, pixels in enumerate(PICTURES))
    n = len(queries)
    return RelevanceData(
        pictures,
        tuple(queries),
        ("en",) * n,
        np.arange(n + 1),
        np.zeros(n, np.int64),
        np.ones(n, np.float32),
        ("train",) * len(pictures),
    )


def unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def test_towers_give_what_the_formula_says(tmp_path: Path) -> None:
    plain = load_bundle(build_bundle(tmp_path / "plain", space=6))
    fold_query_bank(plain, data_of(QUERIES), tmp_path / "folded", version="2", source=SOURCE)
    folded = load_bundle(tmp_path / "folded")
    before, after = BundleEncoder(plain), BundleEncoder(folded)
    queries, images = before.encode_texts(QUERIES), before.encode_images(PICTURES)
    kinds, counts = np.unique(queries.round(6), axis=0, return_counts=True)  # few queries: one cluster each
    burden = np.log(np.exp(BETA * images @ kinds.T) @ (counts / counts.sum())) / BETA
    slope = WEIGHT * np.sqrt(1 - LEVEL**2) / LEVEL
    level = -slope * (burden - burden.mean())
    expected = np.sqrt(1 - LEVEL**2) * queries @ images.T * np.sqrt(1 - level**2) + LEVEL * level
    found = after.encode_texts(QUERIES) @ after.encode_images(PICTURES).T
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(after.encode_images(PICTURES)[:, -1], level, atol=2e-4)


def test_a_hub_gives_way_to_the_better_answer() -> None:
    axes, common = np.eye(11)[:10], np.eye(11)[10]
    queries = unit(0.6 * axes + 0.8 * common)
    gallery = unit(np.vstack([axes + 0.2 * common, common]))  # the last one is a hub
    plain = queries @ gallery.T
    normalized = plain - QueryBank.fit(queries, gallery).burden(gallery)
    assert plain.argmax(axis=1).tolist() == [10] * 10
    assert normalized.argmax(axis=1).tolist() == list(range(10))


def test_the_manifest_tells_what_was_done(tmp_path: Path) -> None:
    plain = load_bundle(build_bundle(tmp_path / "plain"))
    fold_query_bank(plain, data_of(QUERIES), tmp_path / "folded", version="2", source=SOURCE)
    folded = load_bundle(tmp_path / "folded").manifest
    assert (folded.version, folded.dim, folded.figures) == ("2", plain.dim, {})
    assert folded.sources[-1] == SOURCE
    assert load_bundle(tmp_path / "folded").model_id != plain.model_id


def test_what_cannot_be_folded_is_refused(tmp_path: Path) -> None:
    plain = load_bundle(build_bundle(tmp_path / "plain"))
    with pytest.raises(BundleError, match="two queries") as caught:
        fold_query_bank(plain, data_of(["red"]), tmp_path / "folded", version="2", source=SOURCE)
    assert caught.value.reason == "empty_query_bank"
    scorer = build_bundle(tmp_path / "scorer", scorer="image.onnx")
    with pytest.raises(BundleError, match=r"scores with image\.onnx"):
        fold_query_bank(
            load_bundle(scorer), data_of(QUERIES), tmp_path / "folded", version="2", source=SOURCE
        )
    assert not (tmp_path / "folded").exists()


def test_the_command_folds_a_captioned_set(tmp_path: Path) -> None:
    build_bundle(tmp_path / "plain", space=6, languages=["en"])  # it knows no Chinese colours
    (tmp_path / "set/images").mkdir(parents=True)
    lines = []
    for i, (pixels, word) in enumerate(zip(PICTURES, ("red", "green", "blue", "red", "green"), strict=False)):
        Image.fromarray(pixels).save(tmp_path / f"set/images/{i}.png")
        lines.append({"image": f"{i}.png", "split": "train", "en": [word]})
    (tmp_path / "set/captions.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    names = {"--output": "folded", "--data": "set"}
    options = [text for name, place in names.items() for text in (name, str(tmp_path / place))]
    options += ["--split", "train", "--version", "1.1", "--name", "a set", "--license", "CC0-1.0", "--json"]
    result = CliRunner().invoke(cli, ["models", "query-bank", str(tmp_path / "plain"), *options])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.output)
    assert answer["model_id"] == load_bundle(tmp_path / "folded").model_id
    assert answer["queries"] == 5
