"""``tusou judgments`` on a small library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes import solid
from search_builders import BLUE, RED, World
from tusou.catalog.records import image_id_of
from tusou.cli.main import cli
from tusou.feedback.opinions import OpinionStore


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add(solid(RED), item_id="red")
    made.add(solid(BLUE), item_id="blue")
    yield made
    made.close()


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["judgments", *arguments, "--library", str(world.library.path)])


def files(folder: Path) -> list[str]:
    return ["--queries", str(folder / "q.jsonl"), "--qrels", str(folder / "qrels")]


def test_grades_go_out_settled_and_come_back(world: World, tmp_path: Path) -> None:
    red, blue = image_id_of("acme", "red"), image_id_of("acme", "blue")
    with OpinionStore(world.library.path) as store:
        store.add("red", "li", {red: 3, blue: 0, "gone": 2})
        store.add("red", "wu", {red: 1, blue: 0})
        store.add("雪山", "li", {blue: 1})
    out = run(world, "export", *files(tmp_path), "--json")
    assert out.exit_code == 0, out.output
    assert json.loads(out.stdout) == {"queries": 2, "judgments": 3, "gone": 1}
    lines = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text("utf-8").splitlines()]
    assert [(line["q"], line["lang"]) for line in lines] == [("red", "en"), ("雪山", "zh")]
    graded = {
        tuple(line.split()[::2]): line.split()[3] for line in (tmp_path / "qrels").read_text().splitlines()
    }
    assert graded[lines[0]["query_id"], "acme/red"] == "1"
    back = run(world, "import", *files(tmp_path), "--judge", "file", "--json")
    assert json.loads(back.stdout) == {"judgments": 3, "unknown_images": 0}
    agreed = run(world, "agreement")
    assert "wu" in agreed.stdout
    assert f"red: {red} (file 1, li 3, wu 1)" in agreed.stdout
    assert json.loads(run(world, "agreement", "--json").stdout)["contradictions"][0]["image_id"] == red


def test_nothing_judged_is_said(world: World, tmp_path: Path) -> None:
    refused = run(world, "export", *files(tmp_path))
    assert refused.exit_code != 0
    assert "open /judge on its server" in str(refused.exception) + refused.output
    assert "not known yet" in run(world, "agreement").stdout
