"""Take the log out: as UBI files, which the readers of training data understand as well."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tusou.feedback.records import LoggedQuery
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore
from tusou.feedback.ubi import EVENTS, QUERIES, Row, event_row, query_row

Keep = Callable[[LoggedQuery], bool]


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was written."""

    queries: int
    events: int


def export_ubi(
    store: EventStore,
    folder: Path,
    *,
    applications: Collection[str] | None = None,
    keep: Keep = lambda _query: True,
) -> Exported:
    """Write ``ubi_queries.jsonl`` and ``ubi_events.jsonl``; a log that imports them is this log.

    Args:
        store: The log.
        folder: Where the files go; made when there is none.
        applications: Searches of these programs; None for all but simulated ones.
        keep: Which of those.
    """
    folder.mkdir(parents=True, exist_ok=True)
    queries = events = 0
    with (
        (folder / f"{QUERIES}.jsonl").open("w", encoding="utf-8") as query_file,
        (folder / f"{EVENTS}.jsonl").open("w", encoding="utf-8") as event_file,
    ):
        kept: dict[int, LoggedQuery] = {}
        span = iter(store.spans())
        low, high = next(span, (0, -1))
        for number, query in store.queries():
            while number > high:
                events += _write_events(store, event_file, kept, low, high)
                low, high = next(span)
            if is_wanted(query, applications) and keep(query):
                kept[number] = query
                write_row(query_file, query_row(query))
                queries += 1
        events += _write_events(store, event_file, kept, low, high)
    return Exported(queries, events)


def is_wanted(query: LoggedQuery, applications: Collection[str] | None) -> bool:
    """Whether a search is of one of these programs; None takes all but simulated ones."""
    return query.application != SIMULATION if applications is None else query.application in applications


def write_row(file: TextIO, row: Row) -> None:
    """Write a row as one line of JSON."""
    file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")


def _write_events(store: EventStore, file: TextIO, kept: dict[int, LoggedQuery], low: int, high: int) -> int:
    """Write the events of the queries of a span, and forget these."""
    count = 0
    if kept:
        for number, event in store.events(low, high):
            if number in kept:
                write_row(file, event_row(event, kept[number]))
                count += 1
        kept.clear()
    return count
