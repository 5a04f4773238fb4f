"""Embed what the catalog holds and a model has not yet: originals in row order, each batch durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np

from tusou.catalog.embeddings import EmbeddingStore
from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.catalog.records import Refusal
from tusou.errors import DecodeError, ImageNotFound, SourceError, TusouError
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.imaging.pool import GuardedPool, Outcome
from tusou.ingest.items import FileContent
from tusou.ingest.worker import ImageEncoder
from tusou.types import Embeddings, ImageRecord, Pixels

Opener = Callable[[], ImageEncoder]
Report = Callable[[float], None]

_PAGE = 1_000
_BATCH = 128  # images per durable append
_TOLERATED = 3  # unreadable originals of a batch that are no sign of a missing disk

_Part = tuple[ImageRecord, Outcome[Path, Embeddings]]


class Embedders(Protocol):
    """Embed originals in order; imaging.pool.GuardedPool over an EmbedTask is one."""

    def map(
        self, items: Iterator[Path], *, chunk_size: int = 8, ordered: bool = False
    ) -> Iterator[Outcome[Path, Embeddings]]:
        """One outcome per original, lazily."""
        ...


@dataclass(frozen=True, slots=True)
class EmbedSetup:
    """Makes a worker's task; picklable.

    Attributes:
        open_encoder: Makes the encoder.
        limits: What one image may cost.
    """

    open_encoder: Opener
    limits: Limits

    def __call__(self) -> EmbedTask:
        """Build the task, in the worker."""
        return EmbedTask(self)


class EmbedTask:
    """Reads, decodes and embeds originals; the pixels are those ingest embeds. See imaging.worker.Task."""

    def __init__(self, setup: EmbedSetup) -> None:
        self._limits = setup.limits
        self._encoder = setup.open_encoder()

    def prepare(self, path: Path) -> Pixels:
        """Decode one original.

        Raises:
            SourceError: Its bytes cannot be had.
            DecodeError: They are no acceptable image.
        """
        data = FileContent(path.resolve()).read(self._limits.max_file_bytes)
        return decode(data, self._limits).pixels

    def finish(self, parts: Sequence[Pixels]) -> list[Embeddings]:
        """Embed the pictures of a chunk together."""
        return list(self._encoder.encode_images(parts)) if parts else []


@contextmanager
def open_embedders(library: Library, open_encoder: Opener) -> Iterator[Embedders]:
    """Worker processes as the library's settings ask for."""
    config = library.config
    with GuardedPool[Path, Embeddings](
        EmbedSetup(open_encoder, Limits.from_config(config)),
        workers=config.worker_count,
        seconds_per_item=config.decode_seconds,
        memory_mb=config.decode_memory_mb,
    ) as pool:
        yield pool


def embed_missing(
    library: Library,
    store: EmbeddingStore,
    workers: Embedders,
    report: Report = lambda _fraction: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Refusal]:
    """Embed every image behind the store's last row, batch by batch; what is acknowledged stays.

    Args:
        library: Where images and originals are.
        store: Open for writing; nobody else may write to this model's embeddings meanwhile.
        workers: Do the work.
        report: Called with the part done, 0 to 1.
        should_stop: Asked after each batch; True ends the work there.

    Returns:
        Originals that could not be read; their rows hold zeros, which match nothing.

    Raises:
        SourceError: So many originals cannot be read that a disk is missing (``originals_missing``).
        StorageFull: The disk has no room.
        EncoderError: The model failed on a picture.
    """
    limit = library.catalog.row_limit()
    refusals: list[Refusal] = []
    parts = _parts(library, workers, len(store) - 1)
    while batch := list(islice(parts, _BATCH)):
        refused = [refusal for part in batch if (refusal := _refusal(*part)) is not None]
        _check_refused(library, batch, refused)
        _keep(store, batch)
        refusals += refused
        report(min(1.0, len(store) / limit))
        if should_stop():
            return refusals
    if len(store) < limit:  # the last rows are dead
        store.add(limit, np.empty((0, store.dim), np.float32))
    return refusals


def complete_embeddings(
    library: Library, open_encoder: Opener, report: Report = lambda _fraction: None
) -> list[Refusal]:
    """Embed images that came while another model was in use, as after a rollback; mostly there are none.

    Args:
        library: Open for writing.
        open_encoder: Makes the encoder of the library's model.
        report: See embed_missing.

    Returns:
        See embed_missing.
    """
    model = current_model(library.catalog)
    if model is None:
        return []
    store = library.embeddings(model.model_id, model.dim)
    if len(store) >= library.catalog.row_limit():
        return []
    with open_embedders(library, open_encoder) as workers:
        return embed_missing(library, store, workers, report)


def images_without_embedding(library: Library, store: EmbeddingStore) -> list[ImageRecord]:
    """Live images whose row holds zeros: words find them, pictures do not."""
    empty: list[int] = []
    for start in range(0, len(store), _PAGE):
        rows = store.slice(start, min(start + _PAGE, len(store)))
        empty += (start + np.flatnonzero(~rows.any(axis=1))).tolist()
    return list(library.catalog.get_rows(empty).values())


def _parts(library: Library, workers: Embedders, after_row: int) -> Iterator[_Part]:
    """Live images behind a row, in row order, with what became of their originals."""
    ahead: deque[ImageRecord] = deque()

    def originals() -> Iterator[Path]:
        row = after_row
        while records := library.catalog.records(row, _PAGE):
            row = records[-1].row
            for record in records:
                path = _original(library, record)
                if path is not None:
                    ahead.append(record)
                    yield path

    for outcome in workers.map(originals(), ordered=True):
        yield ahead.popleft(), outcome


def _original(library: Library, record: ImageRecord) -> Path | None:
    """None when the image was removed a moment ago."""
    try:
        return library.original_path(record)
    except ImageNotFound:
        return None


def _refusal(record: ImageRecord, outcome: Outcome[Path, Embeddings]) -> Refusal | None:
    """The refusal of one original.

    Raises:
        TusouError: What went wrong is not the original's fault.
    """
    error: TusouError | None = outcome.error
    if error is None:
        return None
    if not isinstance(error, DecodeError | SourceError):
        raise error
    return Refusal(str(outcome.item), error.reason, str(error), record.item_id)


def _check_refused(library: Library, batch: list[_Part], refused: list[Refusal]) -> None:
    if len(refused) <= max(_TOLERATED, len(batch) // 4):
        return
    live = library.catalog.get_rows(record.row for record, outcome in batch if outcome.error is not None)
    if len(live) > max(_TOLERATED, len(batch) // 4):  # others were removed meanwhile
        raise SourceError(
            f"{len(live)} of {len(batch)} originals cannot be read (the first: {refused[0].message}). Is a "
            "disk missing? Bring the files back, or take the images out with `tusou remove`; then run the "
            "same command again, which goes on from here",
            reason="originals_missing",
        )


def _keep(store: EmbeddingStore, batch: list[_Part]) -> None:
    first, last = batch[0][0].row, batch[-1][0].row
    embeddings = np.zeros((last + 1 - first, store.dim), np.float32)
    for record, outcome in batch:
        if outcome.result is not None:
            embeddings[record.row - first] = outcome.result
    store.add(first, embeddings)
