"""Prove that a library is whole: truth against itself, derived data against the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tusou.catalog.blobs import file_sha256
from tusou.catalog.library import Library
from tusou.catalog.model_roles import LibraryModel, current_model
from tusou.catalog.records import Origin
from tusou.errors import LibraryCorrupt, VectorIndexError
from tusou.ingest.indexing import catch_up, open_index
from tusou.types import ImageRecord

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that does not hold.

    Attributes:
        what: What is wrong, in words.
        where: File, image id or table.
        advice: What to do.
    """

    what: str
    where: str
    advice: str


def check_library(
    library: Library, *, quick: bool = False, report: Callable[[float], None] = lambda _fraction: None
) -> Iterator[Problem]:
    """Every problem found, most fundamental first.

    Args:
        library: A writer also looks for strays and lets the index catch up first; a reader does not, since
            another process may be at work.
        quick: Do not read originals, only look whether they are there.
        report: Called with the part of the originals checked, 0 to 1.
    """
    yield from _check_catalog(library)
    yield from _check_originals(library, quick, report)
    yield from _check_thumbnails(library)
    if library.writer:
        yield from _check_strays(library)
    model = current_model(library.catalog)
    if model is None:
        if library.catalog.count():
            yield Problem("images without embeddings", "catalog.sqlite", "tusou rebuild --embeddings")
        return
    yield from _check_embeddings(library, model)
    yield from _check_index(library, model)


def _check_catalog(library: Library) -> Iterator[Problem]:
    for line in library.catalog.integrity_problems():
        yield Problem(line, str(library.catalog.path), "restore the catalog from a backup")


def _records(library: Library) -> Iterator[ImageRecord]:
    row = -1
    while records := library.catalog.records(row, _PAGE):
        yield from records
        row = records[-1].row


def _check_originals(library: Library, quick: bool, report: Callable[[float], None]) -> Iterator[Problem]:
    total = max(library.catalog.count(), 1)
    good: set[str] = set()
    for i, record in enumerate(_records(library)):
        report(i / total)
        origin = library.catalog.origin(record.image_id)
        if record.sha256 in good and not origin.location:
            continue  # copies share one blob, which is read once
        problem = _original_problem(library, record, origin, quick)
        if problem is not None:
            yield problem
        elif not origin.location:
            good.add(record.sha256)


def _original_problem(library: Library, record: ImageRecord, origin: Origin, quick: bool) -> Problem | None:
    path = library.original_path(record)
    where = f"{path} (image {record.image_id}, {record.supplier}/{record.item_id})"
    advice = (
        "put the supplier's file back, or ingest its source again"
        if origin.location
        else "restore the file from a backup, or delete it and ingest its source again"
    )
    try:
        size = path.stat().st_size
        if size != record.byte_size:
            return Problem(f"original has {size:,} bytes, expected {record.byte_size:,}", where, advice)
        if not quick and file_sha256(path) != record.sha256:
            return Problem("original does not match its SHA-256", where, advice)
    except OSError as error:
        return Problem(f"original cannot be read: {error.strerror}", where, advice)
    return None


def _check_thumbnails(library: Library) -> Iterator[Problem]:
    have = library.thumbnails.digests()
    for record in _records(library):
        if record.sha256 not in have:
            yield Problem("image without a thumbnail", record.image_id, "tusou rebuild --thumbnails")
    if library.writer:
        for sha256 in sorted(have - library.catalog.referenced(have)):
            yield Problem("thumbnail of no image", sha256, "tusou rebuild --thumbnails")


def _check_strays(library: Library) -> Iterator[Problem]:
    digests = list(library.blobs.digests())
    for sha256 in sorted(set(digests) - library.catalog.referenced(digests, copied_only=True)):
        yield Problem("original of no image", str(library.blobs.path(sha256)), "delete the file")


def _check_embeddings(library: Library, model: LibraryModel) -> Iterator[Problem]:
    store = library.embeddings(model.model_id, model.dim)
    try:
        length = len(store)
    except LibraryCorrupt as error:
        yield Problem(str(error), str(store.path), "tusou rebuild --embeddings")
        return
    for segment in store.corrupt_segments():
        what = f"embeddings of rows {segment.start} to {segment.stop - 1} do not match their checksum"
        yield Problem(what, str(store.path), "restore the file from a backup, or tusou rebuild --embeddings")
    for record in library.catalog.records(length - 1, _PAGE):
        yield Problem("image without an embedding", record.image_id, "tusou rebuild --embeddings")


def _check_index(library: Library, model: LibraryModel) -> Iterator[Problem]:
    where, advice = str(library.index_folder(model.model_id)), "tusou rebuild"
    try:
        index = open_index(library, model, writer=library.writer)
        try:
            if library.writer:
                catch_up(library, index)
            count, live, behind = (
                library.catalog.count(),
                len(index),
                library.catalog.last_change() - index.watermark,
            )
            problems = index.verify()
        finally:
            index.close()
    except (VectorIndexError, LibraryCorrupt) as error:
        yield Problem(str(error), where, advice)
        return
    for line in problems:
        yield Problem(line, where, advice)
    if behind and library.writer:
        yield Problem(f"the index is {behind:,} changes behind", where, advice)
    elif not behind and live != count:
        yield Problem(f"the index holds {live:,} images, the catalog {count:,}", where, advice)
