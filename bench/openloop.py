"""
Publishing at a fixed rate whatever comes back, and noting when what it causes arrives.

Each record has an instant at which it is due; a latency counts from there, however late the
publisher itself is. A closed loop, or one that counts from the actual send, would leave out the
waiting that a stall causes (coordinated omission).
"""

import gc
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from confluent_kafka import OFFSET_END, Consumer, Message, Producer, TopicPartition

from bench.programs import Record

_TICK_S: Final = 0.002
# The clients' own default: what a publisher waits for more of a partition costs the latency half
# of that, but without it a broker is busy with requests of one record.
_LINGER_MS: Final = 5
_START_S: Final = 0.5
_PATIENCE_S: Final = 30.0
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
    failures: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": servers,
            "partitioner": "murmur2_random",
            "acks": "all",
            "linger.ms": _LINGER_MS,
            "enable.idempotence": True,
        }
    )
    for topic in {topic for topic, *_ in schedule.records}:
        producer.list_topics(topic)  # connected, before anything is due

    def on_delivery(error: Any, _message: Message) -> None:  # noqa: ANN401 -- the client's
        if error is not None:
            failures.append(str(error))

    start_ns = time.monotonic_ns() + int(_START_S * _NS)
    latest_ns = done = 0
    while done < len(schedule.records):
        now_ns = time.monotonic_ns()
        due = min(len(schedule.records), int((now_ns - start_ns) / _NS * schedule.rate_hz) + 1)
        if now_ns < start_ns or due <= done:
            time.sleep(_TICK_S)  # not `poll`: it comes back for every acknowledgement
            continue
        latest_ns = max(latest_ns, now_ns - start_ns - int(done / schedule.rate_hz * _NS))
        for topic, key, value, millis in schedule.records[done:due]:
            producer.produce(topic, value, key, timestamp=millis, on_delivery=on_delivery)
        done = due
        producer.poll(0)
    if producer.flush(_PATIENCE_S) or failures:
        raise SystemExit(f"not everything was published: {failures[:1]}")
    parent.send(Published(start_ns, latest_ns / _NS))


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
