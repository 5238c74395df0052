"""The cluster that compared programs share: backlogs written, topics made, counted and removed."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from confluent_kafka import Consumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from bench.load import simulated_load
from bench.programs import Record, kept_specs, write_backlog
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.forwarding import forward
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.operations.topics import apply_topics
from ckm_stream.settings import KafkaSettings, Settings

_READ_AT_ONCE = 1000
_READ_S = 0.2
_PATIENCE_S = 60.0


class Backlog(NamedTuple):
    """Encoded touchpoints, and what they amount to; *forwarded* events are caused by them."""

    records: list[Record]
    event_ids: list[str]
    customers: int
    forwarded: int


class Contents(NamedTuple):
    """What a topic holds: records, and distinct keys."""

    records: int
    keys: int


def encoded_backlog(events: int, customers: int) -> Backlog:
    """Return simulated touchpoints, encoded, with logical topic names."""
    settings = Settings()
    codec = EventCodec(open_schemas(settings), Topics())
    records: list[Record] = []
    event_ids: list[str] = []
    forwarded = 0
    for event in simulated_load(events, customers):
        topic, key = codec.address(event)
        records.append((topic, key, codec.encode(event), event.recorded_at // 1000))
        event_ids.append(event.event_id)
        forwarded += len(forward(event, policy=settings.scoring))
    return Backlog(records, event_ids, len({key for _, key, _, _ in records}), forwarded)


class Cluster:
    """One Kafka cluster at *bootstrap*; every source topic has so many *partitions*."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.bootstrap = bootstrap
        self.partitions = partitions
        self._admin = KafkaAdminClient(bootstrap_servers=bootstrap)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.close()

    def provide(self, prefix: str, records: Sequence[Record]) -> None:
        """Create this project's topics with *prefix* and write *records* into them."""
        kafka = KafkaSettings(
            bootstrap_servers=self.bootstrap, topic_prefix=prefix, partitions=self.partitions
        )
        settings = Settings(kafka=kafka)
        apply_topics(settings, kept_specs())
        asyncio.run(write_backlog(settings, _prefixed(prefix, records)))

    def create(self, topic: str) -> None:
        """Create a topic for a peer's updates, which may bear the times of their events."""
        config = {"retention.ms": "-1"}
        self._admin.create_topics([NewTopic(topic, self.partitions, 1, topic_configs=config)])

    def topics(self, application: str) -> list[str]:
        """Return the topics whose names hold that of an application, wherever it puts it."""
        return sorted(name for name in self._admin.list_topics() if application in name)

    def remove(self, topics: Iterable[str]) -> None:
        """Delete topics; the broker frees their disk a while later."""
        self._admin.delete_topics(list(topics))

    def written(self, topic: str) -> int:
        """Return the sum of a topic's end offsets: records and transaction markers ever written."""
        consumer = self._consumer()
        try:
            return sum(
                consumer.get_watermark_offsets(TopicPartition(topic, partition))[1]
                for partition in self._partitions_of(consumer, topic)
            )
        finally:
            consumer.close()

    def contents(self, topic: str) -> Contents:
        """Read a topic to its end, committed records only."""
        consumer = self._consumer()
        records, keys = 0, set()
        try:
            partitions = self._partitions_of(consumer, topic)
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            deadline = time.monotonic() + _PATIENCE_S
            while partitions:
                if time.monotonic() > deadline:
                    raise SystemExit(f"topic {topic} cannot be read to its end")
                for message in consumer.consume(_READ_AT_ONCE, timeout=_READ_S):
                    if message.error() is not None:  # the end of a partition
                        partitions.discard(message.partition())
                    else:
                        records += 1
                        keys.add(message.key())
        finally:
            consumer.close()
        return Contents(records, len(keys))

    def _consumer(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            }
        )

    def _partitions_of(self, consumer: Consumer, topic: str) -> set[int]:
        return set(consumer.list_topics(topic, timeout=_PATIENCE_S).topics[topic].partitions)


def _prefixed(prefix: str, records: Iterable[Record]) -> Iterator[Record]:
    for topic, key, value, millis in records:
        yield f"{prefix}{topic}", key, value, millis
