"""Derive thumbnails and embeddings anew from the originals."""

from __future__ import annotations

from collections.abc import Iterator

from tusou.catalog.library import Library
from tusou.catalog.model_roles import LibraryModel, adopt_model
from tusou.catalog.records import Refusal
from tusou.imaging.pool import Outcome
from tusou.ingest.embedding import Opener, Report, embed_missing, open_embedders
from tusou.ingest.indexing import check_model
from tusou.ingest.items import FileContent, Item
from tusou.ingest.run import open_workers
from tusou.ingest.worker import Prepared, Work
from tusou.types import ImageRecord, Metadata

_PAGE = 256


def _silent(_fraction: float) -> None:
    """Nobody watches."""


def _works(library: Library, records: list[ImageRecord]) -> list[Work]:
    return [
        Work(
            Item(record.image_id, str(path), FileContent(path.resolve()), Metadata()), copy=False, reuse=False
        )
        for record in records
        for path in [library.original_path(record)]
    ]


def _outcomes(
    library: Library, open_encoder: Opener, after_row: int, report: Report
) -> Iterator[tuple[list[ImageRecord], list[Outcome[Work, Prepared]]]]:
    """Live images in row order, page by page, with what the workers make of their originals."""
    total = max(library.catalog.row_limit(), 1)
    row = after_row
    with open_workers(library, open_encoder) as workers:
        while records := library.catalog.records(row, _PAGE):
            yield records, list(workers.map(_works(library, records), ordered=True))
            row = records[-1].row
            report((row + 1) / total)


def _refusal(record: ImageRecord, outcome: Outcome[Work, Prepared]) -> Refusal | None:
    if outcome.error is None:
        return None
    return Refusal(outcome.item.item.path, outcome.error.reason, str(outcome.error), record.item_id)


def rebuild_thumbnails(library: Library, open_encoder: Opener, report: Report = _silent) -> list[Refusal]:
    """Make every thumbnail anew and delete those of no image.

    Args:
        library: Open for writing.
        open_encoder: See run.run_ingest.
        report: Called with the part done, 0 to 1.

    Returns:
        Originals that could not be read; their old thumbnails stay.
    """
    refusals: list[Refusal] = []
    for records, outcomes in _outcomes(library, open_encoder, -1, report):
        results = [outcome.result.analysis for outcome in outcomes if outcome.result is not None]
        library.thumbnails.put([(found.sha256, found.thumbnail) for found in results if found is not None])
        refusals += filter(None, map(_refusal, records, outcomes))
    have = library.thumbnails.digests()
    library.thumbnails.delete(have - library.catalog.referenced(have))
    return refusals


def rebuild_embeddings(library: Library, open_encoder: Opener, report: Report = _silent) -> list[Refusal]:
    """Embed every original anew with the library's model.

    Embeddings that are half done (an interrupted run) are continued; complete ones are done again from the
    start.

    Args:
        library: Open for writing.
        open_encoder: See run.run_ingest.
        report: Called with the part done, 0 to 1.

    Returns:
        Originals that could not be read; their rows hold zeros, which match nothing.

    Raises:
        IndexStale: The library uses another model; see switch.switch_model.
    """
    encoder = open_encoder()
    check_model(library, encoder)
    adopt_model(library.catalog, LibraryModel(encoder.model_id, encoder.dim))
    store = library.embeddings(encoder.model_id, encoder.dim)
    if len(store) >= library.catalog.row_limit():
        store.clear()
    with open_embedders(library, open_encoder) as workers:
        return embed_missing(library, store, workers, report)
