"""``tusou eval ranking | compare | gate`` on saved runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tusou.cli.main import cli
from tusou.errors import EvaluationError
from tusou.evaluation.qrels import Judgment, write_judgments
from tusou.evaluation.runs import write_run

QUERIES = [f"q{i}" for i in range(8)]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Judgments, and two runs: in ``worse`` the right image stands second."""
    write_judgments(tmp_path / "qrels", [Judgment(each, "looked", "zoo/x", 2) for each in QUERIES])
    write_run(tmp_path / "good.run", {each: ["zoo/x"] for each in QUERIES}, "good")
    write_run(tmp_path / "worse.run", {each: ["zoo/y", "zoo/x"] for each in QUERIES}, "worse")
    words = [{"query_id": each, "lang": "zh", "kind": "word", "q": f"雪山 {each}"} for each in QUERIES]
    lines = [json.dumps(each, ensure_ascii=False) for each in words]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    return tmp_path


def run(folder: Path, verb: str, *arguments: str) -> Result:
    files = ("--qrels", str(folder / "qrels"))
    given = [str(folder / each) if each.endswith((".run", ".html", ".jsonl")) else each for each in arguments]
    return CliRunner().invoke(cli, ["eval", verb, *given, *files])


def value(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_ranking_measures_one_run(folder: Path) -> None:
    answer = value(run(folder, "ranking", "worse.run", "--measure", "RR", "--measure", "AP", "--json"))
    assert answer["queries"] == len(QUERIES)
    assert answer["means"]["worse"]["RR"] == {"mean": 0.5, "interval": [0.5, 0.5]}
    assert "95 % interval" in run(folder, "ranking", "worse.run").stdout


def test_compare_tests_the_difference(folder: Path) -> None:
    answer = value(run(folder, "compare", "good.run", "worse.run", "--measure", "RR", "--json"))
    (difference,) = answer["differences"]
    assert (difference["system"], difference["baseline"], difference["mean"]) == ("worse", "good", -0.5)
    assert difference["p"] == 2 / 2 ** len(QUERIES)
    assert "0/8/0" in run(folder, "compare", "good.run", "worse.run", "--measure", "RR").stdout


def test_the_report_is_written(folder: Path) -> None:
    options = ("--queries", "queries.jsonl", "--report", "report.html")
    result = run(folder, "compare", "good.run", "worse.run", *options)
    assert result.exit_code == 0, result.output
    report = (folder / "report.html").read_text("utf-8")
    assert "雪山 q3" in report
    assert "worse: losses" in report


def test_the_gate_fails_and_passes(folder: Path) -> None:
    failed = run(folder, "gate", "worse.run", "--baseline", "good.run")
    assert failed.exit_code == 1
    assert "FAILED" in failed.stdout
    assert run(folder, "gate", "good.run", "--baseline", "worse.run").exit_code == 0
    answer = run(folder, "gate", "worse.run", "--baseline", "good.run", "--allowed", "0.9", "--json")
    assert value(answer)[0]["ok"] is True


def test_bad_input_is_named(folder: Path) -> None:
    assert "given twice" in run(folder, "compare", "good.run", "good.run").output
    result = run(folder, "ranking", "gone.run")
    assert isinstance(result.exception, EvaluationError)
    assert "gone.run" in str(result.exception)
    assert run(folder, "ranking", "good.run", "--measure", "F1@3").exit_code == 2
