"""The event log of a running server: a bounded queue in memory, and one thread that commits in groups."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tusou.errors import CatalogError, FeedbackBusy
from tusou.feedback.clients import Pseudonyms
from tusou.feedback.records import DAY, LoggedEvent, LoggedQuery, Verdict
from tusou.feedback.store import EventStore

logger = logging.getLogger(__name__)

CAPACITY = 10_000
"""Records that may wait in memory; what comes on top is dropped and counted."""

CAPACITY_BYTES = 64 * 1024 * 1024
"""Bytes of features that may wait in memory."""

GROUP = 1000
"""Records per commit at most."""

LINGER = 0.05
"""Seconds a commit waits for company. A killed process loses queries of about this time, and of the commit
under way; events are acknowledged after their commit."""

Count = Callable[[str, int], None]
"""Told what became of records: ``query_logged``, ``query_dropped``, ``query_lost``, or an event's verdict."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Reported events, and who waits to hear of them."""

    events: Sequence[LoggedEvent]
    answer: Future[list[Verdict]]


_Record = LoggedQuery | _Batch


class EventLog:
    """Takes records at once and writes them soon.

    ``query`` never waits: not for the disk, not for other writers, not for room in the queue.
    """

    def __init__(
        self,
        path: Path,
        *,
        retention_days: int = 0,
        count: Count = lambda _what, _n: None,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        capacity: int = CAPACITY,
    ) -> None:
        """Open the log and start its thread.

        Args:
            path: The file; made when there is none.
            retention_days: Records older than this are deleted, once a day; 0 keeps them.
            count: Told what became of records.
            now: The clock, in milliseconds since 1970.
            capacity: Records that may wait.

        Raises:
            FeedbackError: A newer tusou wrote the file.
            CatalogError: The file is damaged or cannot be written.
        """
        self._store = EventStore(path)
        self._retention = retention_days * DAY
        self._count, self._now = count, now
        self._capacity = capacity
        self._waiting: deque[_Record] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._next_purge = 0
        self._pseudonyms = Pseudonyms(self._store.salt)
        self._thread = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._thread.start()

    def query(self, query: LoggedQuery) -> bool:
        """Log an answer; False when it was dropped because too much is waiting.

        ``client`` is what tells clients apart; what is written is its pseudonym of the day.
        """
        kept = self._offer(query, len(query.features or b""))
        if not kept:
            self._count("query_dropped", 1)
        return kept

    def events(self, events: Sequence[LoggedEvent]) -> Future[list[Verdict]]:
        """Log what was done; the future tells what became of each event once that is durable.

        It raises FeedbackBusy if too much is waiting, CatalogError if the disk fails.
        """
        answer: Future[list[Verdict]] = Future()
        answer.set_running_or_notify_cancel()  # events are written whether or not anybody still waits
        if not self._offer(_Batch(events, answer), 0):
            self._count("dropped", len(events))
            answer.set_exception(
                FeedbackBusy("too many events are waiting to be written; send them again in a moment")
            )
        return answer

    def close(self) -> None:
        """Write what waits, then release the file; closing twice does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._store.close()

    def _offer(self, record: _Record, size: int) -> bool:
        with self._changed:
            full = len(self._waiting) >= self._capacity or self._bytes + size > CAPACITY_BYTES
            if full or self._closed:
                return False
            self._waiting.append(record)
            self._bytes += size
            self._changed.notify()
        return True

    def _run(self) -> None:
        while group := self._next_group():
            self._write(group)
            self._purge_when_due()

    def _next_group(self) -> list[_Record]:
        """Wait for work and a moment for more of it; empty when the log is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._changed.wait_for(lambda: len(self._waiting) >= GROUP or self._closed, LINGER)
            group = list(islice(self._waiting, GROUP))
            for _ in group:
                self._waiting.popleft()
            self._bytes -= sum(len(each.features or b"") for each in group if isinstance(each, LoggedQuery))
            return group

    def _write(self, group: list[_Record]) -> None:
        queries = [each for each in group if isinstance(each, LoggedQuery)]
        batches = [each for each in group if isinstance(each, _Batch)]
        events = [event for batch in batches for event in batch.events]
        try:
            queries = [self._pseudonyms.hide(query) for query in queries]
            verdicts = iter(self._store.write(queries, events, now=self._now()))
        except Exception as error:  # whatever it was, the next group may fare better
            logger.exception("%d answers and %d events are lost", len(queries), len(events))
            self._count("query_lost", len(queries))
            for batch in batches:
                batch.answer.set_exception(error)
            return
        self._count("query_logged", len(queries))
        for batch in batches:
            self._answer(batch, list(islice(verdicts, len(batch.events))))

    def _answer(self, batch: _Batch, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            self._count(verdict, 1)
        batch.answer.set_result(verdicts)

    def _purge_when_due(self) -> None:
        now = self._now()
        if self._retention and now >= self._next_purge:
            self._next_purge = now + DAY
            try:
                self._store.purge(now - self._retention)
            except CatalogError as error:
                logger.error("old records stay for now: %s", error)
