"""Kept embeddings of one model: an append-only file of float16 rows, checksummed per append."""

from __future__ import annotations

import os
import threading
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.catalog.catalog import Catalog
from tusou.catalog.durable import storage_errors, sync_all
from tusou.catalog.records import Batch, Segment
from tusou.errors import DimensionMismatch, LibraryCorrupt
from tusou.types import Embeddings, Rows

Halves = npt.NDArray[np.float16]


class EmbeddingStore:
    """Row r lies at byte r x dim x 2 of ``rows.f16``.

    Only rows the catalog acknowledges can be read: bytes behind them may be cut off by the next writer at
    any time. Implements index.base.VectorRows. Reading is safe from many threads.
    """

    def __init__(self, folder: Path, model_id: str, dim: int, catalog: Catalog, *, writer: bool) -> None:
        """Open a model's embeddings; a writer cuts off what was never acknowledged.

        Raises:
            DimensionMismatch: The kept embeddings have another dimension.
            LibraryCorrupt: The file is shorter than the catalog says.
        """
        self.dim = dim
        self.model_id = model_id
        self.path = folder / "rows.f16"
        self._catalog = catalog
        self._row_bytes = dim * 2
        self._remap = threading.Lock()
        self._rows: Halves = np.empty((0, dim), np.float16)
        known = catalog.segments(model_id)[:1]
        if known and known[0].dim != dim:
            raise DimensionMismatch(
                f"embeddings of {model_id} have dimension {known[0].dim}, the encoder gives {dim}; "
                "use the bundle they were made with"
            )
        if writer:
            self._prepare(folder)

    def __len__(self) -> int:
        """Rows acknowledged, dead ones included."""
        return len(self._mapped(self._catalog.embedded_rows(self.model_id)))

    def take(self, rows: Rows) -> Halves:
        """Embeddings of the rows, (n, dim) float16.

        Raises:
            LibraryCorrupt: A row has no embedding.
        """
        needed = int(rows.max()) + 1 if len(rows) else 0
        taken: Halves = self._covering(needed)[rows]
        return taken

    def slice(self, start: int, stop: int) -> Halves:
        """Embeddings of consecutive rows, (stop - start, dim) float16, read from the file on use.

        Raises:
            LibraryCorrupt: A row has no embedding.
        """
        return self._covering(stop)[start:stop]

    def append(self, start: int, embeddings: Embeddings) -> Segment:
        """Write embeddings of rows ``start`` on and make them durable.

        Rows between the last embedding and ``start`` (images of other models, refused files) are zeros.

        Returns:
            The segment to hand to Catalog.apply; until then the rows do not exist.

        Raises:
            StorageFull: The disk has no room.
        """
        first = self._catalog.embedded_rows(self.model_id)
        if start < first or embeddings.shape[1] != self.dim:
            raise DimensionMismatch(
                f"cannot write {embeddings.shape} at row {start} behind row {first} of dimension {self.dim}"
            )
        data = bytes((start - first) * self._row_bytes) + embeddings.astype(np.float16).tobytes()
        with storage_errors(self.path):
            self._write(first * self._row_bytes, data)
        return Segment(self.model_id, self.dim, first, start + len(embeddings), zlib.crc32(data))

    def add(self, start: int, embeddings: Embeddings) -> None:
        """Append embeddings of images the catalog has already, and acknowledge them.

        Raises:
            StorageFull: The disk has no room.
        """
        self._catalog.apply(Batch(segments=[self.append(start, embeddings)]))

    def corrupt_segments(self) -> list[Segment]:
        """Segments whose bytes do not match their checksum."""
        bad = []
        for segment in self._catalog.segments(self.model_id):
            try:
                data = self.slice(segment.start, segment.stop)
            except LibraryCorrupt:
                bad.append(segment)
                continue
            if zlib.crc32(np.ascontiguousarray(data).data.cast("B")) != segment.crc32:
                bad.append(segment)
        return bad

    def clear(self) -> None:
        """Forget all rows, to write them anew; readers keep the old file until they open the store again."""
        with self._remap:
            self._catalog.drop_segments(self.model_id)
            self.path.unlink(missing_ok=True)
            self._rows = np.empty((0, self.dim), np.float16)
        self._prepare(self.path.parent)

    def _prepare(self, folder: Path) -> None:
        with storage_errors(folder):
            if not self.path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                self.path.touch()
                sync_all([folder, folder.parent, folder.parent.parent])
        acknowledged = self._catalog.embedded_rows(self.model_id) * self._row_bytes
        if self.path.stat().st_size > acknowledged:
            os.truncate(self.path, acknowledged)

    def _write(self, offset: int, data: bytes) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, offset)
                offset, view = offset + written, view[written:]
            os.fsync(fd)
        finally:
            os.close(fd)

    def _covering(self, needed: int) -> Halves:
        """The mapped rows, mapped anew when they do not reach row ``needed`` yet."""
        rows = self._rows
        if needed <= len(rows):
            return rows
        rows = self._mapped(self._catalog.embedded_rows(self.model_id))
        if needed > len(rows):
            raise LibraryCorrupt(
                f"row {needed - 1} has no embedding of {self.model_id} (there are {len(rows)}); "
                "run `tusou rebuild --embeddings`"
            )
        return rows

    def _mapped(self, count: int) -> Halves:
        with self._remap:
            if count > len(self._rows):
                size = self.path.stat().st_size if self.path.exists() else 0
                if size < count * self._row_bytes:
                    raise LibraryCorrupt(
                        f"{self.path} has {size} bytes, the catalog knows {count} rows of {self._row_bytes}; "
                        "restore it from a backup or run `tusou rebuild --embeddings`"
                    )
                self._rows = np.memmap(self.path, np.float16, "r", shape=(count, self.dim))
            return self._rows
