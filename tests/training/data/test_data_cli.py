"""``tusou data check`` says what is in a source and what is wrong with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from data_builders import jpeg, write_images, write_jsonl

from tusou.cli.main import cli, main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", "check", *map(str, arguments)], standalone_mode=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three images of two splits; two say the same, two look the same; one row is broken."""
    write_images(tmp_path / "images", ["a.jpg", "b.jpg"])
    (tmp_path / "images" / "c.jpg").write_bytes(jpeg(0, side=48))
    rows = [
        {"image": "a.jpg", "split": "train", "en": ["a dog runs", "two dogs"], "zh": ["一只狗"]},
        {"image": "b.jpg", "split": "dev", "en": ["A dog runs ."]},
        {"image": "c.jpg", "split": "dev", "zh": ["红色汽车"]},
        {"image": "gone.jpg", "en": ["gone"]},
    ]
    write_jsonl(tmp_path / "captions.jsonl", rows)
    return tmp_path


def test_figures_of_captions(source: Path) -> None:
    result = run(source, "--json")
    assert result.return_value == 1  # a row cannot be used
    answer = json.loads(result.stdout)
    assert (answer["format"], answer["split"]) == ("captions", None)
    assert (answer["images"], answer["queries"]) == (3, 5)
    assert answer["images_per_split"] == {"dev": 2, "train": 1}
    assert answer["queries_per_split"] == {"train": 3, "dev": 2}
    assert answer["queries_per_language"] == {"en": 3, "zh": 2}
    assert answer["list_length"]["max"] == 1
    assert answer["grades"] == {"1": 5}
    assert answer["query_length"]["en"]["p50"] == 3  # words
    assert answer["query_length"]["zh"]["max"] == 4  # characters
    assert answer["near_duplicates"] is None
    assert answer["leaks"]["per_kind"] == {"shared_caption": 1}
    (row,) = answer["problems"]["rows"]
    assert (row["where"], row["reason"]) == ("captions.jsonl:4", "missing_image")
    assert row["remedy"]


def test_images_are_decoded_on_request(source: Path) -> None:
    (source / "images" / "b.jpg").write_bytes(jpeg(1)[:-300])
    answer = json.loads(run(source, "--images", "--json").stdout)
    assert answer["images"] == 2
    assert answer["problems"]["per_reason"] == {"missing_image": 1, "damaged_image": 1, "no_positive": 1}
    assert answer["near_duplicates"] == 1
    assert answer["leaks"]["first"] == [
        {"kind": "near_duplicate", "splits": ["train", "dev"], "images": ["a.jpg", "c.jpg"], "text": ""}
    ]


def test_one_split(source: Path) -> None:
    answer = json.loads(run(source, "--split", "dev", "--format", "captions", "--json").stdout)
    assert (answer["split"], answer["images"], answer["queries"]) == ("dev", 2, 2)
    assert answer["leaks"]["count"] == 0


def test_the_table_tells_the_same(source: Path) -> None:
    shown = " ".join(run(source).stdout.split())  # a long path breaks the title's line
    for words in [
        "read as captions",
        "en: 3, zh: 2",
        "1 leaks between",
        "A dog runs .",
        "1 rows cannot",
    ]:
        assert words in shown
    assert "captions.jsonl:4" in shown
    assert "near duplicates" not in shown


def test_long_lists_are_cut_in_the_table_only(source: Path) -> None:
    write_jsonl(source / "captions.jsonl", [{"image": "a.jpg", "en": ["a"]}, *("{" for _ in range(30))])
    shown = run(source).stdout
    assert "30 rows; the first 20, more with --json" in shown
    assert "captions.jsonl:21" in shown
    assert "captions.jsonl:22" not in shown
    assert len(json.loads(run(source, "--json").stdout)["problems"]["rows"]) == 30


def test_classes_and_features(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x_train=np.zeros((3, 4, 5), np.uint8), y_train=np.array([0, 2, 2]))
    result = run(tmp_path / "d.npz", "--json", "--images")
    assert result.return_value == 0
    answer = json.loads(result.stdout)
    assert (answer["images"], answer["classes"], answer["shape"]) == (3, 3, [4, 5])
    assert answer["images_per_class"] == {"0": 1, "1": 0, "2": 2}
    (tmp_path / "rows.txt").write_text("1 qid:1 1:5 2:1\n0 qid:1 1:5\n")
    answer = json.loads(run(tmp_path / "rows.txt", "--sparse", "--json").stdout)
    assert (answer["rows"], answer["features"], answer["constant_features"]) == (2, 2, [1])
    assert "Every row can be used." in run(tmp_path / "rows.txt", "--sparse").stdout


def test_failures_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["data", "check", str(tmp_path)])
    assert caught.value.code == 1
    assert "[unknown_format]" in capsys.readouterr().err


def test_reading_data_needs_no_torch(source: Path) -> None:
    code = "import sys, tusou.cli.data, tusou.training.data.reading, tusou.training.data.inspection"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
