"""`tusou agreements`, `tusou downloads`, `tusou audit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from search_builders import World
from tusou.cli.main import cli
from tusou.office.rights import Rights
from tusou.office.store import Office
from tusou.types import Use


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.add(supplier="acme", license="CC0-1.0")
    yield world
    world.close()


def run(world: World, *command: str) -> Result:
    return CliRunner().invoke(cli, [*command, "--library", str(world.library.path)])


def test_agreements(world: World) -> None:
    made = run(
        world,
        "agreements",
        "add",
        "acme",
        "Frame",
        "--medium",
        "web",
        "--territory",
        "cn",
        "--until",
        "2099-12-31",
    )
    agreement_id = made.output.split()[1]
    (found,) = json.loads(run(world, "agreements", "list", "--json").output)
    assert (found["territories"], found["media"], found["runs"]) == (["CN"], ["web"], True)
    assert "2099-12-31" in run(world, "agreements", "list").output
    assert "withdrawn" in run(world, "agreements", "end", agreement_id).output
    (found,) = json.loads(run(world, "agreements", "list", "--json").output)
    assert found["runs"] is False
    for command in (("add", "nosuch", "x"), ("add", "acme", "x", "--until", "soon"), ("end", "nosuch")):
        assert run(world, "agreements", *command).exit_code != 0


def test_downloads_and_the_audit(world: World) -> None:
    office = Office(world.library.path)
    (record,) = world.library.catalog.records()
    grant = Rights(office).grant("li", record, Use("editorial"), "春季号")
    Rights(office).downloaded("li", grant, record, "512", "jpeg", 99)
    office.close()
    (found,) = json.loads(run(world, "downloads", "--json").output)
    assert (found["who"], found["grant"]["project"]) == ("li", "春季号")
    assert "editorial" in run(world, "downloads").output
    assert json.loads(run(world, "downloads", "--who", "wang", "--json").output) == []
    entries = json.loads(run(world, "audit", "--json").output)
    assert [entry["action"] for entry in entries] == ["download", "grant"]
    assert "grant" in run(world, "audit", "--subject", f"image/{record.image_id}").output
