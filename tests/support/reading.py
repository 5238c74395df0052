"""Reading whole topics with librdkafka: a client that the service does not use."""

from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition


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
    by_partition: dict[int, list[ReadRecord]] = {}
    for record in _read(bootstrap_servers, topic):
        by_partition.setdefault(record.partition, []).append(record)
    return [record for _, records in sorted(by_partition.items()) for record in records]


def _read(bootstrap_servers: str, topic: str) -> Iterator[ReadRecord]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "ckm-test-reader",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.message.max.bytes": 16 << 20,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        unread = set(partitions)
        while unread:
            for message in consumer.consume(num_messages=5000, timeout=0.2):
                error = message.error()
                if error is None:
                    yield _record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition() or 0)
                else:
                    raise AssertionError(f"reading {topic}: {error}")
    finally:
        consumer.close()


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
