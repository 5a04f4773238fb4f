"""The office file: changes are transactions that say who made them, and leave an entry in the audit."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, desc, insert, select

from tusou.office.schema import FILE_NAME, audit, make_tables, open_office_engine

FIRST_DIGEST = ""
"""What the first entry of the audit is chained to."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change.

    Attributes:
        number: From 1, without gaps.
        at: When, POSIX seconds.
        who: Who made it.
        action: What was done (``collection.create``).
        subject: What it was done to, ``kind/id``.
        before: Fields as they were; empty for something new.
        after: Fields as they are; empty for something gone.
    """

    number: int
    at: float
    who: str
    action: str
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A change under way.

    Attributes:
        connection: Its transaction.
        who: Who makes it.
        at: When, POSIX seconds.
    """

    connection: Connection
    who: str
    at: float

    def record(
        self,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write an entry of the audit, chained to the one before by its digest."""
        last = self.connection.execute(
            select(audit.c.number, audit.c.digest).order_by(desc(audit.c.number)).limit(1)
        ).first()
        number, previous = (last.number + 1, last.digest) if last else (1, FIRST_DIGEST)
        values = {
            "number": number, "at": self.at, "who": self.who, "action": action, "subject": subject,
            "before": _json(before or {}), "after": _json(after or {}),
        }  # fmt: skip
        self.connection.execute(insert(audit).values(**values, digest=chained(previous, values)))


class Office:
    """The open file; safe to use from many threads and processes."""

    def __init__(self, library: Path) -> None:
        """Open the file of a library, or make it.

        Raises:
            OfficeError: A newer tusou made it (``newer_schema``).
            CatalogError: It is damaged or cannot be read.
        """
        self.path = library / FILE_NAME
        self._writing = open_office_engine(self.path, writing=True)
        make_tables(self._writing, self.path)
        self._reading = open_office_engine(self.path, writing=False)

    def close(self) -> None:
        """Release the file."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def changing(self, who: str) -> Iterator[Change]:
        """One change: true as a whole and durable at the end of the block, or not at all.

        Args:
            who: Name of who makes it, for the audit.

        Raises:
            StorageFull: The disk has no room; nothing was changed.
        """
        with self._writing.begin() as connection:
            yield Change(connection, who, time.time())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent look; writers are not held up."""
        with self._reading.connect() as connection:
            yield connection

    def history(self, subject: str = "", *, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
        """Entries of the audit, newest first.

        Args:
            subject: Only of this subject; of all when empty.
            before: Only entries with a smaller number, for paging.
            limit: Most entries.
        """
        query = select(audit).order_by(desc(audit.c.number)).limit(limit)
        if subject:
            query = query.where(audit.c.subject == subject)
        if before is not None:
            query = query.where(audit.c.number < before)
        with self.reading() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def tampered(self) -> list[int]:
        """Numbers of audit entries that do not follow from the one before: somebody changed the file."""
        wrong, previous, expected = [], FIRST_DIGEST, 1
        with self.reading() as connection:
            for row in connection.execute(select(audit).order_by(audit.c.number)).mappings():
                values = dict(row)
                digest = values.pop("digest")
                if values["number"] != expected or chained(previous, values) != digest:
                    wrong.append(values["number"])
                previous, expected = digest, values["number"] + 1
        return wrong


def chained(previous: str, values: Mapping[str, Any]) -> str:
    """SHA-256 over the digest before and an entry's values."""
    return hashlib.sha256((previous + _json(values)).encode()).hexdigest()


def new_id() -> str:
    """A random name of 12 letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(9)


def _entry(row: RowMapping) -> AuditEntry:
    values = {name: row[name] for name in ("number", "at", "who", "action", "subject")}
    return AuditEntry(**values, before=json.loads(row["before"]), after=json.loads(row["after"]))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
