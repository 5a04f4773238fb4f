"""Worker processes for work on hostile bytes: a crash, a hang or a memory blow-up costs one item.

::

    class Decode:                                  # a Task; made once in each worker
        def prepare(self, path): return analyze_image(Path(path).read_bytes(), Limits())
        def finish(self, parts): return parts      # or embed the whole chunk at once

    with GuardedPool(Decode, workers=2, seconds_per_item=20, memory_mb=3000) as pool:
        for outcome in pool.map(paths):            # lazily, at most a few chunks ahead of the consumer
            if outcome.error is not None: print(outcome.item, outcome.error.reason)
            else: store(outcome.result)
        analysis = pool.run(path)                  # one item, for servers; raises the item's error

Workers run in processes forked from a clean server process with the decoders already imported, so a new one
is ready in a fraction of a second. Each has limits on address space, CPU time and open files, one thread, no
terminal, and ends with its parent. Items and results travel between the processes and must be picklable.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from tusou.errors import TusouError, WorkerError
from tusou.imaging.process import Failure, WorkerProcess, WorkerSettings, start_server
from tusou.imaging.worker import Task

Item = TypeVar("Item")
Result = TypeVar("Result")

_START_ATTEMPTS = 3
_AHEAD = 3


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: a result, or the error that refuses it.

    Attributes:
        item: The item as it was handed in.
        result: What the task returned; None when refused.
        error: Why it was refused; its ``reason`` is ``too_slow``, ``worker_crashed`` or ``out_of_memory``
            when the process suffered, ``internal_error`` for an exception nobody expected, or the task's own.
    """

    item: Item
    result: Result | None
    error: TusouError | None = None

    def unwrap(self) -> Result:
        """The result.

        Raises:
            TusouError: The item was refused.
        """
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value] # Result itself may be None


class GuardedPool(Generic[Item, Result]):
    """Runs a task on items in worker processes that may die.

    No item is tried more than twice: one that kills its worker is refused at once, and good items of the
    same chunk are done again, each alone. Methods may be called from several threads.
    """

    def __init__(
        self,
        make_task: Callable[[], Task],
        *,
        workers: int,
        seconds_per_item: float = 20.0,
        memory_mb: int = 3000,
        items_per_worker: int = 1000,
    ) -> None:
        """Start the workers.

        Args:
            make_task: Picklable factory, called once in each worker; its task serves all chunks.
            workers: Number of processes.
            seconds_per_item: A worker that is busy with one item for longer is killed.
            memory_mb: Address space of a worker, in MiB, libraries and models included.
            items_per_worker: A worker is replaced after this many items, against leaks.
        """
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        start_server(make_task)
        settings = WorkerSettings(make_task, seconds_per_item, memory_mb, items_per_worker)
        self._lanes = [_Lane(self._jobs, settings, number) for number in range(workers)]
        for lane in self._lanes:
            lane.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def map(
        self, items: Iterable[Item], *, chunk_size: int = 8, ordered: bool = False
    ) -> Iterator[Outcome[Item, Result]]:
        """Run the task on every item, lazily.

        Args:
            items: Taken as workers need them, a few chunks ahead of what the caller has consumed.
            chunk_size: Items a worker gets, and finishes, together.
            ordered: Yield in the order of items; a hang then holds up what comes after it.

        Yields:
            One outcome per item, in the order in which chunks end unless ordered.

        Raises:
            WorkerError: No worker can be started.
        """
        running: deque[Future[list[Outcome[Item, Result]]]] = deque()
        window = _AHEAD * len(self._lanes)
        try:
            for chunk in _chunks(items, chunk_size):
                running.append(self.submit(chunk))
                yield from _collect(running, ordered, at_most=window - 1)
            yield from _collect(running, ordered, at_most=0)
        finally:
            for future in running:
                future.cancel()

    def run(self, item: Item) -> Result:
        """Run the task on one item and wait for it.

        Raises:
            TusouError: The item was refused.
        """
        return self.submit([item]).result()[0].unwrap()

    def submit(self, items: Sequence[Item]) -> Future[list[Outcome[Item, Result]]]:
        """Queue one chunk; the future gives an outcome per item, in order."""
        job = _Job(list(items), Future())
        self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Kill the workers; chunks that have not ended are cancelled."""
        for lane in self._lanes:
            lane.stop()
            self._jobs.put(None)
        for lane in self._lanes:
            lane.join()
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.future.cancel()


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _collect(
    running: deque[Future[list[Outcome[Item, Result]]]], ordered: bool, at_most: int
) -> Iterator[Outcome[Item, Result]]:
    """Yield what has ended, waiting until no more than at_most chunks are under way."""
    while running:
        if len(running) > at_most:
            wait([running[0]] if ordered else running, return_when=FIRST_COMPLETED)
        ended = next((future for future in running if future.done()), None)
        if ended is None or (ordered and ended is not running[0]):
            return
        running.remove(ended)
        yield from ended.result()


@dataclass(frozen=True, slots=True)
class _Job:
    items: list[Any]
    future: Future[list[Outcome[Any, Any]]]


class _Lane(threading.Thread):
    """A thread that keeps one worker alive and feeds it."""

    def __init__(self, jobs: queue.SimpleQueue[_Job | None], settings: WorkerSettings, number: int) -> None:
        super().__init__(name=f"guarded-pool-{number}", daemon=True)
        self._jobs = jobs
        self._settings = settings
        self._stopped = threading.Event()
        self._worker: WorkerProcess | None = None

    def stop(self) -> None:
        """Kill the worker and take no more jobs; may be called from any thread."""
        self._stopped.set()
        if (busy := self._worker) is not None:
            busy.interrupt()

    def run(self) -> None:
        """Serve jobs until told to stop."""
        with suppress(WorkerError):  # the first job tries again, and reports
            self._replace()
        while not self._stopped.is_set() and (job := self._jobs.get()) is not None:
            if job.future.set_running_or_notify_cancel():
                try:
                    job.future.set_result(self._outcomes(job.items))
                except Exception as error:  # noqa: BLE001 - whoever waits for the future must hear of it
                    job.future.set_exception(error)
        self._discard()

    def _outcomes(self, items: list[Any]) -> list[Outcome[Any, Any]]:
        """Run a chunk; when its worker is lost, refuse the item to blame and do the others again."""
        results: dict[int, Any] = {}
        groups = deque([list(range(len(items)))])
        while groups:
            group = groups.popleft()
            done = self._attempt([items[i] for i in group])
            if not isinstance(done, Failure):
                results.update(zip(group, done, strict=True))
            elif done.position is None and len(group) > 1:
                groups.extend([i] for i in group)
            else:
                at = done.position or 0
                results[group[at]] = done.error
                groups.extend([i] for i in group[:at])
                groups.extend(filter(None, [group[at + 1 :]]))
        return [_outcome(item, results[i]) for i, item in enumerate(items)]

    def _attempt(self, items: list[Any]) -> list[Any] | Failure:
        """Give items to the worker, again if it died before it touched one."""
        for attempt in range(_START_ATTEMPTS):
            last = attempt == _START_ATTEMPTS - 1 or self._stopped.is_set()
            try:
                done = (self._worker or self._replace()).run(items)
            except WorkerError:
                self._discard()
                if last:
                    raise
                continue
            if last or not (isinstance(done, Failure) and done.untouched):
                break
            self._replace()
        if self._stopped.is_set():
            raise WorkerError("the pool was closed while it worked on this chunk")
        assert self._worker is not None
        if isinstance(done, Failure):
            self._replace()
            return done
        results, tired = done
        if tired or self._worker.served >= self._settings.items_per_worker:
            self._replace()
        return results

    def _replace(self) -> WorkerProcess:
        """Start a new worker in place of the old one; it gets ready while nobody waits."""
        self._discard()
        if self._stopped.is_set():
            raise WorkerError("the pool is closed")
        self._worker = WorkerProcess(self._settings)
        if self._stopped.is_set():
            self._worker.interrupt()
        return self._worker

    def _discard(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


def _outcome(item: Item, result: Any) -> Outcome[Item, Any]:
    return Outcome(item, None, result) if isinstance(result, TusouError) else Outcome(item, result)
