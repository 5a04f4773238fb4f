"""``tusou models`` and ``tusou eval`` on a tiny bundle with known answers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from click.testing import CliRunner, Result

from bundle_builder import COLOR_WORDS, build_bundle
from fakes import solid
from tusou.cli.main import cli, main

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return build_bundle(tmp_path / "tiny")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures; the green one is also called blue."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    rows = []
    for word in COLOR_WORDS:
        assert cv2.imwrite(str(folder / "images" / f"{word}.png"), solid(COLORS[word])[:, :, ::-1])
        captions = ["green", "blue"] if word == "green" else [word]
        rows.append({"image": f"{word}.png", "split": "dev", "en": captions})
    (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_retrieval_measures_both_ways(bundle: Path, data: Path) -> None:
    result = run("eval", "retrieval", "--data", data, "--lang", "en", "--bundle", bundle, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert (answer["images"], answer["captions"], answer["lang"], answer["split"]) == (3, 4, "en", None)
    # "blue" finds the blue picture first; as a caption of the green picture it comes third, because the red
    # and the green picture are equally far and ties count against the relevant one.
    assert answer["text_to_image"] == {
        "success@1": 0.75,
        "success@5": 1.0,
        "success@10": 1.0,
        "median_rank": 1.0,
    }
    assert answer["image_to_text"]["success@5"] == 1.0
    assert answer["model_id"].startswith("tiny-1-")


def test_retrieval_prints_a_table(bundle: Path, data: Path) -> None:
    result = run("eval", "retrieval", "--data", data, "--lang", "en", "--bundle", bundle, "--split", "dev")
    assert result.exit_code == 0, result.output
    assert "text → image" in result.stdout
    assert "0.750" in result.stdout


def failure(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    assert caught.value.code == 1
    return capsys.readouterr().err


def test_retrieval_without_data_says_so(capsys: pytest.CaptureFixture[str], bundle: Path) -> None:
    words = failure(capsys, "eval", "retrieval", "--data", "nowhere", "--lang", "en", "--bundle", bundle)
    assert "nowhere/captions.jsonl" in words
    assert "[data_not_found]" in words


def test_a_broken_picture_is_named(capsys: pytest.CaptureFixture[str], bundle: Path, data: Path) -> None:
    (data / "images" / "red.png").write_bytes(b"no picture")
    words = failure(capsys, "eval", "retrieval", "--data", data, "--lang", "en", "--bundle", bundle)
    assert "red.png" in words
    assert "[bad_image]" in words


def test_an_unknown_bundle_is_named(capsys: pytest.CaptureFixture[str], data: Path) -> None:
    words = failure(capsys, "eval", "retrieval", "--data", data, "--lang", "en", "--bundle", "nosuch")
    assert "nosuch" in words
    assert "[bundle_not_found]" in words


def test_list_names_the_base_bundle() -> None:
    result = run("models", "list", "--json")
    assert result.exit_code == 0, result.output
    (base,) = [entry for entry in json.loads(result.stdout) if entry["name"] == "base"]
    assert base["languages"] == ["en", "zh"]
    assert base["bytes"] < 80_000_000
    assert "base" in run("models", "list").stdout


def test_verify_tells_the_model_id(bundle: Path) -> None:
    result = run("models", "verify", bundle)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("tiny-1-")
    assert "all digests match" in result.stdout
    assert json.loads(run("models", "verify", bundle, "--json").stdout)["name"] == "tiny"


def test_verify_names_a_damaged_file(capsys: pytest.CaptureFixture[str], bundle: Path) -> None:
    (bundle / "text.onnx").write_bytes(b"")
    words = failure(capsys, "models", "verify", bundle)
    assert "text.onnx" in words
    assert "[bundle_damaged]" in words
