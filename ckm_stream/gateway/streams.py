"""How many streams are open, and how many may be."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Gauge


class Streams:
    """
    Counts open streams.

    Args:
        most: At once.
        gauge: What exports their number.
    """

    def __init__(self, most: int, gauge: Gauge) -> None:
        self._most = most
        self._gauge = gauge
        self._open = 0

    @property
    def is_full(self) -> bool:
        """Whether no other may be opened."""
        return self._open >= self._most

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one for as long as the block."""
        self._open += 1
        self._gauge.set(self._open)
        try:
            yield
        finally:
            self._open -= 1
            self._gauge.set(self._open)
