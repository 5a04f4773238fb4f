"""The ranker a library answers with, followed while it is replaced."""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock

from tusou.errors import RankerError
from tusou.ranking.base import Ranker
from tusou.ranking.store import BUILT_IN, RankerStore

_log = logging.getLogger(__name__)


class LiveRanker:
    """Gives the live ranker at every call; looking whether it changed costs one ``stat``.

    A ranker that cannot be loaded is named in the log once, and the one before it goes on.
    """

    def __init__(self, library: Path) -> None:
        """Load the live ranker.

        Args:
            library: Folder of the library.
        """
        self._store, self._lock = RankerStore(library), Lock()
        self._ranker: Ranker = self._store.open(BUILT_IN)
        self._seen: tuple[int, int] | None = None
        self()

    def __call__(self) -> Ranker:
        """The live ranker."""
        found = self._stamp()
        if found != self._seen:
            with self._lock:
                if found != self._seen:
                    self._follow()
                    self._seen = found
        return self._ranker

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._store.pointer.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _follow(self) -> None:
        try:
            self._ranker = self._store.open(self._store.live())
        except RankerError as error:
            _log.error("the live ranker cannot be loaded; %s goes on: %s", self._ranker.name, error)
