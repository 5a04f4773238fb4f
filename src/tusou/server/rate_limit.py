"""How fast one account may ask: a token bucket each, so that a program running wild leaves others a turn."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

MOST_BUCKETS = 10_000
"""Accounts remembered; beyond, those that have been idle longest begin anew, which only helps them."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """Buckets that fill evenly up to a minute's worth.

    Args:
        per_minute: Requests of one account in a minute; 0 for no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> tuple[int, float]:
        """Count a request.

        Returns:
            How many more may follow at once, -1 when this one is too many; and the seconds to wait then.
        """
        now = time.monotonic()
        with self._lock:
            bucket = self._buckets.pop(name, None) or _Bucket(float(self.per_minute), now)
            rate = self.per_minute / 60
            bucket.tokens = min(float(self.per_minute), bucket.tokens + (now - bucket.at) * rate)
            bucket.at = now
            self._buckets[name] = bucket  # behind the others: the first is the one idle longest
            if len(self._buckets) > MOST_BUCKETS:
                del self._buckets[next(iter(self._buckets))]
            if bucket.tokens < 1:
                return -1, (1 - bucket.tokens) / rate
            bucket.tokens -= 1
            return int(bucket.tokens), 0.0
