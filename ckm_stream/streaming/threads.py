"""
The thread that Faust's consumer fetches in, and what is different about its aiokafka client.

Read committed records only, ask for them at a steady pace, and say which reading they belong to.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any, Final, cast

import aiokafka
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

from ckm_stream.operations.health import Health
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import CoreKind
from ckm_stream.streaming.clients import await_brokers
from ckm_stream.streaming.ending import end_process
from ckm_stream.streaming.fetching import consumer_class
from ckm_stream.streaming.rights import lost_right

_LOOP: Final = "consumer_loop"
# At 5,000 events a second on two cores, 8 ms took a quarter off the worker's CPU and the broker's
# (80 and 49 % of a core to 57 and 36 %), and made latencies shorter for it: 14.7 ms (p50) and 41 ms
# (p99), with 5 ms 16 and 56, with 2 ms 21 and 59.
_FETCH_INTERVAL_S: Final = 0.008


def notice_answers(client: AIOKafkaClient, broker: Contact) -> None:
    """Let *broker* know of each answer to a request of *client*; an error is one too."""
    send = client.send

    async def noticing(*args: Any, **kwargs: Any) -> Any:
        answer = await send(*args, **kwargs)
        broker.answered()
        return answer

    client.send = noticing


def pace_fetches(fetcher: Fetcher, *, interval_s: float) -> None:
    """
    Let *fetcher* ask a broker for records at most once in *interval_s*.

    An idle broker answers with the first record that comes, so at some thousand events a second
    every fetch, and every unit, would be of a handful: most of the work would be theirs. Who has
    not asked for so long is not delayed, and a backlog takes longer than that to be folded.
    """
    fetch = fetcher._proc_fetch_request  # noqa: SLF001 -- no public way to it
    asked_at: dict[int, float] = {}

    async def paced(assignment: Any, node_id: int, request: Any) -> Any:
        wait_s = asked_at.get(node_id, -inf) + interval_s - time.monotonic()
        if wait_s > 0:
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                return False  # as the fetcher's own, which nobody expects to raise it
        asked_at[node_id] = time.monotonic()
        return await fetch(assignment, node_id, request)

    fetcher._proc_fetch_request = paced  # noqa: SLF001 -- likewise


#: An assignment, by its identity, and how often all of it was sought anew.
Reading = tuple[object, int]


class Fetched:
    """The records of one partition from one fetch, with the reading that they belong to."""

    __slots__ = ("reading", "records")

    def __init__(self, reading: Reading, records: Sequence[Any]) -> None:
        self.reading = reading
        self.records = records


class ConsumerThread(stock.AIOKafkaConsumerThread):
    """A consumer thread that reads committed records, and names the reading they belong to."""

    _seeks = 0

    def _create_worker_consumer(self, transport: stock.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust ties the isolation level to its own transactions, which are not used here. The
        # forwarded events are written in our transactions, so this must hold from the first fetch.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 -- no setting reaches it
        # 1500 ms stock: an idle partition would make every other one of the broker's fetch wait.
        consumer._fetch_max_wait_ms = 100  # noqa: SLF001 -- hard-coded in the stock driver
        consumer._fetch_min_bytes = getattr(self.app, "fetch_min_bytes", 1)  # noqa: SLF001 -- likewise
        client = consumer._client  # noqa: SLF001 -- no public way to it
        notice_answers(client, self._health.broker)
        await_brokers(client)
        return consumer

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 -- the overridden signature
        max_records: int | None = None,
    ) -> Any:
        try:
            records = await super()._fetch_records(
                consumer, active_partitions, timeout, max_records
            )
        except KafkaError as error:
            if (lost := lost_right(error)) is not None:
                end_process(lost)  # here: on its way up Faust would log two tracebacks
            raise
        # No await between the fetch and this line, so the records belong to this reading.
        reading = self.current_reading()
        return {tp: Fetched(reading, batch) for tp, batch in records.items()}

    async def on_thread_started(self) -> None:
        """Called in this thread's own event loop."""
        await super().on_thread_started()
        pace_fetches(self._ensure_consumer()._fetcher, interval_s=_FETCH_INTERVAL_S)  # noqa: SLF001 -- no public way to it
        self._health.feel(_LOOP, self.thread_loop)

    async def on_thread_stop(self) -> None:
        """Called in the same loop, at its end."""
        await super().on_thread_stop()
        self._health.leave(_LOOP)

    def current_reading(self) -> Reading:
        """
        Return the reading in force; a rebalance makes a new one, and so does seeking.

        Between the two, Faust fetches from wherever aiokafka stands. What is behind such a fetch
        looks like the assignment in force, and would open a hole before itself: the fetch before
        it was dropped, and the seek goes back to where that began.
        """
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001 -- no public way to it
        return (None if subscription is None else subscription.assignment), self._seeks

    async def start_positions(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Return the committed offset of each partition, or its first one if none was committed."""
        consumer = self._ensure_consumer()
        partitions = [TopicPartition(tp.topic, tp.partition) for tp in tps]
        committed = {tp: await consumer.committed(tp) for tp in partitions}
        fresh = [tp for tp, offset in committed.items() if offset is None]
        beginnings = await consumer.beginning_offsets(fresh) if fresh else {}
        return {
            TP(tp.topic, tp.partition): beginnings[tp] if offset is None else offset
            for tp, offset in committed.items()
        }

    def seek_all(self, positions: Mapping[TP, int]) -> None:
        """Move to *positions* and forget what was fetched before."""
        consumer = self._ensure_consumer()
        for tp, offset in positions.items():
            consumer.seek(TopicPartition(tp.topic, tp.partition), offset)
        self._seeks += 1

    @property
    def _health(self) -> Health:
        return cast(Health, self.app.health)  # type: ignore[attr-defined] # our App's


class SliceThread(ConsumerThread):
    """A consumer thread that leaves records where they were fetched to, if its app's core can."""

    def _create_worker_consumer(self, transport: stock.Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer.__class__ = consumer_class(getattr(self.app, "core_kind", CoreKind.AUTO))
        return consumer
