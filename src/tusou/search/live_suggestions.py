"""The suggestions of a running server: made anew now and then, in a thread of their own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tusou.catalog.catalog import Catalog
from tusou.errors import TusouError
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.search.suggest import SuggestionTable
from tusou.search.vocabulary import read_vocabulary

logger = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two looks at the library, at least."""

LARGEST_SHARE = 0.05
"""Part of the time reading may take: a large library is looked at less often."""

MOST_QUERIES = 1_000
"""Frequent searches that are offered."""

LEAST_CLIENTS = 3
"""Different clients who must have asked: what one person types again and again is shown to nobody."""


class LiveSuggestions:
    """Follows a library; look-ups never wait for it, and find nothing until it was read once."""

    def __init__(
        self,
        catalog: Catalog,
        library: Path,
        withheld: Callable[[], frozenset[str]] = frozenset,
        *,
        every: float = EVERY,
    ) -> None:
        """Start with nothing; the first look follows start() at once, in the background.

        Args:
            catalog: The library's catalog, open; it stays the caller's to close.
            library: Folder of the library; its event log tells what people search.
            withheld: Gives the suppliers whose images may not be shown.
            every: Seconds between two looks, at least.
        """
        self.table = SuggestionTable(())
        self.popular: dict[str, int] = {}
        self._catalog, self._library, self._every = catalog, library, every
        self._withheld = withheld
        self._seen: tuple[int, dict[str, int], frozenset[str]] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="suggestions", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following; waits for a look under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> bool:
        """Read the library anew if it, or what people search, changed since; whether it did.

        Raises:
            TusouError: Catalog or log cannot be read; the suggestions stay as they are.
        """
        seen = (self._catalog.last_change(), self._asked(), self._withheld())
        if seen == self._seen:
            return False
        self.table = SuggestionTable(read_vocabulary(self._catalog, seen[1], seen[2]))
        self.popular = seen[1]
        self._seen = seen
        return True

    def _asked(self) -> dict[str, int]:
        path = self._library / FILE_NAME
        if not path.exists():
            return {}
        with EventStore(path, read_only=True) as log:
            return log.frequent_queries(MOST_QUERIES, clients=LEAST_CLIENTS)

    def _follow(self) -> None:
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self.refresh()
            except TusouError as error:
                logger.error("suggestions are not up to date: %s", error)
            self._stop.wait(max(self._every, (time.monotonic() - started) / LARGEST_SHARE))
