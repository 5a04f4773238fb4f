"""``tusou check`` looks at what lies beside the catalog."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_builders import World, give_cutoff
from tusou.feedback.opinions import OpinionStore
from tusou.feedback.store import EventStore
from tusou.office.collections import Collections
from tusou.office.store import Office
from tusou.ranking.rules import RuleStore
from tusou.search.side_files import check_side_files


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.add()
    RuleStore(made.library.path).add("synonym", "sea", "ocean")
    give_cutoff(made)
    OpinionStore(made.library.path).close()
    EventStore(made.library.path / "events.sqlite").close()
    yield made
    made.close()


def test_a_sound_library_has_no_problem(world: World) -> None:
    assert list(check_side_files(world.library)) == []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("events.sqlite", "not a database"),
        ("judgments.sqlite", "not a database"),
        ("office.sqlite", "not a database"),
        ("rules.json", "rules cannot be used"),
        ("rankers/live.json", "live ranker cannot be used"),
        ("cutoffs/keyword-1-00000000/cutoff.json", "cut-off cannot be used"),
    ],
)
def test_each_damaged_file_is_named(world: World, name: str, what: str) -> None:
    path = world.library.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this is none of what should be here, and long enough to be read " * 40)
    (problem,) = check_side_files(world.library)
    assert what in problem.what
    assert name.split("/")[0] in problem.where
    assert problem.advice


def test_an_audit_changed_by_hand_is_told(world: World) -> None:
    office = Office(world.library.path)
    for name in ("one", "two"):
        Collections(office).create("li", name)
    assert list(check_side_files(world.library)) == []
    with sqlite3.connect(office.path) as connection:
        connection.execute("UPDATE audit SET who = 'wang' WHERE number = 1")
    office.close()
    problems = list(check_side_files(world.library))
    assert [problem.what for problem in problems] == [
        "entry 1 of the audit does not follow from the one before: the file was changed by hand"
    ]
