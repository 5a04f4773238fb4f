"""Take the log out: as UBI files, which the readers of training data understand as well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tusou.catalog.library import Library
from tusou.feedback.records import CHOSEN, LoggedEvent, LoggedQuery
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.store import EventStore
from tusou.feedback.ubi import EVENTS, QUERIES, Row, event_row, query_row

Search = tuple[LoggedQuery, list[LoggedEvent]]


@dataclass(frozen=True, slots=True)
class Exported:
    """How much was written.

    Attributes:
        searches: Rows of ``ubi_queries``.
        events: Rows of ``ubi_events``.
        images: Copied image files.
    """

    searches: int
    events: int
    images: int = 0


def export_ubi(store: EventStore, folder: Path, *, applications: Collection[str] | None = None) -> Exported:
    """Write ``ubi_queries.jsonl`` and ``ubi_events.jsonl``; a log that imports them equals this one.

    Args:
        store: The log.
        folder: Where the files go; made when there is none.
        applications: Searches of these programs; None for all but simulated ones.
    """
    return write_ubi(folder, _wanted(store, applications))


def export_training(
    store: EventStore, folder: Path, library: Library, *, applications: Collection[str] | None = None
) -> Exported:
    """Write the searches that teach something, and ``images`` with copies of the files they showed.

    These are searches by words in which something was chosen and whose images are all still in the library.

    Args:
        store: The log.
        folder: Where the files go; the readers of training data take it as it is.
        library: Whose images were shown.
        applications: See export_ubi.
    """
    shown: set[str] = set()
    written = write_ubi(folder, _teaching(_wanted(store, applications), library, shown))
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for image_id, record in library.catalog.get_many(sorted(shown)).items():
        ending = "jpg" if record.format == "jpeg" else record.format
        shutil.copyfile(library.original_path(record), images / f"{image_id}.{ending}")
    return Exported(written.searches, written.events, len(shown))


def write_ubi(folder: Path, searches: Iterable[Search]) -> Exported:
    """Write searches and their events as UBI files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = events = 0
    with (
        (folder / f"{QUERIES}.jsonl").open("w", encoding="utf-8") as query_file,
        (folder / f"{EVENTS}.jsonl").open("w", encoding="utf-8") as event_file,
    ):
        for query, done in searches:
            query_file.write(_line(query_row(query)))
            event_file.writelines(_line(event_row(event, query)) for event in done)
            written += 1
            events += len(done)
    return Exported(written, events)


def is_wanted(query: LoggedQuery, applications: Collection[str] | None) -> bool:
    """Whether a search is of one of these programs; None takes all but simulated ones."""
    return query.application != SIMULATION if applications is None else query.application in applications


def _wanted(store: EventStore, applications: Collection[str] | None) -> Iterator[Search]:
    return (search for search in store.searches() if is_wanted(search[0], applications))


def _teaching(searches: Iterable[Search], library: Library, shown: set[str]) -> Iterator[Search]:
    """Searches that teach; their images are added to ``shown``."""
    for query, events in searches:
        chosen = any(event.action in CHOSEN for event in events)
        if chosen and query.user_query and len(library.catalog.rows_of(query.hits)) == len(query.hits):
            shown.update(query.hits)
            yield query, events


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
