"""Pictures are looked at once before a run: damaged ones are left out, what was found is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from training_builders import write_shapes

from tusou.errors import DataError
from tusou.training.data.reading import read_data
from tusou.training.data.relevance import RelevanceData
from tusou.training.inspected import duplicates_within, inspected

pytestmark = pytest.mark.train


def shapes(folder: Path) -> RelevanceData:
    data = read_data(folder)
    assert isinstance(data, RelevanceData)
    return data


def test_damaged_pictures_and_their_queries_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_shapes(tmp_path / "shapes", copies=2)
    broken = folder / "images" / "red-circle-0.png"
    broken.write_bytes(broken.read_bytes()[:100])
    before = shapes(folder)
    data, found = inspected(before, tmp_path / "cache")
    assert len(data.pictures) == len(before.pictures) - 1 == len(found.good)
    assert "red-circle-0.png" not in {picture.key for picture in data.pictures}
    assert len(data.queries) == len(before.queries) - 2
    assert "1 of" in caplog.text
    assert "red-circle-0.png" in caplog.text


def test_what_was_found_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shapes(write_shapes(tmp_path / "shapes", copies=1))
    first = inspected(data, tmp_path / "cache")[1]
    monkeypatch.setattr("tusou.training.inspected.inspect_pictures", None)
    second = inspected(data, tmp_path / "cache")[1]
    np.testing.assert_array_equal(first.fingerprints, second.fingerprints)


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(b"no picture")
    line = {"image": "a.png", "split": "train", "en": ["nothing"]}
    (folder / "captions.jsonl").write_text(json.dumps(line))
    with pytest.raises(DataError):
        inspected(shapes(folder), tmp_path / "cache")


def test_duplicates_are_numbered_within_the_kept(tmp_path: Path) -> None:
    """Photos of noise are featureful and differ; two of them are the same."""
    rng = np.random.default_rng(0)
    prints = rng.integers(0, 256, (4, 32), dtype=np.uint8)
    prints[3] = prints[1]
    from tusou.training.data.inspection import Inspection

    found = Inspection(np.ones(4, bool), prints, np.full(4, 100))
    assert duplicates_within(found, np.arange(4)).tolist() == [[1, 3]]
    assert duplicates_within(found, np.array([1, 2, 3])).tolist() == [[0, 2]]
    assert duplicates_within(found, np.array([0, 1, 2])).tolist() == []
