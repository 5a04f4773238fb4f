"""The system of record: images, suppliers and the change feed, in one SQLite file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select, text

from tusou.catalog.batches import chunks, write_batch
from tusou.catalog.codec import RECORD_COLUMNS, decode_metadata, decode_record
from tusou.catalog.records import Batch, Change, Known, Origin, Segment
from tusou.catalog.schema import (
    SCHEMA_VERSION,
    changes,
    counters,
    images,
    migrate,
    open_engine,
    removed,
    schema_version,
    segments,
    suppliers,
)
from tusou.errors import CatalogError, ImageNotFound, LibraryCorrupt, SupplierNotFound
from tusou.types import ImageRecord, Metadata, Supplier

_RECORDS: Select[Any] = select(
    *(images.c[name] for name in RECORD_COLUMNS), suppliers.c.license, suppliers.c.terms
).join(suppliers, suppliers.c.name == images.c.supplier)

# Built once: one is on every search's path, the other on every new image's.
_BY_ROW = _RECORDS.where(images.c.row.in_(bindparam("rows", expanding=True)))
_DIGESTS = select(images.c.sha256).where(images.c.sha256.in_(bindparam("digests", expanding=True))).distinct()


class Catalog:
    """Images, suppliers and changes. Reading is safe from many threads; writing needs the writer lock.

    Records carry the rights that hold: where an image brings no licence or usage terms, its supplier's.
    """

    def __init__(self, path: Path, *, writer: bool, create: bool = False) -> None:
        """Open the file; a writer brings the schema up to date first.

        Args:
            path: The SQLite file.
            writer: Allow writing; the caller holds the writer lock.
            create: The file is new. Otherwise one without tables is damage, never an empty catalog.

        Raises:
            LibraryCorrupt: The file is damaged.
            CatalogError: The file was written by a newer tusou, or needs a writer to migrate it.
        """
        self.path = path
        self.engine = open_engine(path, read_only=not writer)
        version = schema_version(self.engine)
        if version == 0 and not create:
            raise LibraryCorrupt(f"{path} has no tables; restore it from a backup")
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

    def metadata(
        self, after_row: int = -1, limit: int = 1000, *, without: Iterable[str] = ()
    ) -> list[tuple[int, Metadata]]:
        """Rows of live images and what their suppliers say, in row order; cheaper than whole records.

        Args:
            after_row: Only rows larger than this.
            limit: Most images returned.
            without: Suppliers whose images are left out.
        """
        c = images.c
        query = select(c.row, c.metadata).where(c.row > after_row).order_by(c.row).limit(limit)
        query = query.where(c.supplier.not_in(list(without)))
        with self.engine.connect() as connection:
            return [(row, decode_metadata(text)) for row, text in connection.execute(query)]

    def digests_of(self, image_ids: Sequence[str]) -> dict[str, str]:
        """SHA-256 of images by id; unknown ids are left out."""
        found: dict[str, str] = {}
        with self.engine.connect() as connection:
            for part in chunks(image_ids):
                query = select(images.c.image_id, images.c.sha256).where(images.c.image_id.in_(part))
                found.update(connection.execute(query).all())
        return found

    def rows_of(self, image_ids: Sequence[str]) -> dict[str, int]:
        """Index positions of images by id; unknown ids are left out."""
        found: dict[str, int] = {}
        with self.engine.connect() as connection:
            for part in chunks(image_ids):
                query = select(images.c.image_id, images.c.row).where(images.c.image_id.in_(part))
                found.update(connection.execute(query).all())
        return found

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
        query = _DIGESTS.where(images.c.location == "") if copied_only else _DIGESTS
        needed: set[str] = set()
        with self.engine.connect() as connection:
            for part in chunks(digests):
                needed.update(connection.scalars(query, {"digests": part}))
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
            known = [supplier.name for supplier in self.suppliers()]
            near = get_close_matches(name, known, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise SupplierNotFound(
                f"no supplier {name!r} in this library (known: {', '.join(known) or 'none yet'}){meant}; "
                f"`tusou supplier add {name}` adds a new one"
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
            write_batch(connection, batch)

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
