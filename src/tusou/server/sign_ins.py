"""Who guesses passwords has to wait."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

TRIES, WINDOW = 5, 15 * 60.0
"""Failed sign-ins of one name, or from one address, until it has to wait; seconds they are remembered."""


class SignInLimit:
    """Counts failed sign-ins by name and by address."""

    def __init__(self) -> None:
        self._failed: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def wait(self, *names: str) -> float:
        """Seconds until another try is allowed; 0 for now."""
        now = time.monotonic()
        with self._lock:
            return max((self._wait(name, now) for name in names), default=0.0)

    def failed(self, *names: str) -> None:
        """Count a failure."""
        with self._lock:
            for name in names:
                self._failed[name].append(time.monotonic())

    def succeeded(self, *names: str) -> None:
        """Forget the failures."""
        with self._lock:
            for name in names:
                self._failed.pop(name, None)

    def _wait(self, name: str, now: float) -> float:
        failures = self._failed.get(name)
        if not failures:
            return 0.0
        while failures and failures[0] < now - WINDOW:
            failures.popleft()
        return failures[0] + WINDOW - now if len(failures) >= TRIES else 0.0
