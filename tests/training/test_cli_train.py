"""``tusou train CONFIG`` on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from training_builders import digits_table, shapes_table, write_config, write_digits, write_shapes

from tusou.cli.main import main

pytestmark = pytest.mark.train


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as ended:
        main(["train", *map(str, arguments)])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture
def config(tmp_path: Path) -> Path:
    digits = write_digits(tmp_path / "digits.npz", 120, 40)
    table = digits_table(digits, training={"epochs": 1, "batch_size": 40})
    table["sweep"] = {"values": {"optimizer.lr": [1e-7, 2e-3], "scorer.dropout": [0.0]}}
    return write_config(tmp_path / "digits.toml", table)


def test_json_and_the_folder_agree(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, config, "--runs", tmp_path / "runs", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "runs" / "digits" / "result.json").read_text("utf-8"))


def test_people_read_the_measures(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "run", config, "--runs", tmp_path / "runs")
    assert code == 0
    assert "best epoch 1 of 1: loss" in out
    assert "accuracy" in out
    assert "epoch 1: loss" in err


def test_set_then_restart(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: tuple[Any, ...] = (config, "--runs", tmp_path / "runs", "--json")
    note = tmp_path / "runs" / "digits" / "note.txt"
    assert call(capsys, *options)[0] == 0
    note.write_text("mine", encoding="utf-8")
    changed = (*options, "--set", "optimizer.lr=0.001", "--set", "image.tower=lenet5")
    code, _, err = call(capsys, *changed)
    assert (code, "start anew with --restart" in err) == (1, True)
    assert call(capsys, *changed, "--restart")[0] == 0
    kept = json.loads((tmp_path / "runs" / "digits" / "config.json").read_text("utf-8"))
    assert kept["optimizer"]["lr"] == 0.001
    assert note.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimizer.rate=1", "optimizer.rate: unknown key; known here: average, betas"),
        ("optimizer.type=lion", "optimizer.type: Input should be 'adam', 'adamw' or 'sgd', found 'lion'"),
        ("optimizer.lr=-1", "optimizer.lr: Input should be greater than 0, found -1"),
        ("optimizer.lr", "--set optimizer.lr: expected KEY=VALUE"),
        ("name.more=1", "name.more: name is a value"),
        ("data.dev=valid", "nothing belongs to split 'valid'; found: test, train"),
        ("data.source=gone.npz", "gone.npz does not exist"),
        ("image.tower=lenet6", "image.tower: Value error, no such tower; there are lenet5, "),
        ("training.measure=recall", "'recall' is not measured; there are: accuracy, error_percent"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, message: str
) -> None:
    code, _, err = call(capsys, config, "--runs", tmp_path / "runs", "--set", change)
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_broken_toml_is_told_with_and_without_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("name = ", encoding="utf-8")
    for changes in ((), ("--set", "seed=1")):
        code, _, err = call(capsys, path, *changes)
        assert (code, "broken.toml: not valid TOML" in err) == (1, True)
    code, _, err = call(capsys, tmp_path / "none.toml", "--set", "seed=1")
    assert (code, "none.toml cannot be read" in err) == (1, True)


def test_a_grid_is_trained_and_the_best_stands_first(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = (config, "--runs", tmp_path / "runs", "--sweep")
    code, out, err = call(capsys, *options, "--json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["run"], row["optimizer.lr"]) for row in rows] == [("digits-2", 2e-3), ("digits-1", 1e-7)]
    assert rows[0]["measure"] > rows[1]["measure"]
    assert "digits-1: 0" in err
    stamp = (tmp_path / "runs" / "digits-1" / "checkpoint.safetensors").stat().st_mtime_ns
    code, out, _ = call(capsys, *options)
    assert code == 0
    assert out.index("digits-2") < out.index("digits-1")
    assert (tmp_path / "runs" / "digits-1" / "checkpoint.safetensors").stat().st_mtime_ns == stamp


def test_optuna_searches_the_same_way_each_time(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = (
        "--set",
        "sweep.method=optuna",
        "--set",
        "sweep.trials=2",
        "--set",
        "training.measure=error_percent",
    )
    found = []
    for name in ("one", "again"):
        code, out, err = call(capsys, config, "--runs", tmp_path / name, "--sweep", "--json", *search)
        assert code == 0, err
        found.append(json.loads(out))
    assert found[0] == found[1]
    assert len(found[0]) == 2
    assert found[0][0]["measure"] <= found[0][1]["measure"]  # errors: fewer are better


def test_a_sweep_is_checked_before_it_starts(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for change, message in (
        ("sweep.values={}", "every key needs at least one value"),
        ("sweep.values={'optimizer.lr' = []}", "every key needs at least one value"),
        ("sweep.values={'optimizer.rate' = [1]}", "optimizer.rate: unknown key"),
    ):
        code, _, err = call(capsys, config, "--runs", tmp_path / "runs", "--sweep", "--set", change)
        assert (code, message in err) == (1, True), err
    assert not (tmp_path / "runs").exists()
    plain = write_config(tmp_path / "plain.toml", digits_table(tmp_path / "digits.npz"))
    code, _, err = call(capsys, plain, "--sweep")
    assert (code, "--sweep needs a [sweep] table" in err) == (1, True)


def test_without_pytorch_the_extra_is_named(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = call(capsys, config)
    assert (code, "pip install 'tusou[train]'" in err) == (1, True)


def test_captions_in_both_languages_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = shapes_table(write_shapes(tmp_path / "data", 2), training={"epochs": 1})
    config = write_config(tmp_path / "shapes.toml", table)
    code, out, _ = call(capsys, config, "--runs", tmp_path / "runs", "--json")
    assert code == 0
    assert {"zh_success@1", "en_success@1", "success@1"} <= json.loads(out)["measures"].keys()
