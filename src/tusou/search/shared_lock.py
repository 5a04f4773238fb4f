"""Many may read at once; whoever changes what they read waits for them and keeps new ones out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """A read-write lock; a waiting writer goes before new readers, so that it is never starved."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writers = 0  # waiting or writing

    def writer_waits(self) -> bool:
        """True while a writer waits or writes."""
        return self._writers > 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold what is read in place; any number of threads at once, not re-entrant."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writers)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be alone."""
        with self._changed:
            self._writers += 1
            self._changed.wait_for(lambda: not self._readers)
            try:
                yield
            finally:
                self._writers -= 1
                self._changed.notify_all()
