"""Write prepared items: blobs, thumbnails, embeddings, then the one transaction that acknowledges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

import numpy as np

from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.library import Library
from tusou.catalog.records import Batch, Known, Origin, Refusal, image_id_of
from tusou.ingest.items import FileContent
from tusou.ingest.mapping import merge, metadata_digest
from tusou.ingest.rights import normalize_rights
from tusou.ingest.worker import Prepared, Work
from tusou.types import Embeddings, ImageAnalysis, ImageRecord, Supplier

_MEASURED = tuple(
    field.name
    for field in fields(ImageAnalysis)
    if field.name in ImageRecord.__slots__ and field.name not in ("sha256", "warnings")
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One item about to be put, with the embedding of its new row (None when it keeps its row)."""

    record: ImageRecord
    origin: Origin
    embedding: Embeddings | None


class Committer:
    """Collects prepared items and makes them durable together.

    Attributes:
        retries: Items that must go through a worker once more, because what they were to reuse is gone.
    """

    def __init__(self, library: Library, store: EmbeddingStore, supplier: Supplier) -> None:
        self.retries: list[Work] = []
        self._library = library
        self._store = store
        self._supplier = supplier
        self._pending: list[tuple[Work, Prepared]] = []

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, work: Work, prepared: Prepared) -> None:
        """Take an item in; it is not acknowledged yet."""
        self._pending.append((work, prepared))

    def commit(self, job_id: int, counts: Counter[str], refusals: list[Refusal]) -> list[str]:
        """Write everything collected, in the order of docs/design/0001-foundation.md.

        Args:
            job_id: The job to credit.
            counts: The job's counts; what happens here is added.
            refusals: Refusals since the last commit.

        Returns:
            Ids of the images that are acknowledged from now on.

        Raises:
            StorageFull: The disk has no room; nothing of this batch is acknowledged.
        """
        pending, self._pending = self._pending, []
        known = self._library.catalog.known(self._supplier.name, [work.item.item_id for work, _ in pending])
        batch = Batch(job_id=job_id, counts=counts, refusals=refusals)
        entries = self._entries(pending, known, batch, counts)
        new = [entry for entry in entries if entry.embedding is not None]
        replaced = {known[entry.record.item_id].sha256 for entry in new if entry.record.item_id in known}
        self._write_files(pending, replaced)
        if new:
            embeddings = np.stack([entry.embedding for entry in new if entry.embedding is not None])
            batch.segments.append(self._store.append(new[0].record.row, embeddings))
        batch.images.extend((entry.record, entry.origin) for entry in entries)
        self._library.catalog.apply(batch)
        if replaced:
            self._library.drop_unreferenced(replaced)
        return [record.image_id for record, _ in batch.images] + [image_id for image_id, _ in batch.touched]

    def _write_files(self, pending: list[tuple[Work, Prepared]], replaced: set[str]) -> None:
        """Blobs and thumbnails, durably; until the catalog has them their names are in doubt."""
        staged = {prepared.sha256: prepared.staged for _, prepared in pending if prepared.staged}
        self._library.blobs.mark_in_doubt({prepared.sha256 for _, prepared in pending} | replaced)
        self._library.blobs.publish([(sha256, path) for sha256, path in staged.items() if path])
        thumbnails = {p.sha256: p.analysis.thumbnail for _, p in pending if p.analysis is not None}
        self._library.thumbnails.put(list(thumbnails.items()))

    def _entries(
        self,
        pending: list[tuple[Work, Prepared]],
        known: Mapping[str, Known],
        batch: Batch,
        counts: Counter[str],
    ) -> list[_Entry]:
        """Records to put; rows are given out here. Items that changed in nothing go to batch.touched."""
        row = self._library.catalog.row_limit()
        held = self._library.catalog.referenced({prepared.sha256 for _, prepared in pending})
        entries: list[_Entry] = []
        fresh: dict[str, _Entry] = {}
        for work, prepared in pending:
            old = known.get(work.item.item_id)
            same_bytes = old is not None and old.sha256 == prepared.sha256 and old.row < len(self._store)
            if same_bytes and old is not None and old.origin.digest == metadata_digest(work.item.metadata):
                batch.touched.append((old.image_id, _origin(work)))
                counts["unchanged"] += 1
                continue
            donor = fresh.get(prepared.sha256)
            if donor is None and prepared.sha256 in held:
                donor = self._donor(prepared.sha256)
            if not self._is_complete(work, prepared, donor):
                self.retries.append(replace(work, reuse=False))
                continue
            added = self._library.catalog.get(old.image_id).added if old else datetime.now(UTC)
            entry = self._entry(work, prepared, donor, old.row if same_bytes and old else row, added)
            if same_bytes:
                entry = replace(entry, embedding=None)
            else:
                row += 1
                fresh[prepared.sha256] = entry
            counts["updated" if old else "added"] += 1
            counts["duplicates"] += donor is not None and donor.record.image_id != entry.record.image_id
            counts["unlicensed"] += not (entry.record.metadata.license or self._supplier.license)
            entries.append(entry)
        return entries

    def _donor(self, sha256: str) -> _Entry | None:
        """An image of the same bytes the catalog holds, with its embedding."""
        for record in self._library.catalog.with_sha256(sha256):
            if record.row < len(self._store):
                embedding = self._store.take(np.array([record.row]))[0].astype(np.float32)
                return _Entry(record, Origin(), embedding)
        return None

    def _is_complete(self, work: Work, prepared: Prepared, donor: _Entry | None) -> bool:
        """False when the worker relied on a blob or an analysis that has gone since."""
        has_original = not work.copy or prepared.staged is not None or prepared.sha256 in self._library.blobs
        return has_original and (prepared.analysis is not None or donor is not None)

    def _entry(
        self, work: Work, prepared: Prepared, donor: _Entry | None, row: int, added: datetime
    ) -> _Entry:
        item = work.item
        image_id = image_id_of(self._supplier.name, item.item_id)
        measured = prepared.analysis if prepared.analysis is not None or donor is None else donor.record
        assert measured is not None, "_is_complete lets nothing else through"
        embedding = prepared.embedding
        if embedding is None and donor is not None:
            embedding = donor.embedding
        record = ImageRecord(
            image_id=image_id,
            row=row,
            supplier=self._supplier.name,
            item_id=item.item_id,
            sha256=prepared.sha256,
            byte_size=prepared.byte_size,
            metadata=merge(item.metadata, normalize_rights(prepared.embedded)),
            added=added,
            updated=datetime.now(UTC),
            warnings=tuple(dict.fromkeys((*measured.warnings, *prepared.warnings))),
            **{name: getattr(measured, name) for name in _MEASURED},
        )
        return _Entry(record, _origin(work), embedding)


def _origin(work: Work) -> Origin:
    content = work.item.content
    location = str(content.path) if not work.copy and isinstance(content, FileContent) else ""
    return Origin(location, work.item.stamp, metadata_digest(work.item.metadata))
