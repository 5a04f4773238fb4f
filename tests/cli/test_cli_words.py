"""``tusou words`` on files small enough to know the answers; nothing of the train extra is needed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tusou.cli.main import cli, main
from tusou.text.word_files import load_word_vectors

ENGLISH = "king 3 0 0\nqueen 2 2 0\nman 0.1 0 1\nwoman 0.1 1 1\ndog 0 -1 5\ndog 1 1 1\n"
CHINESE = "狗 1 0\n猫 0.8 0.2\n车 0 1\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    english, chinese = tmp_path / "en.txt", tmp_path / "zh.txt"
    english.write_text(ENGLISH, "utf-8")
    chinese.write_text(CHINESE, "utf-8")
    return english, chinese


def run(files: tuple[Path, ...], *arguments: str) -> Result:
    return CliRunner().invoke(
        cli, ["words", *arguments], env={"TUSOU_VECTORS": os.pathsep.join(map(str, files))}
    )


def test_similar_answers_from_the_file_that_knows_the_word(files: tuple[Path, Path]) -> None:
    result = run(files, "similar", "狗")
    assert result.exit_code == 0, result.output
    assert f"狗  ({files[1]})" in result.output
    lines = result.output.splitlines()
    assert lines[-2:] == ["0.970  猫  ", "0.000  车  "]


def test_analogy_finds_the_queen_for_programs(files: tuple[Path, Path]) -> None:
    result = run(files, "analogy", "king", "man", "woman", "--json", "--k", "1")
    found = json.loads(result.stdout)
    assert (found["a"], found["b"], found["c"], found["vectors"]) == ("king", "man", "woman", str(files[0]))
    assert [each["word"] for each in found["neighbours"]] == ["queen"]
    assert 0.8 < found["neighbours"][0]["score"] <= 1


def test_left_out_rows_are_told_on_stderr(files: tuple[Path, Path]) -> None:
    result = run(files, "similar", "king", "--json")
    assert f"rows left out of {files[0]}: 1 word again" in result.stderr
    json.loads(result.stdout)


def test_a_limit_and_files_on_the_command_line(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(
        cli, ["words", "similar", "king", "--vectors", str(files[0]), "--limit", "2", "--json"]
    )
    assert [each["word"] for each in json.loads(result.stdout)["neighbours"]] == ["queen"]


@pytest.mark.parametrize(("options", "bits"), [([], 32), (["--half"], 16), (["--limit", "2"], 32)])
def test_convert_keeps_what_a_text_file_holds(
    files: tuple[Path, Path], tmp_path: Path, options: list[str], bits: int
) -> None:
    output = tmp_path / "zh.npz"
    result = CliRunner().invoke(cli, ["words", "convert", str(files[1]), "-o", str(output), *options])
    assert result.exit_code == 0, result.output
    count = 2 if "--limit" in options else 3
    assert result.stdout.startswith(f"{output}: {count} words × 2, ")
    with np.load(output, allow_pickle=False) as arrays:
        assert arrays["matrix"].dtype == f"float{bits}"
    kept, source = load_word_vectors(output), load_word_vectors(files[1], limit=count)
    assert kept.words == source.words
    np.testing.assert_allclose(kept.matrix, source.matrix, rtol=1e-3 if bits == 16 else 0)


def test_an_unknown_word_fails_with_near_spellings_of_every_file(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSOU_VECTORS", os.pathsep.join(map(str, files)))
    with pytest.raises(SystemExit) as caught:
        main(["words", "analogy", "king", "狗", "wooman"])
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert f"'狗', 'wooman': not among the 5 words of {files[0]} (near spellings: woman)" in error
    assert f"'king', 'wooman': not among the 3 words of {files[1]} (no word is written nearly so)" in error
    assert "[unknown_word]" in error


def test_without_vectors_the_usage_names_option_and_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUSOU_VECTORS", raising=False)
    result = CliRunner().invoke(cli, ["words", "similar", "dog"])
    assert result.exit_code == 2
    assert "--vectors" in result.output
    assert "TUSOU_VECTORS" in result.output


def test_a_damaged_file_is_named(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_text("a 1 2\nb 1\n")
    with pytest.raises(SystemExit):
        main(["words", "similar", "a", "--vectors", str(files[0])])
    assert f"{files[0]} line 2: expected 2 numbers, found 1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("similar", "king", "--k", "0"), ("similar", "king", "--limit", "0")])
def test_a_number_below_one_is_wrong_usage(files: tuple[Path, Path], arguments: tuple[str, ...]) -> None:
    assert run(files, *arguments).exit_code == 2


def test_a_map_without_the_train_extra_says_what_to_install(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.cli.words.find_spec", lambda _name: None)
    result = run(files, "map", "king", "--output", str(tmp_path / "map.png"))
    assert "tusou[train]" in str(result.exception)
    assert not (tmp_path / "map.png").exists()
