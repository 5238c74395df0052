"""Reading whole topics with librdkafka: a client that the service does not use."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

_ANSWER_S = 20.0
_COORDINATOR_IS_MOVING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A consumed record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> bytes | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key == name), None)


def read_topic(bootstrap_servers: str, topic: str) -> list[ReadRecord]:
    """Return all committed records of *topic*, partition by partition, in offset order."""
    return read_topics(bootstrap_servers, [topic])[topic]


def read_topics(bootstrap_servers: str, topics: Iterable[str]) -> dict[str, list[ReadRecord]]:
    """Return all committed records of each topic, partition by partition, in offset order."""
    with closing(_consumer(bootstrap_servers)) as consumer:
        known = consumer.list_topics(timeout=_ANSWER_S).topics
    start = [
        TopicPartition(topic, partition, OFFSET_BEGINNING)
        for topic in topics
        for partition in sorted(known[topic].partitions)
    ]
    records: dict[tuple[str, int], list[ReadRecord]] = {
        (tp.topic, tp.partition): [] for tp in start
    }
    for record in _read(bootstrap_servers, start):
        records[record.topic, record.partition].append(record)
    found: dict[str, list[ReadRecord]] = {}
    for (topic, _), part in records.items():
        found.setdefault(topic, []).extend(part)
    return found


def is_read_up_to(bootstrap_servers: str, positions: Mapping[tuple[str, int], int]) -> bool:
    """Tell whether no (topic, partition) has a committed record at or after its position."""
    start = [TopicPartition(topic, p, offset) for (topic, p), offset in positions.items()]
    return next(_read(bootstrap_servers, start), None) is None


def committed_positions(
    bootstrap_servers: str, group: str, partitions: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """Return where *group* would go on in each (topic, partition); 0 if it has never committed."""
    where = [TopicPartition(*tp) for tp in partitions]
    with closing(_consumer(bootstrap_servers, group)) as consumer:
        found = _committed(consumer, where, time.monotonic() + _ANSWER_S)
    return {(tp.topic, tp.partition): max(0, tp.offset) for tp in found}


def _committed(
    consumer: Consumer, where: list[TopicPartition], deadline: float
) -> list[TopicPartition]:
    """Ask until *deadline*: a broker that has just come back looks for its coordinators first."""
    while True:
        try:
            return consumer.committed(where, timeout=_ANSWER_S)
        except KafkaException as error:
            moving = error.args[0].code() in _COORDINATOR_IS_MOVING
            if not moving or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _read(bootstrap_servers: str, start: list[TopicPartition]) -> Iterator[ReadRecord]:
    """Yield the committed records from *start* to where the partitions end now."""
    with closing(_consumer(bootstrap_servers)) as consumer:
        consumer.assign(start)
        unread = {(tp.topic, tp.partition) for tp in start}
        while unread:
            for message in consumer.consume(num_messages=5000, timeout=0.2):
                error = message.error()
                if error is None:
                    yield _record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard((message.topic() or "", message.partition() or 0))
                else:
                    raise AssertionError(f"reading {message.topic()}: {error}")


def _consumer(bootstrap_servers: str, group: str = "ckm-test-reader") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.message.max.bytes": 16 << 20,
        }
    )


def _record(message: Message) -> ReadRecord:
    return ReadRecord(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp=message.timestamp()[1],
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=tuple(_headers(message)),
    )


def _headers(message: Message) -> Iterator[tuple[str, bytes]]:
    headers = message.headers() or []
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        yield name, _bytes(value) or b""


def _bytes(data: str | bytes | None) -> bytes | None:
    return data.encode() if isinstance(data, str) else data
