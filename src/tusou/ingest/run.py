"""Put an ingest job together from a library, a source and a way to open the encoder, and run it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tusou.catalog.catalog import Catalog
from tusou.catalog.library import Library
from tusou.catalog.records import Refusal
from tusou.imaging.limits import Limits
from tusou.imaging.pool import GuardedPool
from tusou.ingest.embedding import complete_embeddings
from tusou.ingest.fetch import FetchLimits, fetch
from tusou.ingest.indexing import catch_up, open_index
from tusou.ingest.pipeline import IngestJob, IngestOptions, IngestSummary, Progress
from tusou.ingest.planner import Planner, Unchanged
from tusou.ingest.sources import Source
from tusou.ingest.worker import ImageEncoder, Prepared, Work, WorkerSetup
from tusou.types import Supplier


@contextmanager
def open_workers(
    library: Library, open_encoder: Callable[[], ImageEncoder]
) -> Iterator[GuardedPool[Work, Prepared]]:
    """Worker processes as the library's settings ask for."""
    config = library.config
    setup = WorkerSetup(library.path, open_encoder, Limits.from_config(config))
    with GuardedPool[Work, Prepared](
        setup,
        workers=config.worker_count,
        seconds_per_item=config.decode_seconds,
        memory_mb=config.decode_memory_mb,
    ) as pool:
        yield pool


def run_ingest(
    library: Library,
    source: Source,
    supplier: Supplier,
    open_encoder: Callable[[], ImageEncoder],
    options: IngestOptions,
    report: Callable[[Progress], None] = lambda _progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> IngestSummary:
    """Ingest a source.

    Args:
        library: Open for writing.
        source: What to read.
        supplier: Whose images these are; in the catalog already.
        open_encoder: Makes the encoder; picklable, called here and in each worker.
        options: How to run the job.
        report: Called with every step.
        should_stop: Asked between items; True ends the job after what is under way.

    Raises:
        IndexStale: The library uses another model.
        StorageFull: The disk has no room; what was acknowledged is kept.
        WorkerError: No worker process can be started.
    """
    encoder = open_encoder()
    index = open_index(library, encoder, writer=True)
    limits = FetchLimits.from_config(library.config)
    try:
        complete_embeddings(library, open_encoder)
        catch_up(library, index)
        with open_workers(library, open_encoder) as workers:
            job = IngestJob(
                library, source, supplier, encoder, index, workers, lambda url: fetch(url, limits).data
            )
            job.options, job.report, job.should_stop = options, report, should_stop
            return job.run()
    finally:
        index.close()


def plan_only(
    catalog: Catalog, source: Source, supplier: str, options: IngestOptions
) -> tuple[Counter[str], list[Refusal]]:
    """What an ingest would do, as far as reading rows and names can tell: nothing is decoded or written.

    Returns:
        Counts of entries ``seen``, to be ``read`` (new or perhaps changed), ``unchanged`` and ``refused``;
        and the refusals.
    """
    counts = Counter({"seen": 0, "read": 0, "unchanged": 0, "refused": 0})
    refusals: list[Refusal] = []
    planner = Planner(catalog, supplier, in_place=options.in_place, readmit=options.readmit)
    for decision in planner.plan(source.entries):
        counts["seen"] += 1
        if isinstance(decision, Refusal):
            counts["refused"] += 1
            refusals.append(decision)
        else:
            counts["unchanged" if isinstance(decision, Unchanged) else "read"] += 1
        if 0 < options.limit <= counts["seen"]:
            break
    return counts, refusals
