"""What a worker process does with one item: read, hash, decode, measure, embed; and stage the original."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tusou.catalog.blobs import BlobStore
from tusou.catalog.catalog import Catalog
from tusou.imaging.analyze import analyze_image
from tusou.imaging.embedded import read_embedded
from tusou.imaging.limits import Limits
from tusou.ingest.items import Item
from tusou.types import Embeddings, ImageAnalysis, Metadata, Pixels


class ImageEncoder(Protocol):
    """What ingest needs of an encoder (encoders.base.Encoder has more)."""

    model_id: str
    dim: int

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        """Embed upright sRGB pictures; returns (n, dim) float32, L2-normalised."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """An item on its way through a worker.

    Attributes:
        item: What to work on.
        copy: Stage the original for the blob store.
        reuse: Bytes the catalog knows need no second analysis.
    """

    item: Item
    copy: bool
    reuse: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything a worker found out about an item.

    Attributes:
        sha256: Digest of the bytes.
        byte_size: Their number.
        embedded: Metadata found in the bytes (IPTC, XMP, EXIF).
        warnings: Codes of what was wrong with the embedded metadata.
        analysis: None when the catalog knows these bytes already.
        embedding: (dim,) float32; None likewise.
        staged: The original in the blob store's ``incoming``; None when not copied or there already.
    """

    sha256: str
    byte_size: int
    embedded: Metadata
    warnings: tuple[str, ...]
    analysis: ImageAnalysis | None = None
    embedding: Embeddings | None = None
    staged: Path | None = None


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """Makes a worker's task; picklable.

    Attributes:
        library: The library's folder.
        open_encoder: Makes the encoder.
        limits: What one image may cost.
    """

    library: Path
    open_encoder: Callable[[], ImageEncoder]
    limits: Limits

    def __call__(self) -> PrepareTask:
        """Build the task, in the worker."""
        return PrepareTask(self)


class PrepareTask:
    """Prepares items; implements imaging.worker.Task."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._limits = setup.limits
        self._blobs = BlobStore(setup.library / "blobs")
        self._catalog = Catalog(setup.library / "catalog.sqlite", writer=False)
        self._encoder = setup.open_encoder()

    def prepare(self, work: Work) -> tuple[Prepared, Pixels | None]:
        """Do everything but the embedding.

        Raises:
            SourceError: The bytes cannot be had.
            DecodeError: They are no acceptable image.
            StorageFull: The original cannot be staged.
        """
        data = work.item.content.read(self._limits.max_file_bytes)
        sha256 = hashlib.sha256(data).hexdigest()
        embedded, warnings = read_embedded(data)
        prepared = Prepared(sha256, len(data), embedded, warnings)
        pixels = None
        if not (work.reuse and self._catalog.referenced([sha256])):
            analysis, pixels = analyze_image(data, self._limits, name=work.item.path, sha256=sha256)
            prepared = replace(prepared, analysis=analysis)
        if work.copy and sha256 not in self._blobs:
            prepared = replace(prepared, staged=self._blobs.stage(sha256, data))
        return prepared, pixels

    def finish(self, parts: Sequence[tuple[Prepared, Pixels | None]]) -> list[Prepared]:
        """Embed the pictures of a chunk together."""
        pictures = [pixels for _, pixels in parts if pixels is not None]
        embeddings = iter(self._encoder.encode_images(pictures) if pictures else ())
        return [
            prepared if pixels is None else replace(prepared, embedding=next(embeddings))
            for prepared, pixels in parts
        ]

    def close(self) -> None:
        """Release the catalog (worker processes just end)."""
        self._catalog.close()
