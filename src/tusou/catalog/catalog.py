"""The system of record: images, suppliers and the change feed, in one SQLite file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, text, update

from tusou.catalog.codec import RECORD_COLUMNS, decode_record, encode_record
from tusou.catalog.records import Batch, Change, Known, Origin, Segment
from tusou.catalog.schema import (
    SCHEMA_VERSION,
    changes,
    counters,
    images,
    jobs,
    migrate,
    open_engine,
    refusals,
    removed,
    schema_version,
    segments,
    suppliers,
)
from tusou.errors import CatalogError, ImageNotFound, LibraryCorrupt, SupplierNotFound
from tusou.types import ImageRecord, Supplier

_IN_LIMIT = 5_000  # values per IN list; SQLite's own limit is 32,766 variables
_T = TypeVar("_T")

_RECORDS: Select[Any] = select(
    *(images.c[name] for name in RECORD_COLUMNS), suppliers.c.license, suppliers.c.terms
).join(suppliers, suppliers.c.name == images.c.supplier)

# Built once: hydrating a page of results is on every search's path.
_BY_ROW = _RECORDS.where(images.c.row.in_(bindparam("rows", expanding=True)))


def chunks(values: Iterable[_T], size: int = _IN_LIMIT) -> Iterator[list[_T]]:
    """Cut values into lists of at most ``size``."""
    items = list(values)
    for start in range(0, len(items), size):
        yield items[start : start + size]


class Catalog:
    """Images, suppliers and changes. Reading is safe from many threads; writing needs the writer lock.

    Records carry the rights that hold: where an image brings no licence or usage terms, its supplier's.
    """

    def __init__(self, path: Path, *, writer: bool) -> None:
        """Open the file; a writer brings the schema up to date first.

        Raises:
            LibraryCorrupt: The file is damaged.
            CatalogError: The file was written by a newer tusou, or needs a writer to migrate it.
        """
        self.path = path
        self.engine = open_engine(path, read_only=not writer)
        version = schema_version(self.engine)
        if version > SCHEMA_VERSION:
            raise CatalogError(
                f"{path} has schema {version}, this tusou knows {SCHEMA_VERSION}; install a newer tusou",
                reason="newer_schema",
            )
        if writer:
            migrate(self.engine)
        elif version < SCHEMA_VERSION:
            raise CatalogError(
                f"{path} has schema {version}, needed is {SCHEMA_VERSION}; `tusou check` migrates it",
                reason="older_schema",
            )

    def close(self) -> None:
        """Release the file."""
        self.engine.dispose()

    # Images

    def get(self, image_id: str) -> ImageRecord:
        """One image.

        Raises:
            ImageNotFound: No image has this id.
        """
        found = self._records(_RECORDS.where(images.c.image_id == image_id))
        if not found:
            raise ImageNotFound(f"no image {image_id!r} in this library; ids are shown by `tusou search`")
        return found[0]

    def get_many(self, image_ids: Sequence[str]) -> dict[str, ImageRecord]:
        """Images by id; unknown ids are left out."""
        found: dict[str, ImageRecord] = {}
        for part in chunks(image_ids):
            for record in self._records(_RECORDS.where(images.c.image_id.in_(part))):
                found[record.image_id] = record
        return found

    def get_rows(self, rows: Iterable[int]) -> dict[int, ImageRecord]:
        """Live images by row; dead and unknown rows are left out."""
        found: dict[int, ImageRecord] = {}
        for part in chunks([int(row) for row in rows]):
            for record in self._records(_BY_ROW, {"rows": part}):
                found[record.row] = record
        return found

    def find(self, supplier: str, item_id: str) -> ImageRecord | None:
        """The image of a supplier's item, None when there is none."""
        query = _RECORDS.where(images.c.supplier == supplier, images.c.item_id == item_id)
        return next(iter(self._records(query)), None)

    def with_sha256(self, sha256: str) -> list[ImageRecord]:
        """All images of these bytes, by row."""
        return self._records(_RECORDS.where(images.c.sha256 == sha256).order_by(images.c.row))

    def records(self, after_row: int = -1, limit: int = 1000, *, supplier: str = "") -> list[ImageRecord]:
        """Live images in row order, for paging: pass the last row seen.

        Args:
            after_row: Only rows larger than this.
            limit: Most records returned.
            supplier: Only this supplier's images; all when empty.
        """
        query = _RECORDS.where(images.c.row > after_row).order_by(images.c.row).limit(limit)
        return self._records(query.where(images.c.supplier == supplier) if supplier else query)

    def known(self, supplier: str, item_ids: Sequence[str]) -> dict[str, Known]:
        """What is held of a supplier's items, by item id."""
        c = images.c
        query = select(c.item_id, c.image_id, c.row, c.sha256, c.location, c.stamp, c.digest)
        found: dict[str, Known] = {}
        with self.engine.connect() as connection:
            for part in chunks(item_ids):
                part_query = query.where(c.supplier == supplier, c.item_id.in_(part))
                for item_id, image_id, row, sha256, *origin in connection.execute(part_query):
                    found[item_id] = Known(image_id, row, sha256, Origin(*origin))
        return found

    def origin(self, image_id: str) -> Origin:
        """How an image came.

        Raises:
            ImageNotFound: No image has this id.
        """
        query = select(images.c.location, images.c.stamp, images.c.digest)
        with self.engine.connect() as connection:
            found = connection.execute(query.where(images.c.image_id == image_id)).first()
        if found is None:
            raise ImageNotFound(f"no image {image_id!r} in this library")
        return Origin(*found)

    def removed(self, image_ids: Sequence[str]) -> set[str]:
        """Those of the ids that were taken out for good."""
        gone: set[str] = set()
        with self.engine.connect() as connection:
            for part in chunks(image_ids):
                gone.update(
                    connection.scalars(select(removed.c.image_id).where(removed.c.image_id.in_(part)))
                )
        return gone

    def referenced(self, digests: Iterable[str], *, copied_only: bool = False) -> set[str]:
        """Those of the SHA-256 digests some image still needs (with ``copied_only``, as a blob)."""
        needed: set[str] = set()
        with self.engine.connect() as connection:
            for part in chunks(digests):
                query = select(images.c.sha256).where(images.c.sha256.in_(part)).distinct()
                needed.update(
                    connection.scalars(query.where(images.c.location == "") if copied_only else query)
                )
        return needed

    def count(self) -> int:
        """Live images."""
        return self._scalar(select(func.count()).select_from(images))

    def row_limit(self) -> int:
        """Rows ever assigned: the next new row."""
        return self._scalar(select(counters.c.value).where(counters.c.name == "rows"))

    # Changes

    def last_change(self) -> int:
        """Number of the newest change; 0 in an empty library."""
        return self._scalar(select(func.max(changes.c.number)))

    def changes(self, after: int, limit: int = 1000) -> list[Change]:
        """Changes numbered above ``after``, oldest first."""
        query = select(changes).where(changes.c.number > after).order_by(changes.c.number).limit(limit)
        with self.engine.connect() as connection:
            return [Change(*row) for row in connection.execute(query)]

    # Suppliers

    def suppliers(self) -> list[Supplier]:
        """All suppliers by name."""
        with self.engine.connect() as connection:
            return [
                Supplier(**row) for row in connection.execute(select(suppliers).order_by("name")).mappings()
            ]

    def supplier(self, name: str) -> Supplier:
        """One supplier.

        Raises:
            SupplierNotFound: No supplier has this name.
        """
        with self.engine.connect() as connection:
            query = select(suppliers).where(suppliers.c.name == name)
            found = connection.execute(query).mappings().first()
        if found is None:
            known = ", ".join(supplier.name for supplier in self.suppliers()) or "none yet"
            raise SupplierNotFound(
                f"no supplier {name!r} in this library (known: {known}); add it with "
                f"`tusou supplier add {name}`"
            )
        return Supplier(**found)

    def supplier_counts(self) -> dict[str, int]:
        """Live images per supplier, every supplier listed."""
        query = select(suppliers.c.name, func.count(images.c.row))
        query = query.join_from(suppliers, images, isouter=True).group_by(suppliers.c.name)
        with self.engine.connect() as connection:
            return dict(connection.execute(query).all())

    # Embeddings

    def segments(self, model_id: str) -> list[Segment]:
        """Appends to a model's embedding file, in row order."""
        c = segments.c
        query = select(c.model_id, c.dim, c.start, c.stop, c.crc32)
        with self.engine.connect() as connection:
            rows = connection.execute(query.where(c.model_id == model_id).order_by(c.start))
            return [Segment(*row) for row in rows]

    def models(self) -> list[str]:
        """Ids of the models that embeddings are kept of, by name."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(segments.c.model_id).distinct().order_by("model_id")))

    def embedded_rows(self, model_id: str) -> int:
        """One past the last row that has an acknowledged embedding of this model."""
        return self._scalar(select(func.max(segments.c.stop)).where(segments.c.model_id == model_id))

    def drop_segments(self, model_id: str) -> None:
        """Forget a model's embeddings."""
        with self.engine.begin() as connection:
            connection.execute(delete(segments).where(segments.c.model_id == model_id))

    # Writing

    def apply(self, batch: Batch) -> None:
        """Make a batch true in one durable transaction: the acknowledgement.

        Raises:
            StorageFull: The disk has no room; nothing of the batch is true.
        """
        with self.engine.begin() as connection:
            put_images(connection, batch.images)
            _touch(connection, batch.touched)
            remove_images(connection, batch.removed)
            if batch.segments:
                values = [
                    {name: getattr(part, name) for name in Segment.__slots__} for part in batch.segments
                ]
                connection.execute(insert(segments), values)
            if batch.job_id is not None:
                counts = json.dumps(dict(batch.counts))
                connection.execute(update(jobs).where(jobs.c.job_id == batch.job_id).values(counts=counts))
            if batch.refusals:
                connection.execute(
                    insert(refusals), [_refusal_values(batch, i) for i in range(len(batch.refusals))]
                )

    def integrity_problems(self) -> list[str]:
        """What SQLite's own check finds, empty when sound."""
        with self.engine.connect() as connection:
            found = [str(line) for line in connection.scalars(text("PRAGMA integrity_check(20)"))]
            found += [
                f"foreign key: {tuple(row)}" for row in connection.execute(text("PRAGMA foreign_key_check"))
            ]
        return [line for line in found if line != "ok"]

    def _records(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> list[ImageRecord]:
        with self.engine.connect() as connection:
            rows = connection.execute(query, values).all()
        try:
            return [decode_record(row) for row in rows]
        except (ValueError, TypeError) as error:
            raise LibraryCorrupt(
                f"{self.path} holds an unreadable record ({error}); run `tusou check`"
            ) from error

    def _scalar(self, query: Select[Any]) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(query) or 0)


def _refusal_values(batch: Batch, i: int) -> dict[str, Any]:
    refusal = batch.refusals[i]
    return {"job_id": batch.job_id} | {name: getattr(refusal, name) for name in refusal.__slots__}


def put_images(connection: Connection, entries: Sequence[tuple[ImageRecord, Origin]]) -> None:
    """Insert records, replacing what had the same image ids, and tell the change feed."""
    if not entries:
        return
    row_of = {record.image_id: record.row for record, _ in entries}
    _drop_rows(connection, list(row_of), keep_rows=row_of)
    values = [
        encode_record(record) | {name: getattr(origin, name) for name in Origin.__slots__}
        for record, origin in entries
    ]
    connection.execute(insert(images), values)
    connection.execute(
        insert(changes),
        [{"row": record.row, "image_id": record.image_id, "kind": "upsert"} for record, _ in entries],
    )
    limit = 1 + max(row_of.values())
    raised = func.max(counters.c.value, limit)
    connection.execute(update(counters).where(counters.c.name == "rows").values(value=raised))
    connection.execute(delete(removed).where(removed.c.image_id.in_(list(row_of))))


def _touch(connection: Connection, entries: Sequence[tuple[str, Origin]]) -> None:
    if entries:
        statement = update(images).where(images.c.image_id == bindparam("_image_id"))
        statement = statement.values({name: bindparam(f"_{name}") for name in Origin.__slots__})
        values = [
            {"_image_id": image_id} | {f"_{name}": getattr(origin, name) for name in Origin.__slots__}
            for image_id, origin in entries
        ]
        connection.execute(statement, values)


def remove_images(connection: Connection, image_ids: Sequence[str]) -> None:
    """Take images out for good: a tombstone each, and a change the index follows."""
    for part in chunks(image_ids):
        marks = select(images.c.image_id, images.c.supplier, images.c.item_id, text(str(time.time())))
        connection.execute(
            insert(removed).from_select(
                ["image_id", "supplier", "item_id", "removed"], marks.where(images.c.image_id.in_(part))
            )
        )
        _drop_rows(connection, part, keep_rows={})


def _drop_rows(connection: Connection, image_ids: Sequence[str], *, keep_rows: dict[str, int]) -> None:
    """Delete images; rows that are not about to be written again go to the change feed as dead."""
    for part in chunks(image_ids):
        query = select(images.c.row, images.c.image_id).where(images.c.image_id.in_(part))
        old = [(row, image_id) for row, image_id in connection.execute(query)]
        if not old:
            continue
        connection.execute(delete(images).where(images.c.row.in_([row for row, _ in old])))
        dead = [
            {"row": row, "image_id": image_id, "kind": "delete"}
            for row, image_id in old
            if keep_rows.get(image_id) != row
        ]
        if dead:
            connection.execute(insert(changes), dead)
