"""
Publishing at a fixed rate whatever comes back, and noting when what it causes arrives.

Each record has an instant at which it is due; a latency counts from there, however late the
publisher itself is. A closed loop, or one that counts from the actual send, would leave out the
waiting that a stall causes (coordinated omission).
"""

import asyncio
import gc
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from bench.programs import Record

_TICK_S: Final = 0.002
# What clients wait for more, by default: a record waits half of it. All that is due goes in one
# request then, as the Java client does it; librdkafka makes one of each partition, and a broker
# is busy with 3,200 of them a second.
_LINGER_S: Final = 0.005
_START_S: Final = 0.5
_FETCH_WAIT_MS: Final = 100
_NS: Final = 1_000_000_000


class Published(NamedTuple):
    """When the first record was due (monotonic, ns), and how late one was handed over at most."""

    start_ns: int
    latest_s: float


class Schedule(NamedTuple):
    """Records and how many of them are due in a second; record i is due i / rate_hz after 0."""

    records: Sequence[Record]
    rate_hz: float


@contextmanager
def publishing(servers: str, schedule: Schedule) -> Iterator[Connection]:
    """
    Run a publisher in a process of its own; it sends a ``Published`` when all is acknowledged.

    Call it before other threads are started: the process is forked, so that it has the records.
    """
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    process = fork.Process(target=_publish, args=(servers, schedule, there), daemon=True)
    process.start()
    try:
        yield here
    finally:
        process.terminate()
        process.join()


def _publish(servers: str, schedule: Schedule, parent: Connection) -> None:
    parent.recv()  # go
    gc.freeze()
    parent.send(asyncio.run(_published(servers, schedule)))


async def _published(servers: str, schedule: Schedule) -> Published:
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for topic in {topic for topic, *_ in schedule.records}:
            await producer.partitions_for(topic)  # known, before anything is due
        return await _send_when_due(producer, schedule)
    finally:
        await producer.stop()


async def _send_when_due(producer: AIOKafkaProducer, schedule: Schedule) -> Published:
    start_ns = time.monotonic_ns() + int(_START_S * _NS)
    latest_ns = done = ticks = 0
    under_way: set[asyncio.Future[Any]] = set()
    while done < len(schedule.records):
        ticks += 1
        wait_ns = start_ns + int(ticks * _LINGER_S * _NS) - time.monotonic_ns()
        await asyncio.sleep(max(0.0, wait_ns / _NS))
        now_ns = time.monotonic_ns() - start_ns
        due = min(len(schedule.records), int(now_ns / _NS * schedule.rate_hz) + 1)
        latest_ns = max(latest_ns, now_ns - int(done / schedule.rate_hz * _NS))
        sent = await _send(producer, schedule.records[done:due])
        under_way = {future for future in under_way if not _is_acknowledged(future)}.union(sent)
        done = due
    await asyncio.gather(*under_way)
    return Published(start_ns, latest_ns / _NS)


async def _send(producer: AIOKafkaProducer, records: Sequence[Record]) -> list[asyncio.Future[Any]]:
    batches: dict[tuple[str, int], Any] = {}
    for topic, key, value, millis in records:
        partition = producer._partition(topic, None, None, None, key, value)  # noqa: SLF001 -- murmur2, as Java's
        batch = batches.get((topic, partition))
        if batch is None:
            batch = batches[topic, partition] = producer.create_batch()
        batch.append(key=key, value=value, timestamp=millis)
    return [
        await producer.send_batch(batch, topic, partition=partition)
        for (topic, partition), batch in batches.items()
    ]


def _is_acknowledged(future: asyncio.Future[Any]) -> bool:
    if future.done():
        future.result()  # raises if it was refused
    return future.done()


class Arrivals:
    """
    Notes when each record of a topic arrives that is written from now on.

    ``read_committed`` is what a consumer of an exactly-once worker asks for.
    """

    def __init__(self, servers: str, topic: str, partitions: int, *, isolation: str) -> None:
        self.values: list[bytes] = []
        self.instants_ns: list[int] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": "bench",
                "enable.auto.commit": False,
                "isolation.level": isolation,
                "fetch.wait.max.ms": _FETCH_WAIT_MS,
            }
        )
        self._consumer.assign([TopicPartition(topic, p, OFFSET_END) for p in range(partitions)])

    def note(self, *, for_s: float) -> int:
        """Take what arrives in so many seconds; return how many records that were."""
        before, until = len(self.values), time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            for message in self._consumer.consume(num_messages=500, timeout=min(left, _TICK_S)):
                now_ns = time.monotonic_ns()
                if message.error() is not None:
                    raise SystemExit(f"the updates cannot be read: {message.error()}")
                self.values.append(message.value() or b"")
                self.instants_ns.append(now_ns)
        return len(self.values) - before

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
