"""Answers and events in few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tusou.feedback.records import LoggedEvent, LoggedQuery, Verdict
from tusou.feedback.store import EventStore

NOW = 1_700_000_000_000
HITS = ("a", "b", "c", "d")


def query(
    name: str = "q1", text: str = "snow 雪", hits: tuple[str, ...] = HITS, **fields: Any
) -> LoggedQuery:
    return LoggedQuery(name, fields.pop("timestamp", NOW), text, hits, **fields)


def event(event_id: str = "e1", action: str = "click", image: str = "a", **fields: Any) -> LoggedEvent:
    values = {"query_id": "q1", "timestamp": NOW + 1000, "object_id": image, **fields}
    return LoggedEvent(event_id, action=action, **values)


def write(store: EventStore, *records: LoggedQuery | LoggedEvent, now: int = NOW + 5000) -> list[Verdict]:
    queries = [each for each in records if isinstance(each, LoggedQuery)]
    return store.write(queries, [each for each in records if isinstance(each, LoggedEvent)], now=now)


def logged(path: Path) -> tuple[list[LoggedQuery], list[LoggedEvent]]:
    """Everything in a log."""
    with EventStore(path, read_only=True) as store:
        queries = [query for _, query in store.queries(features=True)]
        events = [event for low, high in store.spans() for _, event in store.events(low, high)]
    return queries, events
