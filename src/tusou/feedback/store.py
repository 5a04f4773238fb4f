"""The event log on disk: one SQLite file in the library's folder, written by several processes at once."""

from __future__ import annotations

import json
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tusou.errors import FeedbackError
from tusou.feedback.records import DAY, LoggedEvent, LoggedQuery, Verdict
from tusou.feedback.simulate import SIMULATION
from tusou.feedback.sqlite_file import SqliteFile
from tusou.text.normalize import normalize

FILE_NAME = "events.sqlite"
SCHEMA_VERSION = 1

TOLERANCE = 60_000
"""Milliseconds by which two clocks may differ."""

LATEST = DAY
"""Milliseconds after an answer within which something can still be done with it."""

COMMON = 3
"""Times words must have been asked to be shown to others."""

READ_QUERIES = 2000  # queries read at a time

_HEXADECIMAL = re.compile("[0-9a-f]{16}")

SCHEMA = """
CREATE TABLE queries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    query_id TEXT NOT NULL UNIQUE,
    timestamp INTEGER NOT NULL,
    application TEXT NOT NULL,
    client TEXT NOT NULL,
    user_query TEXT NOT NULL,
    spelling TEXT NOT NULL,  -- user_query as queries are compared
    first_rank INTEGER NOT NULL,
    hits TEXT NOT NULL,
    attributes TEXT NOT NULL,
    explored TEXT NOT NULL,
    features BLOB
);
CREATE INDEX queries_by_time ON queries (timestamp);
-- The events of one query lie side by side, wherever in time they were reported.
CREATE TABLE events (
    query INTEGER NOT NULL,
    event INTEGER NOT NULL,
    action TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    object_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    grid_row INTEGER NOT NULL,
    grid_column INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    explore INTEGER NOT NULL,
    propensity REAL,
    PRIMARY KEY (query, event)
) WITHOUT ROWID;
CREATE TABLE salts (day INTEGER PRIMARY KEY, salt BLOB NOT NULL);
"""

INSERT_QUERY = (
    "INSERT INTO queries (query_id, timestamp, application, client, user_query, spelling, first_rank, hits, "
    "attributes, explored, features) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (query_id) DO NOTHING"
)
INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
KNOWN = (
    "SELECT query_id, number, timestamp, first_rank, hits, explored FROM queries "
    "WHERE query_id IN (SELECT value FROM json_each(?))"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the log says of a query that events name."""

    number: int
    timestamp: int
    ranks: dict[str, int]
    explored: dict[int, float]


class EventStore(SqliteFile):
    """An open event log; one thread at a time may use it."""

    SCHEMA, VERSION = SCHEMA, SCHEMA_VERSION
    PRAGMAS = (
        "cache_size=-16384",
        "secure_delete=ON",
    )  # what is purged, and old salts, are gone from the file

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file; a writer makes it when there is none.

        Args:
            path: The file.
            read_only: Refuse to write; the file must exist.

        Raises:
            FeedbackError: There is no log yet (``no_feedback``), or a newer tusou made it (``newer_schema``).
            CatalogError: The file is damaged or cannot be read.
        """
        if read_only and not path.exists():
            raise _nothing_logged(path)
        super().__init__(path, read_only=read_only)
        if self._schema_version() == 0:  # somebody is just making it
            self.close()
            raise _nothing_logged(path)

    def write(
        self, queries: Sequence[LoggedQuery], events: Sequence[LoggedEvent], *, now: int
    ) -> list[Verdict]:
        """Write queries, then events, in one durable transaction.

        A query that is there already gains the hits it did not have, so that an answer may come page by page.

        Args:
            queries: Answers.
            events: What was done; order does not matter.
            now: Milliseconds since 1970.

        Returns:
            What became of each event, in order.

        Raises:
            StorageFull: The disk has no room; nothing of this call was written.
            CatalogError: The file cannot be written; nothing of this call was.
        """
        with self._transaction() as connection:
            for query in queries:
                if not connection.execute(INSERT_QUERY, _query_values(query)).rowcount:
                    self._add_hits(query)
            known = self._known({event.query_id for event in events})
            return [self._insert_event(event, known.get(event.query_id), now) for event in events]

    def queries(self, *, features: bool = False) -> Iterator[tuple[int, LoggedQuery]]:
        """Numbers and queries in the order they were written.

        Args:
            features: Read the ranker's features as well.
        """
        columns = (
            "number, query_id, timestamp, user_query, hits, client, application, first_rank, attributes, "
            f"explored, {'features' if features else 'NULL'}"
        )
        for low, high in self.spans():
            sql = f"SELECT {columns} FROM queries WHERE number BETWEEN ? AND ?"  # noqa: S608 - constants
            for number, *values in self.select(sql, (low, high)):
                yield number, _query_of(values)

    def frequent_queries(self, count: int, *, clients: int = 1) -> dict[str, int]:
        """Words asked most often, and how often.

        Left out are simulated searches, those without words, and what was asked fewer than COMMON times: what
        one person alone typed is nobody else's business.

        Args:
            count: Most queries.
            clients: Least number of different clients who asked; a person is another client every day.
        """
        sql = (
            "SELECT user_query, count(*) FROM queries WHERE spelling <> '' AND application <> ? "
            "GROUP BY spelling HAVING count(*) >= ? AND count(DISTINCT client) >= ? "
            "ORDER BY 2 DESC, spelling LIMIT ?"
        )
        return dict(self.select(sql, (SIMULATION, COMMON, clients, count)))

    def events(self, low: int, high: int) -> Iterator[tuple[int, LoggedEvent]]:
        """Query numbers and events of the queries numbered low to high, by query."""
        sql = (
            "SELECT query, event, query_id, action, e.timestamp, object_id, ordinal, grid_row, grid_column, "
            "columns, explore, propensity FROM events e JOIN queries ON number = query "
            "WHERE query BETWEEN ? AND ?"
        )
        for number, event, *values in self.select(sql, (low, high)):
            yield number, _event_of(event, values)

    def searches(self) -> Iterator[tuple[LoggedQuery, list[LoggedEvent]]]:
        """Queries in the order they were written, each with its events."""
        events: defaultdict[int, list[LoggedEvent]] = defaultdict(list)
        read = 0
        spans = self.spans()
        for number, query in self.queries():
            while number > read:
                low, read = next(spans)
                events.clear()
                for of_query, event in self.events(low, read):
                    events[of_query].append(event)
            yield query, events.get(number, [])

    def spans(self, size: int = READ_QUERIES) -> Iterator[tuple[int, int]]:
        """Ranges of query numbers, both ends included, that cover the log."""
        ((lowest, highest),) = self.select("SELECT min(number), max(number) FROM queries")
        if lowest is not None:
            for low in range(lowest, highest + 1, size):
                yield low, min(low + size - 1, highest)

    def version(self) -> int:
        """A number that differs after anybody wrote."""
        ((version,),) = self.select("PRAGMA data_version")
        return int(version)

    def purge(self, before: int, *, chunk: int = READ_QUERIES) -> int:
        """Delete queries older than a time, and their events, in short transactions.

        Args:
            before: Milliseconds since 1970.
            chunk: Queries per transaction.

        Returns:
            Queries deleted.
        """
        old = "SELECT number FROM queries WHERE timestamp < ? ORDER BY timestamp LIMIT ?"
        deleted = 0
        while numbers := self.select(old, (before, chunk)):
            with self._transaction() as connection:
                connection.executemany("DELETE FROM events WHERE query = ?", numbers)
                connection.executemany("DELETE FROM queries WHERE number = ?", numbers)
            deleted += len(numbers)
        if deleted:
            self.select("PRAGMA wal_checkpoint(TRUNCATE)")  # the write-ahead log still holds what was deleted
        return deleted

    def salt(self, day: int) -> bytes:
        """The day's random salt, the same for every process; those before yesterday's are destroyed.

        Args:
            day: Days since 1970, UTC.
        """
        with self._transaction() as connection:
            connection.execute("DELETE FROM salts WHERE day < ?", (day - 1,))
            connection.execute("INSERT OR IGNORE INTO salts VALUES (?, ?)", (day, secrets.token_bytes(32)))
        ((salt,),) = self.select("SELECT salt FROM salts WHERE day = ?", (day,))
        return bytes(salt)

    def _add_hits(self, query: LoggedQuery) -> None:
        """Add what a further page of the same answer shows."""
        ((text,),) = self.select("SELECT hits FROM queries WHERE query_id = ?", (query.query_id,))
        hits = json.loads(text)
        merged = list(dict.fromkeys([*hits, *query.hits]))
        if len(merged) > len(hits):
            self._connection.execute(
                "UPDATE queries SET hits = ? WHERE query_id = ?", (_json(merged), query.query_id)
            )

    def _known(self, query_ids: set[str]) -> dict[str, _Known]:
        rows = self._connection.execute(KNOWN, (json.dumps(sorted(query_ids)),)) if query_ids else ()
        return {
            query_id: _Known(number, timestamp, _ranks(hits, first_rank), _explored(explored))
            for query_id, number, timestamp, first_rank, hits, explored in rows
        }

    def _insert_event(self, event: LoggedEvent, known: _Known | None, now: int) -> Verdict:
        refused = _refusal(event, known, now)
        if refused or known is None:
            return refused or Verdict.UNKNOWN_QUERY
        rank = known.ranks.get(event.object_id, 0)
        propensity = known.explored.get(rank, event.propensity)
        values = (
            known.number,
            event_number(event.event_id),
            storable(event.action),
            event.timestamp,
            storable(event.object_id),
            event.ordinal or rank,
            event.row,
            event.column,
            event.columns,
            event.explore or rank in known.explored,
            propensity,
        )
        written = self._connection.execute(INSERT_EVENT, values).rowcount
        return Verdict.ACCEPTED if written else Verdict.DUPLICATE


def _nothing_logged(path: Path) -> FeedbackError:
    message = f"{path} does not exist: nothing has been logged yet; serve the library, or import a log"
    return FeedbackError(message, reason="no_feedback")


def event_number(event_id: str) -> int:
    """64 signed bits that stand for an event's id: its 16 hexadecimal digits if it has that form, or a hash.

    Within the few events of one query, equal bits are no accident.
    """
    if _HEXADECIMAL.fullmatch(event_id):
        data = bytes.fromhex(event_id)
    else:
        data = blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(data, "big", signed=True)


def event_id_of(number: int) -> str:
    """The id an event is exported under; reading it gives the same number."""
    return f"{number & (1 << 64) - 1:016x}"


def _refusal(event: LoggedEvent, known: _Known | None, now: int) -> Verdict | None:
    """Why an event cannot be right, if it cannot."""
    if event.timestamp > now + TOLERANCE:
        return Verdict.FUTURE
    if known is None:
        return Verdict.UNKNOWN_QUERY
    if event.object_id and known.ranks and event.object_id not in known.ranks:
        return Verdict.NOT_SHOWN
    if event.timestamp < known.timestamp - TOLERANCE:
        return Verdict.BEFORE_QUERY
    if event.timestamp > known.timestamp + LATEST:
        return Verdict.TOO_LATE
    return None


def _ranks(hits: str, first_rank: int) -> dict[str, int]:
    return {image_id: first_rank + i for i, image_id in enumerate(json.loads(hits))}


def _explored(text: str) -> dict[int, float]:
    return {int(rank): propensity for rank, propensity in json.loads(text).items()} if text else {}


def _query_values(query: LoggedQuery) -> tuple[Any, ...]:
    return (
        storable(query.query_id),
        query.timestamp,
        storable(query.application),
        storable(query.client),
        storable(query.user_query),
        normalize(query.user_query),
        query.first_rank,
        _json(query.hits),
        _json(query.attributes),
        _json(query.explored) if query.explored else "",
        query.features,
    )


def _query_of(values: Sequence[Any]) -> LoggedQuery:
    query_id, timestamp, text, hits, client, application, first_rank, attributes, explored, features = values
    return LoggedQuery(
        query_id,
        timestamp,
        text,
        tuple(json.loads(hits)),
        client,
        application,
        first_rank,
        json.loads(attributes),
        _explored(explored),
        features,
    )


def _event_of(number: int, values: Sequence[Any]) -> LoggedEvent:
    query_id, action, timestamp, object_id, ordinal, row, column, columns, explore, propensity = values
    return LoggedEvent(
        event_id_of(number),
        query_id,
        action,
        timestamp,
        object_id,
        ordinal,
        row,
        column,
        columns,
        bool(explore),
        propensity,
    )


def storable(text: str) -> str:
    """The text with halves of characters, which JSON can spell but no file can hold, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _json(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
