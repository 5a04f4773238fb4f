"""``tusou rules`` on a small library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder, solid
from search_builders import BLUE, RED, World
from tusou.cli.main import cli


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("tusou.search.engine.open_library_encoder", lambda _: KeywordEncoder())
    made = World(tmp_path)
    made.add(solid(RED), item_id="red", title_en="red")
    made.add(solid(BLUE), item_id="blue", title_en="sea")
    yield made
    made.close()


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--library", str(world.library.path)])


def test_rules_are_made_listed_used_and_removed(world: World) -> None:
    blue = world.library.catalog.get_rows([1])[1].image_id
    pinned = run(world, "rules", "pin", "red", blue, "--until", "2099-01-01", "--note", "summer", "--json")
    assert pinned.exit_code == 0, pinned.output
    assert json.loads(pinned.stdout)["until"].startswith("2099-01-01")
    assert run(world, "rules", "boost", "supplier:acme", "--amount", "0.1").exit_code == 0
    assert run(world, "rules", "bury", "image:abc", "--query", "sea").exit_code == 0
    assert run(world, "rules", "synonym", "ocean", "sea", "--both").exit_code == 0
    listed = run(world, "rules", "list")
    assert "summer" in listed.stdout
    assert "every search" in listed.stdout
    assert [rule["kind"] for rule in json.loads(run(world, "rules", "list", "--json").stdout)] == [
        "pin", "boost", "bury", "synonym", "synonym",
    ]  # fmt: skip
    found = run(world, "search", "red", "--explain")
    assert "rule 1: pin until 2099-01-01: summer" in found.stdout
    assert run(world, "rules", "remove", "1").exit_code == 0
    assert "pin until" not in run(world, "search", "red", "--explain").stdout
    assert run(world, "rules", "remove", "1").exit_code != 0


def test_what_names_nothing_is_refused(world: World) -> None:
    refused = run(world, "rules", "boost", "some words")
    assert refused.exit_code == 2
    assert "names no images" in refused.output
    assert run(world, "rules", "pin", "red", "no-such-image").exit_code != 0
    assert run(world, "rules", "bury", "supplier:acme", "--amount", "0").exit_code == 2
    over = run(world, "rules", "synonym", "sea", "ocean", "--until", "2020-01-01")
    assert over.exit_code == 2
    assert "is over already" in over.output
    assert json.loads(run(world, "rules", "list", "--json").stdout) == []
