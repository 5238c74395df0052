"""How many customers each class has, for Prometheus: a metric never names one of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from prometheus_client import Gauge

from ckm_stream.domain.score import SourceClass
from ckm_stream.gateway.problems import Problem
from ckm_stream.snapshots.stored import ClassSize

#: Seconds between two counts; one takes the store 0.2 s at a million customers.
_EVERY_S: Final = 30.0


class Census:
    """
    Counts the customers of the store again and again.

    Args:
        sizes: Reads the classes that have any.
        customers: Where the counts are told, by class; nothing while they are not known.
        every_s: Seconds between two counts.
    """

    def __init__(
        self,
        sizes: Callable[[], Awaitable[Iterable[ClassSize]]],
        customers: Gauge,
        *,
        every_s: float = _EVERY_S,
    ) -> None:
        self._sizes = sizes
        self._customers = customers
        self._every_s = every_s

    async def run(self) -> None:
        """Count until cancelled."""
        while True:
            await self.count()
            await asyncio.sleep(self._every_s)

    async def count(self) -> None:
        """Count once."""
        try:
            sizes = {each.source_class: each.customers for each in await self._sizes()}
        except Problem:  # logged where it was raised
            self._customers.clear()
            return
        for each in SourceClass:
            self._customers.labels(each).set(sizes.get(each, 0))
