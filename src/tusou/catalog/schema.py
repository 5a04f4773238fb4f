"""The catalog's tables, how a connection is set up, and the numbered forward-only migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.engine.interfaces import ExceptionContext

from tusou.catalog.durable import storage_full_message
from tusou.errors import CatalogError, LibraryCorrupt, StorageFull

SCHEMA_VERSION = 2
"""Version this program writes; raised by every entry of MIGRATIONS."""

tables = MetaData()

counters = Table(
    "counters",
    tables,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)

suppliers = Table(
    "suppliers",
    tables,
    Column("name", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("authority", Float, nullable=False),
    Column("license", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("terms", Text, nullable=False),
)

images = Table(
    "images",
    tables,
    # The row is SQLite's rowid: reading a page of search results is a handful of direct look-ups.
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("image_id", Text, nullable=False, unique=True),
    Column("supplier", Text, ForeignKey("suppliers.name"), nullable=False),
    Column("item_id", Text, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    Column("byte_size", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("thumb_hash", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("fingerprint_quality", Integer, nullable=False),
    Column("megapixels", Float, nullable=False),
    Column("sharpness", Float, nullable=False),
    Column("exposure", Float, nullable=False),
    Column("contrast", Float, nullable=False),
    Column("colorfulness", Float, nullable=False),
    Column("blockiness", Float, nullable=False),
    Column("palette", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("added", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("warnings", Text, nullable=False),
    # Where the original lies when it was not copied ('' when it was), and what tells that it is unchanged.
    Column("location", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("supplier", "item_id"),
)

removed = Table(
    "removed",
    tables,
    Column("image_id", Text, primary_key=True),
    Column("supplier", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("removed", Float, nullable=False),
)

changes = Table(
    "changes",
    tables,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("row", Integer, nullable=False),
    Column("image_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    sqlite_autoincrement=True,
)

segments = Table(
    "segments",
    tables,
    Column("model_id", Text, primary_key=True),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("stop", Integer, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("crc32", Integer, nullable=False),
)

model_roles = Table(
    "model_roles",
    tables,
    Column("role", Text, primary_key=True),
    Column("model_id", Text, nullable=False),
    Column("dim", Integer, nullable=False),
)

jobs = Table(
    "jobs",
    tables,
    Column("job_id", Integer, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("started", Float, nullable=False),
    Column("finished", Float),
    Column("counts", Text, nullable=False),
    sqlite_autoincrement=True,
)

refusals = Table(
    "refusals",
    tables,
    Column("refusal_id", Integer, primary_key=True, autoincrement=True),
    Column("job_id", Integer, ForeignKey("jobs.job_id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("line", Integer),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
)
Index("refusals_of_job", refusals.c.job_id)


def _create(connection: Connection) -> None:
    tables.create_all(connection)
    connection.execute(insert(counters), [{"name": "schema", "value": 0}, {"name": "rows", "value": 0}])


def _name_the_model(connection: Connection) -> None:
    """Until here a library's model was the one with the most embeddings."""
    model_roles.create(connection, checkfirst=True)
    role = literal("current").label("role")
    most = select(role, segments.c.model_id, segments.c.dim).order_by(segments.c.stop.desc()).limit(1)
    connection.execute(insert(model_roles).from_select(["role", "model_id", "dim"], most))


MIGRATIONS: Sequence[Callable[[Connection], None]] = (_create, _name_the_model)
"""Step i brings schema version i to i + 1, in one transaction each; steps are only ever appended."""


def open_engine(path: Path, *, read_only: bool) -> Engine:
    """Open a SQLite file so that a commit is durable, readers never block, and errors are tusou's own."""
    engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=-1)

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA busy_timeout=10000")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-32768")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "handle_error")
    def _translate(context: ExceptionContext) -> None:
        translated = translate_error(context.original_exception, path)
        if translated is not None:
            raise translated from context.original_exception

    return engine


def translate_error(error: BaseException | None, path: Path) -> CatalogError | None:
    """The tusou error for what SQLite reports, None when the error is a programming mistake."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and "full" in str(error)):
        return StorageFull(storage_full_message(path.parent))
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return LibraryCorrupt(
            f"{path} is damaged ({error}); stop all writers, restore the file from a backup, "
            "then run `tusou check`"
        )
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return CatalogError(f"{path} cannot be read or written ({error}); check the disk and its permissions")
    if primary == sqlite3.SQLITE_BUSY:
        return CatalogError(f"{path} stayed locked by another program ({error}); try again", reason="busy")
    return None


def schema_version(engine: Engine) -> int:
    """Schema version of an open catalog; 0 before the first migration."""
    with engine.connect() as connection:
        if not engine.dialect.has_table(connection, "counters"):
            return 0
        value = connection.scalar(select(counters.c.value).where(counters.c.name == "schema"))
        return int(value or 0)


def migrate(engine: Engine) -> None:
    """Bring the schema to SCHEMA_VERSION, one transaction per step."""
    for version in range(schema_version(engine), SCHEMA_VERSION):
        with engine.begin() as connection:
            MIGRATIONS[version](connection)
            connection.execute(update(counters).where(counters.c.name == "schema").values(value=version + 1))
