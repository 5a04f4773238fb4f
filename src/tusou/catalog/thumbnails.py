"""JPEG thumbnails by SHA-256 of the original, packed into one SQLite file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from tusou.catalog.batches import chunks
from tusou.catalog.schema import open_engine

_tables = MetaData()
_thumbnails = Table(
    "thumbnails",
    _tables,
    Column("sha256", Text, primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)


class ThumbnailStore:
    """Thumbnails: derived data, one durable commit per batch instead of one fsync per file."""

    def __init__(self, path: Path, *, writer: bool) -> None:
        self.path = path
        self._engine = open_engine(path, read_only=not writer)
        if writer:
            _tables.create_all(self._engine)

    def get(self, sha256: str) -> bytes | None:
        """The thumbnail of an original, None when there is none."""
        query = select(_thumbnails.c.jpeg).where(_thumbnails.c.sha256 == sha256)
        with self._engine.connect() as connection:
            return connection.scalar(query)

    def put(self, entries: Sequence[tuple[str, bytes]]) -> None:
        """Store (sha256, JPEG bytes) pairs durably, replacing older ones.

        Raises:
            StorageFull: The disk has no room.
        """
        if not entries:
            return
        statement = insert(_thumbnails)
        statement = statement.on_conflict_do_update(
            index_elements=["sha256"], set_={"jpeg": statement.excluded.jpeg}
        )
        with self._engine.begin() as connection:
            connection.execute(statement, [{"sha256": sha256, "jpeg": jpeg} for sha256, jpeg in entries])

    def delete(self, digests: Iterable[str]) -> None:
        """Delete thumbnails; unknown ones are ignored."""
        with self._engine.begin() as connection:
            for part in chunks(digests):
                connection.execute(delete(_thumbnails).where(_thumbnails.c.sha256.in_(part)))

    def digests(self) -> set[str]:
        """SHA-256 of every original that has a thumbnail."""
        with self._engine.connect() as connection:
            return set(connection.scalars(select(_thumbnails.c.sha256)))

    def byte_size(self) -> int:
        """Bytes of all thumbnails."""
        with self._engine.connect() as connection:
            return int(connection.scalar(select(func.sum(func.length(_thumbnails.c.jpeg)))) or 0)

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()
