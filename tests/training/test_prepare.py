"""Data that cannot be used is refused with its name; caches are filled once and agree with the tower."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_builders import config_of, digits_table, shapes_table, write_digits, write_shapes

from tusou.errors import ConfigError, DataError, StorageFull
from tusou.training.caching import cache_images, image_input
from tusou.training.data.inputs import CachedImages, PixelImages
from tusou.training.data.reading import read_data
from tusou.training.data.relevance import RelevanceData
from tusou.training.model import RelevanceModel
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask
from tusou.training.towers.base import ImageTower
from tusou.training.towers.image.registry import build_image_tower

pytestmark = pytest.mark.train

USAGE = namedtuple("USAGE", "total used free")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "data", 2)


def task_of(table: dict[str, Any]) -> RelevanceTask:
    torch.manual_seed(0)  # of the tower, whose weights name the cache
    task = prepare(config_of(table)).task
    assert isinstance(task, RelevanceTask)
    return task


def tower() -> ImageTower:
    torch.manual_seed(0)
    made = build_image_tower("lenet5", size=32, channels=3)
    assert isinstance(made, ImageTower)
    return made


def relevance(path: Path) -> RelevanceData:
    data = read_data(path)
    assert isinstance(data, RelevanceData)
    return data


def test_a_cached_trunk_and_its_head_are_the_tower(shapes: Path, tmp_path: Path) -> None:
    """ONNX Runtime ran the trunk, float16 kept it: half a thousandth."""
    network, pictures = tower(), relevance(shapes).pictures[:5]
    rows = cache_images(network, 1, pictures, tmp_path, "digest")
    head = network.split(1)[1]
    pixels = PixelImages(pictures, image_input(network)).take(np.arange(5), None)
    with torch.inference_mode():
        found, expected = head(torch.from_numpy(rows.astype(np.float32))), network(pixels)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=2e-3)


def test_a_second_run_encodes_nothing(shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = shapes_table(shapes, image={"train": 1, "views": 2}, data={"cache": str(tmp_path / "cache")})
    first = task_of(table).train.images.take(np.arange(24), 5)
    shutil.copytree(tmp_path / "cache", tmp_path / "other")

    def encoded(*_: object) -> bytes:
        raise AssertionError("a picture was encoded")

    monkeypatch.setattr("tusou.training.caching.decode_picture", encoded)
    assert torch.equal(task_of(table).train.images.take(np.arange(24), 5), first)


def test_views_differ_and_measuring_takes_the_plain_one(shapes: Path, tmp_path: Path) -> None:
    table = shapes_table(shapes, image={"train": 1, "views": 3}, data={"cache": str(tmp_path / "cache")})
    task = task_of(table)
    images, rows = task.train.images, np.arange(24)
    assert isinstance(images, CachedImages)
    plain = images.take(rows, None)
    assert torch.equal(plain, images.take(rows, None))
    draws = [images.take(rows, draw) for draw in range(4)]
    assert torch.equal(draws[0], images.take(rows, 0))
    assert not torch.equal(draws[0], draws[1])
    changed = torch.stack([(draw != plain).flatten(1).any(1) for draw in draws]).float().mean().item()
    assert 0.4 < changed < 0.9  # two thirds are expected
    assert torch.equal(task.dev.images.take(np.arange(3), 7), task.dev.images.take(np.arange(3), None))


def test_frozen_norms_keep_their_statistics() -> None:
    image = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))
    for fixed in (True, False):
        model = RelevanceModel(image, torch.nn.Identity(), torch.nn.Identity(), fixed_norms=fixed)  # type: ignore[arg-type]
        norm = image[1]
        assert isinstance(norm, torch.nn.BatchNorm2d)
        assert norm.running_mean is not None
        before = norm.running_mean.clone()
        model.train()
        image(torch.randn(4, 3, 2, 2) + 5)
        assert torch.equal(norm.running_mean, before) == fixed


def test_data_of_the_wrong_kind_is_refused(shapes: Path, tmp_path: Path) -> None:
    digits = write_digits(tmp_path / "digits.npz", 60, 20)
    for table, message in (
        (shapes_table(digits), "does not hold queries with lists of images"),
        (digits_table(shapes), "does not hold classes of images"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            prepare(config_of(table))
        assert caught.value.reason == "wrong_kind"


def test_an_empty_split_is_named(shapes: Path) -> None:
    with pytest.raises(DataError, match="no image belongs to split 'valid'; found: dev, train"):
        prepare(config_of(shapes_table(shapes, data={"dev": "valid"})))


def test_a_damaged_picture_is_left_out_and_the_run_goes_on(tmp_path: Path) -> None:
    shapes = write_shapes(tmp_path / "data", 2)
    (shapes / "images" / "red-circle-0.png").write_bytes(b"no picture")
    task = task_of(shapes_table(shapes))
    assert len(task.train.data.pictures) == 23
    task.rows(task.train)


def test_a_picture_that_vanished_is_named(tmp_path: Path) -> None:
    shapes = write_shapes(tmp_path / "data", 2)
    task = task_of(shapes_table(shapes))
    (shapes / "images" / "red-circle-0.png").unlink()
    with pytest.raises(DataError, match=r"red-circle-0\.png cannot be read: No such file"):
        task.rows(task.train)


def test_words_that_occur_too_seldom_leave_no_vocabulary(shapes: Path) -> None:
    with pytest.raises(
        DataError, match=r"no word occurs 99 times in the training queries; lower text\.min_count"
    ):
        prepare(config_of(shapes_table(shapes, text={"min_count": 99})))


def test_vectors_that_know_no_word_are_refused(shapes: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("quark 1 0\nlepton 0 1\n", encoding="utf-8")
    table = shapes_table(shapes, text={"vectors": [str(vectors)], "options": {}})
    with pytest.raises(
        ConfigError, match=r"text\.vectors: none of the \d+ words of the queries has a vector"
    ):
        prepare(config_of(table))


def test_unknown_words_of_dev_queries_are_measured_all_the_same(shapes: Path) -> None:
    task = task_of(shapes_table(shapes))
    queries = tuple("xyzzy" for _ in task.dev.data.queries)
    ids, mask = task.dev.texts._reader.batch([task.dev.texts._reader.ids(q) for q in queries])  # type: ignore[attr-defined]
    rows = task.model.eval().encode_text((torch.from_numpy(ids), torch.from_numpy(mask)))
    assert bool(rows.isfinite().all())


def test_too_little_disk_is_told_before_anything_is_cached(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: USAGE(10, 9, 1))
    table = shapes_table(shapes, image={"train": 1}, data={"cache": str(tmp_path / "cache")})
    with pytest.raises(StorageFull, match=r"features need .* free space"):
        prepare(config_of(table))
