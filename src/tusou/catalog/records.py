"""What one catalog transaction carries, and the small rows it answers with."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from tusou.types import ImageRecord


def image_id_of(supplier: str, item_id: str) -> str:
    """The stable id of a supplier's item: 80 bits of SHA-256 in lower-case base32, 16 characters."""
    digest = hashlib.sha256(f"{supplier}\0{item_id}".encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class Origin:
    """How an image came, kept to tell at the next ingest whether anything changed.

    Attributes:
        location: Absolute path of an original that was not copied; empty when it is a blob.
        stamp: Size and time of the source; equal stamps mean equal bytes.
        digest: Digest of the metadata as delivered.
    """

    location: str = ""
    stamp: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalog holds of a delivered item, enough to decide whether to read it again."""

    image_id: str
    row: int
    sha256: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Segment:
    """One append to an embedding file.

    Attributes:
        model_id: The model the embeddings are of.
        dim: Their length.
        start: First row written.
        stop: One past the last row.
        crc32: Checksum of the bytes of rows start to stop.
    """

    model_id: str
    dim: int
    start: int
    stop: int
    crc32: int


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the change feed the derived index follows.

    Attributes:
        number: Position in the feed, 1-based, ever growing.
        row: The row it is about.
        image_id: The image it is about.
        kind: The row is there with new content, or gone.
    """

    number: int
    row: int
    image_id: str
    kind: Literal["upsert", "delete"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One delivered item that did not enter the library.

    Attributes:
        path: File or archive member, as a person would look for it.
        reason: Machine-readable cause.
        message: The cause in words.
        item_id: The supplier's id, when known.
        line: Row of the supplier's table, 1-based, when it came from one.
    """

    path: str
    reason: str
    message: str
    item_id: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One run of ingest.

    Attributes:
        job_id: Number.
        source: What was ingested.
        supplier: For whom.
        state: ``interrupted`` when its process ended without a word.
        started: UTC.
        finished: UTC; None while running or when interrupted.
        counts: ``seen``, ``added``, ``updated``, ``unchanged``, ``duplicates``, ``refused``.
    """

    job_id: int
    source: str
    supplier: str
    state: Literal["running", "done", "interrupted", "failed"]
    started: datetime
    finished: datetime | None
    counts: Mapping[str, int]


@dataclass(slots=True)
class Batch:
    """Everything that becomes true at once.

    Attributes:
        images: Records to put, with how they came; rows are the caller's (from Catalog.row_limit on).
        touched: Image ids whose origin changed and nothing else; the change feed does not hear of them.
        removed: Image ids to take out for good.
        segments: Embeddings appended for the new rows.
        job_id: The job whose progress this is.
        counts: The job's counts after this batch.
        refusals: Items the job refused since its last batch.
    """

    images: list[tuple[ImageRecord, Origin]] = field(default_factory=list)
    touched: list[tuple[str, Origin]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    job_id: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
