"""The counts of a running server: read from the log now and then, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tusou.errors import TusouError
from tusou.feedback.click_table import ClickTable
from tusou.feedback.counts import BehaviorCounts
from tusou.feedback.examination import Examination
from tusou.feedback.store import EventStore
from tusou.feedback.tallies import Tallies
from tusou.types import Rows

logger = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two looks at the log, at least."""

LARGEST_SHARE = 0.05
"""Part of the time that reading may take: a long log is looked at less often."""


class LiveClicks:
    """A BehaviorSource that follows a log; look-ups never wait for it."""

    def __init__(
        self, path: Path, rows_of: Callable[[Sequence[str]], Mapping[str, int]], *, every: float = EVERY
    ) -> None:
        """Start with nothing recorded; the first look follows at once, in the background.

        Args:
            path: The log; it may not exist yet.
            rows_of: Index positions of images by id, those that have one (``Catalog.rows_of``).
            every: Seconds between two looks, at least.
        """
        self._path, self._rows_of, self._every = path, rows_of, every
        self._table: ClickTable | None = None
        self._store: EventStore | None = None
        self._version = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-clicks", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._store is not None:
            self._store.close()

    def of_images(self, rows: Rows) -> BehaviorCounts:
        """Counts of the images in these rows over all queries; none recorded is 0."""
        table = self._table
        return BehaviorCounts.none(len(rows)) if table is None else table.of_images(rows)

    def of_pairs(self, query: str, rows: Rows) -> BehaviorCounts:
        """Counts of the images under one query; see BehaviorSource."""
        table = self._table
        return BehaviorCounts.none(len(rows)) if table is None else table.of_pairs(query, rows)

    def refresh(self) -> bool:
        """Read the log if anybody wrote to it since; whether there are new counts.

        Raises:
            TusouError: The log cannot be read; the counts stay as they are.
        """
        if self._store is None:
            if not self._path.exists():
                return False
            self._store = EventStore(self._path, read_only=True)
        version = self._store.version()
        if version == self._version:
            return False
        tallies = Tallies.read(self._store)
        self._table = ClickTable.build(tallies, Examination.estimate(tallies), self._rows_of(tallies.images))
        self._version = version
        return True

    def _follow(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self.refresh()
            except TusouError as error:
                logger.error("clicks are not up to date: %s", error)
            self._stop.wait(max(self._every, (time.monotonic() - started) / LARGEST_SHARE))
