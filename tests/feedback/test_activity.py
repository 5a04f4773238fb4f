"""What people looked for and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from tusou.feedback.activity import DAY_MS, by_day, by_image, by_place, by_query
from tusou.feedback.records import LoggedEvent, LoggedQuery, Verdict
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore

DAY = 20_000
START = DAY * DAY_MS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventStore]:
    with EventStore(tmp_path / "events.sqlite") as log:
        yield log


def search(
    log: EventStore,
    name: str,
    q: str,
    day: int = 0,
    *,
    hits: int = 2,
    total: int = 5,
    relevant: int | None = 3,
    **fields: Any,
) -> None:
    at = START + day * DAY_MS + 1000
    shown = tuple(f"i{n}" for n in range(hits))
    attributes = {"total": total, "relevant": relevant}
    log.write([LoggedQuery(name, at, q, shown, attributes=attributes, **fields)], [], now=at)


def did(log: EventStore, name: str, action: str, image: str, rank: int, day: int = 0) -> None:
    at = START + day * DAY_MS + 2000
    number = f"{crc32(repr((name, action, image)).encode()):016x}"
    event = LoggedEvent(number, name, action, at, image, rank, 1, rank, 2)
    (verdict,) = log.write([], [event], now=at)
    assert verdict is Verdict.ACCEPTED


def test_by_day(log: EventStore) -> None:
    search(log, "a", "cat")
    search(log, "b", "cat", hits=0, total=0, relevant=0)
    search(log, "c", "dog", relevant=0)
    search(log, "d", "dog", 2)
    search(log, "e", "dog", 2, first_rank=41)  # the second page of an answer
    search(log, "f", "", 2)  # a picture
    search(log, "g", "dog", 2, application=SIMULATION)
    did(log, "a", "impression", "i0", 1)
    did(log, "a", "click", "i0", 1)
    did(log, "a", "download", "i0", 1)
    did(log, "d", "click", "i1", 2, day=2)
    found = by_day(log, START)
    assert [(d.day - DAY, d.searches, d.nothing, d.weak, d.clicks, d.downloads) for d in found] == [
        (0, 3, 1, 1, 1, 1),
        (2, 1, 0, 0, 1, 0),
    ]
    assert [d.day - DAY for d in by_day(log, START + DAY_MS)] == [2]


def test_by_query_shows_what_several_asked(log: EventStore) -> None:
    for n in range(3):
        search(log, f"c{n}", "Cat" if n else "cat ", relevant=0 if n == 1 else 3)
    for n in range(2):
        search(log, f"p{n}", "my own name")
    did(log, "c0", "click", "i0", 1)
    did(log, "c0", "download", "i1", 2)
    (found,) = by_query(log, START)
    assert (found.searches, found.nothing, found.weak, found.clicked, found.downloads) == (3, 0, 1, 1, 1)


def test_by_image_and_by_place(log: EventStore) -> None:
    for n in range(2):
        search(log, f"q{n}", "cat")
        for rank in (1, 2):
            did(log, f"q{n}", "impression", f"i{rank - 1}", rank)
    did(log, "q0", "click", "i0", 1)
    did(log, "q0", "download", "i1", 2)
    images = {each.key: (each.impressions, each.clicks, each.downloads) for each in by_image(log, START)}
    assert images == {"i0": (2, 1, 0), "i1": (2, 0, 1)}
    assert by_image(log, START)[0].key == "i1"  # taken counts more than opened
    assert [(each.key, each.impressions) for each in by_place(log, START)] == [("1", 2), ("2", 2)]
    assert by_image(log, START + 9 * DAY_MS) == []
