"""Bring logs of other programs in: UBI as JSON Lines, OpenSearch bulk files or CSV, one batch at a time."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tusou.errors import FeedbackError
from tusou.feedback.records import EXPLANATIONS, LoggedEvent, LoggedQuery, Verdict
from tusou.feedback.store import TOLERANCE, EventStore
from tusou.feedback.ubi import EVENTS, QUERIES, Row, event_of, is_event, query_of, unflattened

BATCH = 5000
"""Rows per durable transaction; memory holds no more of a file."""

MAX_LINE = 1_000_000
"""Longest line read, in bytes."""

KEPT = 1000
"""Bad rows listed per reason; all are counted."""

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv")

Kind = Literal["queries", "events", "both"]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out.

    Attributes:
        where: File and row number (``ubi_events.jsonl:17``).
        reason: ``bad_row``, or the verdict on the event.
        message: What was expected and what came.
    """

    where: str
    reason: str
    message: str


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        queries: Query rows read.
        accepted: Events written.
        duplicates: Events that were in the log already.
        reasons: Rows left out, by reason.
        bad_rows: The first KEPT of each reason.
    """

    queries: int = 0
    accepted: int = 0
    duplicates: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)

    def leave_out(self, where: str, reason: str, message: str) -> None:
        """Note a row that is left out."""
        self.reasons[reason] += 1
        if self.reasons[reason] <= KEPT:
            self.bad_rows.append(BadRow(where, reason, message))


def import_ubi(
    store: EventStore,
    source: Path,
    *,
    now: int,
    application: str = "",
    progress: Callable[[float], None] = lambda _part: None,
) -> ImportReport:
    """Write a log into this one; doing it again changes nothing.

    All queries go in before any event, so their order in the files does not matter.

    Args:
        store: The log.
        source: A file, or a folder with ``ubi_queries`` and ``ubi_events`` files.
        now: Milliseconds since 1970.
        application: Name for rows that name none.
        progress: Told the part done, 0 to 1.

    Raises:
        FeedbackError: There is nothing to read (``source_not_found``, ``unknown_format``).
        StorageFull: The disk is full; what was written stays, the same call goes on.
    """
    files = _files(source)
    passes: list[tuple[Path, Kind]] = [(path, "queries") for path in files if _kind(path) != "events"]
    passes += [(path, "events") for path in files if _kind(path) != "queries"]
    total = sum(path.stat().st_size for path, _ in passes) or 1
    report, done = ImportReport(), 0
    for path, kind in passes:
        batch = _Batch(store, report, now, application)
        mixed = _kind(path) == "both"
        for where, row, offset in _rows(path, report if kind == _first_kind(path) else ImportReport()):
            if not mixed or is_event(row) == (kind == "events"):
                batch.add(where, row, kind)
                progress((done + offset) / total)
        batch.flush()
        done += path.stat().st_size
    progress(1.0)
    return report


class _Batch:
    """Rows of one kind, written BATCH at a time."""

    def __init__(self, store: EventStore, report: ImportReport, now: int, application: str) -> None:
        self._store, self._report, self._now, self._application = store, report, now, application
        self._places: list[str] = []
        self._queries: list[LoggedQuery] = []
        self._events: list[LoggedEvent] = []

    def add(self, where: str, row: Row, kind: Kind) -> None:
        try:
            if kind == "events":
                self._events.append(event_of(row))
                self._places.append(where)
            else:
                self._queries.append(self._query(row))
        except FeedbackError as error:
            self._report.leave_out(where, error.reason, str(error))
        if len(self._queries) + len(self._events) >= BATCH:
            self.flush()

    def _query(self, row: Row) -> LoggedQuery:
        if is_event(row):
            raise FeedbackError("an event in a file of queries", reason="bad_row")
        query = query_of({"application": self._application} | row)
        if query.timestamp > self._now + TOLERANCE:
            raise FeedbackError(EXPLANATIONS[Verdict.FUTURE], reason=Verdict.FUTURE)
        return query

    def flush(self) -> None:
        verdicts = self._store.write(self._queries, self._events, now=self._now)
        self._report.queries += len(self._queries)
        for where, verdict in zip(self._places, verdicts, strict=True):
            if verdict.is_refusal:
                self._report.leave_out(where, verdict, EXPLANATIONS[verdict])
            else:
                self._report.accepted += verdict is Verdict.ACCEPTED
                self._report.duplicates += verdict is Verdict.DUPLICATE
        self._places, self._queries, self._events = [], [], []


def _files(source: Path) -> list[Path]:
    """The files of a source, queries first."""
    if source.is_file():
        if source.suffix not in ENDINGS:
            raise FeedbackError(
                f"{source} is of no kind that can be read; expected {', '.join(ENDINGS)}",
                reason="unknown_format",
            )
        return [source]
    found = [
        path
        for name in (QUERIES, EVENTS)
        for ending in ENDINGS
        if (path := source / f"{name}{ending}").is_file()
    ]
    if not found:
        raise FeedbackError(
            f"{source} holds no {QUERIES} or {EVENTS} ({', '.join(ENDINGS)}); name a file, or their folder",
            reason="source_not_found",
        )
    return found


def _kind(path: Path) -> Kind:
    if path.stem == QUERIES:
        return "queries"
    return "events" if path.stem == EVENTS else "both"


def _first_kind(path: Path) -> Kind:
    """The pass in which rows that cannot be read are reported: the first over the file."""
    return "events" if _kind(path) == "events" else "queries"


def _rows(path: Path, report: ImportReport) -> Iterator[tuple[str, Row, int]]:
    """Rows with their place and the bytes read so far; what is no row is reported."""
    if path.suffix == ".csv":
        yield from _csv_rows(path, report)
        return
    offset = 0
    for number, line in enumerate(_lines(path), 1):
        offset += len(line)
        where = f"{path.name}:{number}"
        if line.isspace():
            continue
        if len(line) > MAX_LINE:
            report.leave_out(where, "bad_row", f"the line is longer than {MAX_LINE:,} bytes")
            continue
        row = _parsed(line)
        if not isinstance(row, dict):
            report.leave_out(where, "bad_row", f"expected a JSON object, got {line[:60]!r}")
        elif not _is_bulk_action(row):
            yield where, row, offset


def _lines(path: Path) -> Iterator[bytes]:
    """Lines; of one that is too long only its beginning, one byte longer than allowed."""
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE + 1):
            yield line
            while len(line) > MAX_LINE and not line.endswith(b"\n"):
                line = file.readline(MAX_LINE + 1)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_bulk_action(row: Row) -> bool:
    """A line of OpenSearch's bulk format that announces the next."""
    return (
        len(row) == 1
        and next(iter(row)) in ("index", "create")
        and isinstance(next(iter(row.values())), dict)
    )


def _csv_rows(path: Path, report: ImportReport) -> Iterator[tuple[str, Row, int]]:
    """Rows of a CSV file with a header; ``event_attributes.position.row`` names a nested property."""
    offset = 0

    def lines() -> Iterator[str]:
        nonlocal offset
        with path.open("rb") as file:
            for line in file:
                offset += len(line)
                yield line.decode("utf-8", "replace").replace("\0", "")

    reader = csv.DictReader(lines(), restkey="", restval="")
    while True:
        try:
            with _long_cells():
                cells = next(reader, None)
            if cells is None:
                return
            if "" in cells and isinstance(cells[""], list):
                raise FeedbackError(f"more cells than the {len(reader.fieldnames or ())} columns")
            row = unflattened({name.lstrip("\ufeff"): value for name, value in cells.items() if name})
        except (csv.Error, FeedbackError) as error:
            report.leave_out(f"{path.name}:{reader.line_num}", "bad_row", str(error))
            continue
        yield f"{path.name}:{reader.line_num}", row, offset


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let csv read cells as long as a line may be; the limit is the whole process's, so it is put back."""
    before = csv.field_size_limit(MAX_LINE)
    try:
        yield
    finally:
        csv.field_size_limit(before)
