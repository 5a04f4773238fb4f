"""Run one ingest job: plan, work in processes, commit in groups, keep the index close behind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from tusou.catalog.library import Library
from tusou.catalog.records import Refusal
from tusou.errors import CatalogError, StorageFull, TusouError, WorkerError
from tusou.imaging.pool import Outcome
from tusou.index.base import Index
from tusou.ingest.committer import Committer
from tusou.ingest.indexing import catch_up
from tusou.ingest.planner import Planner, Unchanged
from tusou.ingest.prefetch import prefetch
from tusou.ingest.sources import Source
from tusou.ingest.worker import ImageEncoder, Prepared, Work
from tusou.types import Supplier

COUNTS = ("seen", "added", "updated", "unchanged", "duplicates", "refused", "unlicensed")
"""What a job counts. ``duplicates`` and ``unlicensed`` are among ``added`` and ``updated``."""

_INDEX_SECONDS = 1.0
_INDEX_SHARE = 0.1  # of the time may go into index commits while images still come


class Workers(Protocol):
    """Runs items through a task; imaging.pool.GuardedPool is one."""

    def map(self, items: Iterable[Work], *, chunk_size: int = 8) -> Iterator[Outcome[Work, Prepared]]:
        """One outcome per item, lazily, in any order."""
        ...


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How to run a job.

    Attributes:
        in_place: Do not copy originals that are files of their own.
        readmit: Take back what was removed for good.
        limit: Stop after so many entries of the source; 0 for all.
        chunk_size: Items a worker gets at once.
    """

    in_place: bool = False
    readmit: bool = False
    limit: int = 0
    chunk_size: int = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands.

    Attributes:
        fraction: Part of the source read, 0 to 1.
        counts: See COUNTS.
        committed: Images acknowledged by the latest commit.
    """

    fraction: float
    counts: Mapping[str, int]
    committed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What a job did.

    Attributes:
        job_id: Number in the log of jobs.
        supplier: Supplier's name.
        source: What was read.
        format: How.
        state: ``done``, or ``interrupted`` when it was asked to stop.
        counts: See COUNTS.
        reasons: Refusals per reason, most frequent first.
        seconds: Time it took.
    """

    job_id: int
    supplier: str
    source: str
    format: str
    state: str
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    seconds: float


@dataclass(slots=True)
class IngestJob:
    """One run over one source. Everything acknowledged stays, whatever ends it.

    Attributes:
        library: Open for writing.
        source: What to read.
        supplier: Whose images these are; in the catalog already.
        encoder: Says which model the embeddings are of.
        index: Open for writing; follows the catalog.
        workers: Runs the work.
        fetch: Downloads one address.
        options: See IngestOptions.
        report: Called with every step.
        should_stop: Asked between items; True ends the job after what is under way.
    """

    library: Library
    source: Source
    supplier: Supplier
    encoder: ImageEncoder
    index: Index
    workers: Workers
    fetch: Callable[[str], bytes]
    options: IngestOptions = field(default_factory=IngestOptions)
    report: Callable[[Progress], None] = lambda _progress: None
    should_stop: Callable[[], bool] = lambda: False
    _counts: Counter[str] = field(default_factory=Counter, init=False)
    _refusals: list[Refusal] = field(default_factory=list, init=False)
    _job_id: int = field(default=0, init=False)
    _next_index: float = field(default=0.0, init=False)

    def run(self) -> IngestSummary:
        """Read the source to its end.

        Raises:
            StorageFull: The disk has no room.
            SourceError: The source broke off.
            WorkerError: No worker process can be started.
        """
        started = time.monotonic()
        self._counts = Counter(dict.fromkeys(COUNTS, 0))
        self._job_id = self.library.jobs.start(str(self.source.path), self.supplier.name)
        try:
            self._work()
            catch_up(self.library, self.index)
        except BaseException as error:
            with suppress(CatalogError):  # on a full disk even this may fail; the next writer mends it
                interrupted = isinstance(error, KeyboardInterrupt)
                self.library.jobs.finish(self._job_id, "interrupted" if interrupted else "failed")
            raise
        state = "interrupted" if self.should_stop() else "done"
        self.library.jobs.finish(self._job_id, "interrupted" if self.should_stop() else "done")
        return IngestSummary(
            self._job_id,
            self.supplier.name,
            str(self.source.path),
            self.source.format,
            state,
            dict(self._counts),
            self.library.jobs.refusal_reasons(self._job_id),
            time.monotonic() - started,
        )

    def _work(self) -> None:
        """Send what needs work through the workers; what must be done again goes round once more."""
        store = self.library.embeddings(self.encoder.model_id, self.encoder.dim)
        committer = Committer(self.library, store, self.supplier)
        self._drive(self._planned(), committer)
        while committer.retries and not self.should_stop():
            again, committer.retries = committer.retries, []
            self._drive(iter(again), committer)

    def _drive(self, works: Iterator[Work], committer: Committer) -> None:
        config = self.library.config
        oldest = 0.0  # when the batch got its first item
        for outcome in self.workers.map(self._fetched(works), chunk_size=self.options.chunk_size):
            now = time.monotonic()
            oldest = now if not len(committer) else oldest
            if outcome.error is not None:
                self._refuse(outcome.item, outcome.error)
            elif outcome.result is not None:
                committer.add(outcome.item, outcome.result)
            if len(committer) >= config.batch_size or now - oldest >= config.batch_seconds:
                self._commit(committer)
        self._commit(committer)

    def _commit(self, committer: Committer) -> None:
        refusals, self._refusals = self._refusals, []
        committed = committer.commit(self._job_id, self._counts, refusals)
        self._report(tuple(committed))
        now = time.monotonic()
        if committed and now >= self._next_index:
            catch_up(self.library, self.index)
            took = time.monotonic() - now
            self._next_index = time.monotonic() + max(_INDEX_SECONDS, took / _INDEX_SHARE)

    def _planned(self) -> Iterator[Work]:
        """Items that need work; what does not is counted on the way."""
        options = self.options
        planner = Planner(
            self.library.catalog, self.supplier.name, in_place=options.in_place, readmit=options.readmit
        )
        for decision in planner.plan(self.source.entries):
            self._counts["seen"] += 1
            if isinstance(decision, Work):
                yield decision
            elif isinstance(decision, Unchanged):
                self._counts["unchanged"] += 1
            else:
                self._note(decision)
            if self._counts["seen"] % 64 == 0:
                self._report()
            if self.should_stop() or 0 < options.limit <= self._counts["seen"]:
                return

    def _fetched(self, works: Iterator[Work]) -> Iterator[Work]:
        for ready in prefetch(works, self.fetch):
            if isinstance(ready, Refusal):
                self._note(ready)
            else:
                yield ready

    def _refuse(self, work: Work, error: TusouError) -> None:
        """Count a refusal of one item; what is not the item's fault ends the job.

        Raises:
            StorageFull: A worker found no room for the original.
            WorkerError: The workers are gone.
        """
        if isinstance(error, StorageFull | WorkerError):
            raise error
        self._note(work.item.refuse(error.reason, str(error)))

    def _note(self, refusal: Refusal) -> None:
        self._counts["refused"] += 1
        self._refusals.append(refusal)

    def _report(self, committed: tuple[str, ...] = ()) -> None:
        self.report(Progress(self.source.entries.fraction, self._counts, committed))
