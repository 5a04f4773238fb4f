"""Damaged images are found by decoding, near duplicates by fingerprints; digests tell data apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from data_builders import captioned, write_images, write_jsonl

from tusou.errors import DataError
from tusou.training.data.digest import data_digest
from tusou.training.data.inspection import inspect_pictures
from tusou.training.data.letor import LetorData
from tusou.training.data.near_duplicates import near_duplicate_pairs
from tusou.training.data.problems import KEPT, Problems
from tusou.training.data.pruning import of_split, without_damaged
from tusou.training.data.reading import read_source
from tusou.training.data.relevance import ClassData, FilePicture, RelevanceData


def photos(folder: Path) -> list[FilePicture]:
    """Two unlike pictures, a smaller copy of the first, one cut short, one that is none, one missing."""
    write_images(folder, ["a.jpg", "b.jpg"])
    pixels = cv2.imread(str(folder / "a.jpg"))
    assert pixels is not None
    cv2.imwrite(str(folder / "copy.png"), cv2.resize(pixels, (48, 48), interpolation=cv2.INTER_AREA))
    (folder / "cut.jpg").write_bytes((folder / "b.jpg").read_bytes()[:-400])
    (folder / "text.jpg").write_text("no picture")
    names = ["a.jpg", "b.jpg", "copy.png", "cut.jpg", "text.jpg", "gone.jpg"]
    return [FilePicture(name, folder / name) for name in names]


def test_inspection_finds_damage_and_copies(tmp_path: Path) -> None:
    problems = Problems()
    parts: list[float] = []
    inspection = inspect_pictures(photos(tmp_path), problems, workers=1, report=parts.append)
    assert inspection.good.tolist() == [True, True, True, False, False, False]
    assert sorted((row.where, row.reason) for row in problems.rows) == [
        ("cut.jpg", "damaged_image"),
        ("gone.jpg", "missing_image"),
        ("text.jpg", "damaged_image"),
    ]
    assert parts[-1] == 1.0
    assert near_duplicate_pairs(inspection).tolist() == [[0, 2]]
    assert near_duplicate_pairs(inspection.only_good()).tolist() == [[0, 2]]


def test_featureless_images_are_no_copies_of_each_other(tmp_path: Path) -> None:
    inspection = inspect_pictures([], Problems())
    prints = np.zeros((2000, 32), np.uint8)
    prints[1500, :4] = 255  # 32 bits off
    prints[1999, :3] = 255  # 24 bits off, in another block
    qualities = np.zeros(2000, np.int64)
    qualities[[0, 1500, 1999]] = 100
    crafted = replace(inspection, good=np.ones(2000, bool), fingerprints=prints, qualities=qualities)
    assert near_duplicate_pairs(inspection).shape == (0, 2)
    assert near_duplicate_pairs(crafted).tolist() == [[0, 1999], [1500, 1999]]


def test_lists_without_their_positive_go_with_it() -> None:
    data = captioned([("both", ["a", "b"]), ("lost", ["b"]), ("kept", ["a"])])
    problems = Problems()
    kept = without_damaged(data, np.array([True, False]), problems)
    assert isinstance(kept, RelevanceData)
    assert kept.queries == ("both", "kept")
    assert [picture.key for picture in kept.pictures] == ["a"]
    assert kept.items.tolist() == [0, 0]
    assert problems.counts == {"no_positive": 1}
    for good in ([False, False], [True, False]):
        with pytest.raises(DataError, match="no row can be used"):
            without_damaged(captioned([("lost", ["b"])], extra=["a"]), np.array(good)[::-1], Problems())


def test_classes_lose_damaged_images() -> None:
    pictures = tuple(FilePicture(name, Path(name)) for name in "abc")
    data = ClassData(None, pictures, np.array([0, 1, 0]), ("x", "y"), ("train", "dev", "train"))
    kept = without_damaged(data, np.array([False, True, True]), Problems())
    assert isinstance(kept, ClassData)
    assert [picture.key for picture in kept.pictures] == ["b", "c"]
    assert (kept.labels.tolist(), kept.splits) == ([1, 0], ("dev", "train"))


def test_of_split_works_on_every_kind() -> None:
    digits = ClassData(
        np.arange(12, dtype=np.uint8).reshape(3, 2, 2), (), np.arange(3), ("0", "1", "2"), ("a", "b", "a")
    )
    rows = LetorData(
        np.arange(3, dtype=np.float32)[:, None],
        np.ones(3, np.float32),
        np.array([0, 2, 3]),
        ("q", "r"),
        ("x", "y", "z"),
        ("a", "b"),
    )
    some, other = of_split(digits, "a"), of_split(rows, "b")
    assert isinstance(some, ClassData)
    assert some.pixels is not None
    assert some.pixels[:, 0, 0].tolist() == [0, 8]
    assert isinstance(other, LetorData)
    assert (other.features.tolist(), other.query_ids, other.row_names) == ([[2.0]], ("r",), ("z",))
    assert len(getattr(of_split(captioned([("x", ["k"])], {"k": "dev"}), "dev"), "queries", ())) == 1
    with pytest.raises(DataError, match="'test'; found: a, b") as caught:
        of_split(digits, "test")
    assert caught.value.reason == "unknown_split"


def test_the_digest_follows_images_order_and_queries(tmp_path: Path) -> None:
    write_images(tmp_path / "images", ["a.jpg", "b.jpg"])

    def digest(*rows: tuple[str, str]) -> str:
        lines = [{"image": image, "en": [text]} for image, text in rows]
        write_jsonl(tmp_path / "captions.jsonl", lines)
        return data_digest(read_source(tmp_path).data)

    first = digest(("a.jpg", "x"), ("b.jpg", "y"))
    assert first == digest(("a.jpg", "x"), ("b.jpg", "y"))
    others = [
        digest(("b.jpg", "y"), ("a.jpg", "x")),
        digest(("a.jpg", "x"), ("b.jpg", "z")),
        digest(("a.jpg", "x")),
    ]
    (tmp_path / "images" / "b.jpg").write_bytes(b"another size")
    assert len({first, *others, digest(("a.jpg", "x"), ("b.jpg", "y"))}) == 5


def test_the_digest_of_arrays(tmp_path: Path) -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    data = ClassData(pixels, (), np.array([0, 1]), ("0", "1"), ("", ""))
    changed = replace(data, pixels=pixels + 1)
    relabelled = replace(data, labels=np.array([1, 0]))
    rows = LetorData(
        np.zeros((2, 1), np.float32), np.ones(2, np.float32), np.array([0, 2]), ("q",), ("", ""), ("",)
    )
    graded = replace(rows, grades=np.zeros(2, np.float32))
    assert len({data_digest(each) for each in (data, changed, relabelled, rows, graded)}) == 5
    with pytest.raises(DataError, match="gone"):
        data_digest(captioned([("x", [str(tmp_path / "gone")])]))


def test_problems_keep_the_first_rows_and_count_all() -> None:
    problems = Problems()
    for i in range(KEPT + 5):
        problems.add(f"row {i}", "bad_row", "odd")
    problems.add("row x", "bad_label", "label -1")
    assert len(problems.rows) == KEPT + 1
    assert problems.counts == {"bad_row": KEPT + 5, "bad_label": 1}
    assert problems.summary().startswith("1,005 bad_row (write the row")
    assert "first: row 0: odd" in problems.summary()
