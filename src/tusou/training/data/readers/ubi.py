"""User Behavior Insights 1.3: ``ubi_queries.jsonl`` and ``ubi_events.jsonl`` in one folder."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.clicks import add_shown
from tusou.training.data.readers.image_files import ImageFiles, images_of
from tusou.training.data.readers.rows import json_rows, list_of
from tusou.training.data.relevance import RelevanceData

QUERIES, EVENTS = "ubi_queries.jsonl", "ubi_events.jsonl"

GRADES = {"click": 1.0, "item_click": 1.0, "download": 2.0}
"""Grade of an image by what was done with it; shown and nothing more is 0. Other actions do not count."""


def recognises(path: Path) -> bool:
    """A folder that holds both files."""
    return (path / QUERIES).is_file() and (path / EVENTS).is_file()


def read(path: Path, options: DataOptions, problems: Problems) -> RelevanceData:
    """Read queries with the lists they were answered with; events grade the images."""
    files = ImageFiles(images_of(path, options.images), problems)
    builder = RelevanceBuilder(problems)
    grades = _grades(path / EVENTS, problems)
    for query_id, shown in _shown(path / QUERIES, problems).items():
        done = grades.pop(query_id, {})
        for key in sorted(done.keys() - set(shown.images)):
            problems.add(shown.where, "unknown_image", f"an event names {key!r:.100}, which was not shown")
        entries: list[tuple[str, object]] = [(key, done.get(key, 0.0)) for key in shown.images]
        add_shown(builder, files, shown.query, entries, shown.where)
    for query_id in grades:
        problems.add(EVENTS, "unknown_query", f"events name query_id {query_id!r:.100}")
    return builder.build()


@dataclass(slots=True)
class _Shown:
    """A query and all images its answers, one row per page, have shown."""

    where: str
    query: object
    images: list[str]


def _shown(path: Path, problems: Problems) -> dict[str, _Shown]:
    """Query id to what was shown, in the order of the log."""
    shown: dict[str, _Shown] = {}
    for where, row in json_rows(path, problems):
        images = [str(key) for key in list_of(row, "query_response_hit_ids", where, problems)]
        if not images:
            problems.add(where, "no_positive", "no image under 'query_response_hit_ids'")
        of_query = shown.setdefault(str(row.get("query_id")), _Shown(where, row.get("user_query"), []))
        of_query.images += [key for key in images if key not in of_query.images]
    return shown


def _grades(path: Path, problems: Problems) -> dict[str, dict[str, float]]:
    """Query id to image to the highest grade its events give."""
    grades: dict[str, dict[str, float]] = defaultdict(dict)
    for where, row in json_rows(path, problems):
        grade = GRADES.get(str(row.get("action_name")))
        if grade is None:
            continue
        image = _object_id(row)
        if image is None or "query_id" not in row:
            problems.add(where, "bad_row", "expected query_id and event_attributes.object.object_id")
            continue
        of_query = grades[str(row["query_id"])]
        of_query[image] = max(grade, of_query.get(image, 0.0))
    return grades


def _object_id(row: dict[str, Any]) -> str | None:
    """``event_attributes.object.object_id``."""
    value: object = row
    for name in ("event_attributes", "object", "object_id"):
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None else str(value)
