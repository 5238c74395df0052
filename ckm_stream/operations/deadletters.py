"""
Reading the dead letters: what was set aside, from where, why, and whether it was put back.

Committed records only, one partition after the other, up to where each ends when it is opened.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from ckm_stream.codec.deadletter import Failure, failure_of
from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.connection import (
    broker_errors,
    conversation,
    kafka_client_options,
)
from ckm_stream.operations.partitions import read_partition
from ckm_stream.operations.putback import PutBack
from ckm_stream.settings import Settings

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record of the dead-letter topic; ``failure`` is None if somebody else wrote it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    failure: Failure | None

    @property
    def place(self) -> str:
        """``partition:offset``, as the command line takes it."""
        return f"{self.partition}:{self.offset}"

    @property
    def set_aside_at(self) -> datetime:
        """When it was written, UTC."""
        return _EPOCH + timedelta(milliseconds=self.timestamp_ms)


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are meant; what is None or empty lets all pass. Topics are logical."""

    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since: datetime | None = None

    def admits(self, letter: DeadLetter, prefix: str) -> bool:
        """Say whether *letter* is one of those."""
        failure = letter.failure
        if self.since is not None and letter.set_aside_at < self.since:
            return False
        if self.reasons and (failure is None or failure.reason not in self.reasons):
            return False
        return not self.topics or (
            failure is not None and failure.topic.removeprefix(prefix) in self.topics
        )


def replay_group(settings: Settings) -> str:
    """Return the consumer group that keeps the replay's progress, also its transactional id."""
    return f"{settings.kafka.profile_group}-deadletter-replay"


class DeadLetters:
    """The dead-letter topic of an installation, while a consumer is open on it."""

    def __init__(self, consumer: KafkaConsumer, settings: Settings) -> None:
        self.consumer = consumer
        self.prefix = settings.kafka.topic_prefix
        self.topic = Topics(self.prefix).dead_letter
        self._kafka = settings.kafka

    def partitions(self) -> list[int]:
        """
        Return the topic's partitions.

        Raises:
            ConfigurationError: If there is no such topic.
        """
        partitions = self.consumer.partitions_for_topic(self.topic)
        if not partitions:
            raise ConfigurationError(
                f"topic '{self.topic}' does not exist; run `ckm topics apply`, or set "
                "CKM__KAFKA__TOPIC_PREFIX to the one that is meant"
            )
        return sorted(partitions)

    def put_back(self, partition: int) -> PutBack:
        """Return which records of *partition* have been put back by earlier replays."""
        committed = self.consumer.committed(self._tp(partition), metadata=True)
        if committed is None:
            return PutBack()
        return PutBack.of(committed.offset, committed.metadata)

    def read(self, partition: int, start: int = 0) -> Iterator[DeadLetter]:
        """Yield the committed records of *partition* from *start* on, up to where it ends now."""
        records = read_partition(self.consumer, self._tp(partition), self._kafka, start=start)
        yield from map(_letter_of, records)

    def at(self, partition: int, offset: int) -> DeadLetter | None:
        """Return the record at a place, if there is one."""
        if partition not in self.partitions():
            return None
        first = next(self.read(partition, offset), None)
        return first if first is not None and first.offset == offset else None

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic, partition)


@contextmanager
def open_dead_letters(settings: Settings) -> Iterator[DeadLetters]:
    """
    Give the dead letters of the installation that the settings name.

    Raises:
        ConfigurationError: If the topic is missing or the broker refuses us.
        TransientError: If no broker answers, or one fails meanwhile.
    """
    with conversation(settings):
        pass  # for its one sentence, if nobody answers
    options: dict[str, Any] = kafka_client_options(settings) | {
        "group_id": replay_group(settings),
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "fetch_max_wait_ms": 50,
        "max_partition_fetch_bytes": 4 << 20,
    }
    with broker_errors(settings), closing(KafkaConsumer(**options)) as consumer:
        yield DeadLetters(consumer, settings)


def _letter_of(record: Any) -> DeadLetter:  # noqa: ANN401 -- kafka-python has no annotations
    headers = tuple((name, value or b"") for name, value in record.headers)
    return DeadLetter(
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=headers,
        failure=failure_of(headers),
    )
