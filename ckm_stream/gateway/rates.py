"""How many requests a token may make: a token bucket each, in this process."""

import time
from collections.abc import Callable
from typing import Final

# Buckets that are full again say nothing; they are thrown away when there are so many.
_MOST_BUCKETS: Final = 10_000


class RateLimit:
    """
    A bucket for each key: *burst* requests at once, and then *per_s* a second.

    Args:
        per_s: Requests a second, > 0.
        burst: Requests at once, >= 1.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self, per_s: float, burst: int, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._monotonic = monotonic
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one request of *key*'s; return 0, or the seconds after which there is one again."""
        now = self._monotonic()
        left, at = self._buckets.get(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        if left < 1.0:
            self._buckets[key] = (left, now)
            return (1.0 - left) / self._per_s
        if len(self._buckets) >= _MOST_BUCKETS and key not in self._buckets:
            self._forget_full(now)
        self._buckets[key] = (left - 1.0, now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            key: (left, at)
            for key, (left, at) in self._buckets.items()
            if left + (now - at) * self._per_s < self._burst
        }
