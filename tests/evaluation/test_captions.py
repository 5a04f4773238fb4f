"""Captioned sets are read as they are, or the fault is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from tusou.errors import EvaluationError
from tusou.evaluation.captions import read_captioned_set

ROWS: list[dict[str, Any]] = [
    {"image": "a.jpg", "split": "train", "en": ["a", "b"], "zh": ["甲"]},
    {"image": "b.jpg", "split": "dev", "en": ["c"], "zh": ["乙", "丙", "丁"]},
    {"image": "c.jpg", "split": "dev", "en": ["d", "e"], "zh": ["戊"]},
]


def write(folder: Path, rows: list[Any], images: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg")) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "captions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "images").mkdir()
    for name in images:
        (folder / "images" / name).touch()
    return folder


def test_one_split_of_one_language(tmp_path: Path) -> None:
    data = read_captioned_set(write(tmp_path, ROWS), "zh", "dev")
    assert [path.name for path in data.images] == ["b.jpg", "c.jpg"]
    assert data.captions == ("乙", "丙", "丁", "戊")
    assert data.image_of_caption.tolist() == [0, 0, 0, 1]


def test_without_a_split_every_line_counts(tmp_path: Path) -> None:
    assert len(read_captioned_set(write(tmp_path, [*ROWS, ""]), "en").images) == 3


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"captions\.jsonl") as caught:
        read_captioned_set(tmp_path / "nowhere", "en")
    assert caught.value.reason == "data_not_found"


def test_an_unknown_split_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="'test'; found: dev, train") as caught:
        read_captioned_set(write(tmp_path, ROWS), "en", "test")
    assert caught.value.reason == "unknown_split"


def test_missing_images_are_counted(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"2 of 3 images .*a\.jpg") as caught:
        read_captioned_set(write(tmp_path, ROWS, images=("b.jpg",)), "en")
    assert caught.value.reason == "images_missing"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "JSON object"),
        ({"image": "c.jpg"}, "captions under 'en'"),
        ({"image": "c.jpg", "en": []}, "captions under 'en'"),
        ({"image": "c.jpg", "en": "a dog"}, "captions under 'en'"),
        ({"image": "c.jpg", "en": [1]}, "captions under 'en'"),
        ({"en": ["a"]}, "file name under 'image'"),
        ({"image": "../../etc/passwd", "en": ["a"]}, "file name under 'image'"),
        ({"image": "/etc/passwd", "en": ["a"]}, "file name under 'image'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, row: Any, words: str) -> None:
    with pytest.raises(EvaluationError, match=f"line 2: .*{words}") as caught:
        read_captioned_set(write(tmp_path, [ROWS[0], row]), "en")
    assert caught.value.reason == "bad_captions"


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "captions.jsonl").write_bytes(b'{"image": "\xff"}')
    with pytest.raises(EvaluationError, match="line 1: not valid JSON"):
        read_captioned_set(tmp_path, "en")
