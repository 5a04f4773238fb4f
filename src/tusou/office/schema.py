"""The office's tables: one SQLite file beside the catalog, written while ingest holds the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
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
    event,
    insert,
    select,
)

from tusou.catalog.schema import open_engine
from tusou.errors import OfficeError

FILE_NAME = "office.sqlite"
SCHEMA_VERSION = 1

tables = MetaData()

versions = Table("versions", tables, Column("schema", Integer, nullable=False))

audit = Table(
    "audit",
    tables,
    Column("number", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("digest", Text, nullable=False),
)
Index("audit_subject", audit.c.subject)

collections = Table(
    "collections",
    tables,
    Column("collection_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("revision", Integer, nullable=False),
)

items = Table(
    "items",
    tables,
    Column(
        "collection_id", Text, ForeignKey("collections.collection_id", ondelete="CASCADE"), primary_key=True
    ),
    Column("image_id", Text, primary_key=True),
    Column("place", Float, nullable=False),
    Column("added", Float, nullable=False),
    Column("added_by", Text, nullable=False),
)
Index("items_image", items.c.image_id)

comments = Table(
    "comments",
    tables,
    Column("comment_id", Text, primary_key=True),
    Column(
        "collection_id", Text, ForeignKey("collections.collection_id", ondelete="CASCADE"), nullable=False
    ),
    Column("image_id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("created", Float, nullable=False),
)
Index("comments_collection", comments.c.collection_id)

shares = Table(
    "shares",
    tables,
    Column("share_id", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column(
        "collection_id", Text, ForeignKey("collections.collection_id", ondelete="CASCADE"), nullable=False
    ),
    Column("created", Float, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", Float, nullable=False),
)

agreements = Table(
    "agreements",
    tables,
    Column("agreement_id", Text, primary_key=True),
    Column("supplier", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("purposes", Text, nullable=False),
    Column("media", Text, nullable=False),
    Column("territories", Text, nullable=False),
    Column("starts", Text, nullable=False),
    Column("ends", Text, nullable=False),
    Column("notice_days", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("revision", Integer, nullable=False),
)
Index("agreements_supplier", agreements.c.supplier)

grants = Table(
    "grants",
    tables,
    Column("grant_id", Text, primary_key=True),
    Column("image_id", Text, nullable=False),
    Column("license", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("medium", Text, nullable=False),
    Column("territory", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("modify", Boolean, nullable=False),
    Column("at", Float, nullable=False),
)
Index("grants_image", grants.c.image_id)

downloads = Table(
    "downloads",
    tables,
    Column("download_id", Text, primary_key=True),
    Column("grant_id", Text, ForeignKey("grants.grant_id"), nullable=False),
    Column("image_id", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("size", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("at", Float, nullable=False),
)
Index("downloads_at", downloads.c.at)
Index("downloads_image", downloads.c.image_id)


replays = Table(
    "replays",
    tables,
    Column("name", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)

searches = Table(
    "searches",
    tables,
    Column("search_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
)
Index("searches_owner", searches.c.owner)

submissions = Table(
    "submissions",
    tables,
    Column("submission_id", Text, primary_key=True),
    Column("who", Text, nullable=False),
    Column("supplier", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("format", Text, nullable=False),
    Column("fields", Text, nullable=False),
    Column("checks", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("revision", Integer, nullable=False),
)
Index("submissions_status", submissions.c.status)

users = Table(
    "users",
    tables,
    Column("name", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password", Text, nullable=False),
    Column("disabled", Integer, nullable=False),
    Column("created", Float, nullable=False),
)

sessions = Table(
    "sessions",
    tables,
    Column("digest", Text, primary_key=True),
    Column("name", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("expires", Float, nullable=False),
)

keys = Table(
    "keys",
    tables,
    Column("key_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("owner", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("note", Text, nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
    Column("used", Float),
)


def open_office_engine(path: Path, *, writing: bool) -> Engine:
    """Open the file; of a writing engine every transaction begins as a writer's, so that it never fails late.

    Args:
        path: The file.
        writing: For changes; otherwise for reading, beside writers.
    """
    engine = open_engine(path, read_only=not writing)
    if writing:

        @event.listens_for(engine, "connect")
        def _leave_begin_to_us(connection: Any, _record: Any) -> None:
            connection.isolation_level = None

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def make_tables(engine: Engine, path: Path) -> None:
    """Make what is missing; refuse what a newer tusou made.

    Raises:
        OfficeError: The file is of a newer tusou (``newer_schema``).
    """
    with engine.begin() as connection:
        tables.create_all(connection)
        found = connection.scalar(select(versions.c.schema))
        if found is None:
            connection.execute(insert(versions).values(schema=SCHEMA_VERSION))
        elif found > SCHEMA_VERSION:
            raise OfficeError(
                f"{path} was written by a newer tusou; install that version", reason="newer_schema"
            )
