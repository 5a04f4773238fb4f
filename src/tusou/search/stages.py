"""Wall time per stage of one search."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Stopwatch with named laps; a stage entered twice adds up."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._spent: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a block under a name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._spent[name] = self._spent.get(name, 0.0) + (time.perf_counter() - start) * 1e3

    def milliseconds(self) -> dict[str, float]:
        """Stage to milliseconds, and ``total`` since the start."""
        return {**self._spent, "total": (time.perf_counter() - self._started) * 1e3}
