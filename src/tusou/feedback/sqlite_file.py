"""One SQLite file in the library's folder, written by several processes at once, durable at every commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tusou.catalog.schema import translate_error
from tusou.errors import FeedbackError

BUSY_SECONDS = 10.0
"""How long to wait for another process that writes."""


class SqliteFile:
    """An open file; one thread at a time may use it.

    Attributes:
        path: The file.
        SCHEMA: Statements that make it, separated by semicolons.
        VERSION: Of the schema.
        PRAGMAS: Settings beside write-ahead logging and full synchronisation.
    """

    SCHEMA: str
    VERSION: int
    PRAGMAS: Sequence[str] = ()

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file; a writer makes it when there is none.

        Args:
            path: The file.
            read_only: Refuse to write; the file must exist.

        Raises:
            FeedbackError: A newer tusou made it (``newer_schema``).
            CatalogError: It is damaged or cannot be read.
        """
        self.path = path
        with self._errors():
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            try:
                self._set_up(read_only)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Release the file; closing twice does nothing."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def select(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a query of this package."""
        with self._errors():
            return self._connection.execute(sql, values).fetchall()

    def _schema_version(self) -> int:
        """The file's; 0 while somebody is just making it."""
        ((found,),) = self.select("PRAGMA user_version")
        return int(found)

    def _set_up(self, read_only: bool) -> None:
        connection = self._connection
        connection.execute(f"PRAGMA busy_timeout={int(1000 * BUSY_SECONDS)}")
        _enter_wal(connection)
        for pragma in ("synchronous=FULL", *self.PRAGMAS):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        else:
            self._make()
        if self._schema_version() > self.VERSION:
            raise FeedbackError(
                f"{self.path} was written by a newer tusou; install that version", reason="newer_schema"
            )

    def _make(self) -> None:
        with self._transaction() as connection:
            if self._schema_version() == 0:
                for statement in self.SCHEMA.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={self.VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            translated = translate_error(error, self.path)
            if translated is None:
                raise
            raise translated from error


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; SQLite does not wait by itself for others who switch a new file."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
