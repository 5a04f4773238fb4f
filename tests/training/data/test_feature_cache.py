"""Features are computed once, survive kill -9, and are never served damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from tusou.catalog.lock import WriterLock
from tusou.errors import DataError, StorageFull
from tusou.training.data import feature_cache
from tusou.training.data.feature_cache import FeatureCache

Floats = npt.NDArray[np.float32]
COUNT = 10


def cache(root: Path, model: str = "m" * 64, data: str = "d" * 64, view: str = "plain") -> FeatureCache:
    return FeatureCache(root, model, data, view, COUNT)


def features(rows: npt.NDArray[np.int64], shape: tuple[int, ...] = (3,)) -> Floats:
    """Row r holds r, r + 1/1000 and so on."""
    steps = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape) / 1000
    return np.add(rows.reshape(-1, *([1] * len(shape))), steps, dtype=np.float32)


class Encoder:
    """Remembers what it was asked for; dies when told to."""

    def __init__(self, shape: tuple[int, ...] = (3,), dies_at: int = COUNT) -> None:
        self.asked: list[int] = []
        self._shape = shape
        self._dies_at = dies_at

    def __call__(self, rows: npt.NDArray[np.int64]) -> Floats:
        if rows[-1] >= self._dies_at:
            raise KeyboardInterrupt
        self.asked += rows.tolist()
        return features(rows, self._shape)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
def test_rows_are_computed_once(tmp_path: Path, shape: tuple[int, ...]) -> None:
    encoder, parts = Encoder(shape), list[float]()
    built = cache(tmp_path).build(encoder, batch=4, report=parts.append)
    assert encoder.asked == list(range(COUNT))
    assert parts == [0.4, 0.8, 1.0]
    expected = features(np.arange(COUNT), shape).astype(np.float16)
    np.testing.assert_array_equal(built, expected)
    again = cache(tmp_path).build(encoder)
    assert len(encoder.asked) == COUNT
    assert isinstance(again, np.memmap)
    np.testing.assert_array_equal(cache(tmp_path).rows(), expected)


def test_another_tower_data_set_or_view_is_another_cache(tmp_path: Path) -> None:
    folders = {
        each.folder
        for each in (
            cache(tmp_path),
            cache(tmp_path, model="n" * 64),
            cache(tmp_path, data="e" * 64),
            cache(tmp_path, view="flipped"),
        )
    }
    assert len(folders) == 4


def test_an_interrupted_build_goes_on(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        cache(tmp_path).build(Encoder(dies_at=7), batch=3)
    with pytest.raises(DataError, match="holds 6 of 10 rows") as caught:
        cache(tmp_path).rows()
    assert caught.value.reason == "features_missing"
    rows = cache(tmp_path).folder / "rows.bin"
    rows.write_bytes(rows.read_bytes() + b"half a batch")  # written, never committed
    encoder = Encoder()
    built = cache(tmp_path).build(encoder, batch=3)
    assert encoder.asked == [6, 7, 8, 9]
    np.testing.assert_array_equal(built, features(np.arange(COUNT)).astype(np.float16))


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from tusou.training.data.feature_cache import FeatureCache

def encode(rows):
    if rows[0] >= 4:
        os.kill(os.getpid(), 9)
    return np.repeat(rows[:, None], 3, axis=1).astype(np.float32)

FeatureCache(Path(sys.argv[1]), "m" * 64, "d" * 64, "plain", 10).build(encode, batch=2)
"""


def test_kill_9_costs_one_batch(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert done.returncode == -9
    encoder = Encoder()
    built = cache(tmp_path).build(encoder, batch=2)
    assert encoder.asked == [4, 5, 6, 7, 8, 9]
    assert built[:, 0].tolist() == list(range(COUNT))


def test_never_built_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="0 of 10 rows; build it first"):
        cache(tmp_path).rows()


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)


def edit(**values: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: flip(folder / "rows.bin"), "do not match their checksum"),
        (lambda folder: (folder / "rows.bin").write_bytes(b"short"), "missing or do not match"),
        (lambda folder: (folder / "rows.bin").unlink(), "missing or do not match"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "cannot be read"),
        (edit(extra=1), "cannot be read"),
        (edit(model_digest="m" * 16 + "n" * 48), "another tower"),
        (edit(count=11), "another tower"),
        (edit(schema=2), "layout"),
        (edit(shape=[4]), "contradicts itself"),
    ],
)
def test_damage_is_named_and_nothing_is_served(
    tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    cache(tmp_path).build(Encoder())
    damage(cache(tmp_path).folder)
    for read in (cache(tmp_path).rows, lambda: cache(tmp_path).build(Encoder())):
        with pytest.raises(DataError, match=words) as caught:
            read()
        assert caught.value.reason == "features_damaged"
        assert "remove the folder" in str(caught.value)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda rows: np.full((len(rows), 2), np.nan, np.float32), "features of image 0 are NaN"),
        (lambda rows: np.where(rows[:, None] == 2, np.float32(1e6), np.float32(0)), "features of image 2"),
        (lambda _: np.zeros((1, 2), np.float32), r"expected features \(5, …\), got \(1, 2\)"),
        (lambda rows: np.zeros(len(rows), np.float32), r"got \(5,\)"),
        (lambda rows: np.zeros((5, 2 + rows[0]), np.float32), r"expected features \(5, 2\), got \(5, 7\)"),
    ],
)
def test_bad_features_are_refused(
    tmp_path: Path, made: Callable[[npt.NDArray[np.int64]], Floats], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        cache(tmp_path).build(made, batch=5)
    assert caught.value.reason == "bad_features"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_small_a_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**8, 0, 10**8))
    wide = FeatureCache(tmp_path, "m" * 64, "d" * 64, "plain", 30_000)
    with pytest.raises(StorageFull, match=r"need 0\.12 GB .* 0\.10 GB are free"):
        wide.build(lambda rows: np.zeros((len(rows), 2000), np.float32))
    assert not (wide.folder / "rows.bin").exists()
    monkeypatch.setattr(feature_cache, "_SPARE_BYTES", 0)
    assert len(cache(tmp_path).build(Encoder())) == COUNT


def test_two_builders_do_not_mix(tmp_path: Path) -> None:
    cache(tmp_path).folder.mkdir()
    lock = WriterLock(cache(tmp_path).folder / "lock")
    with pytest.raises(DataError, match="another process") as caught:
        cache(tmp_path).build(Encoder())
    assert caught.value.reason == "features_locked"
    lock.release()
    assert len(cache(tmp_path).build(Encoder())) == COUNT
