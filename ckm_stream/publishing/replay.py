"""
Putting dead letters back into their topics, once each (promise P8).

What is put back and the progress that says so are one transaction, where the broker has them;
elsewhere the acknowledgements are awaited before the progress moves, and a record that a kill
makes be sent twice is dropped by its event id. Refuses to send what today's rules would reject.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from ckm_stream.codec.deadletter import replay_headers
from ckm_stream.errors import DeliveryError
from ckm_stream.operations.access import REPLAY, require_access
from ckm_stream.operations.connection import kafka_client_options
from ckm_stream.operations.deadletters import (
    DeadLetter,
    DeadLetters,
    LetterFilter,
    open_dead_letters,
    replay_group,
)
from ckm_stream.operations.inspection import Judge, Verdict
from ckm_stream.operations.putback import PutBack
from ckm_stream.pipeline.origin import HEADER as ORIGIN
from ckm_stream.publishing.producer import AbandonableProducer, PublisherOptions, open_producer
from ckm_stream.settings import Guarantee, Settings

#: Records of one transaction: a commit costs some 10 ms, an open one holds the workers back.
_CHUNK: Final = 100
#: How long the workers wait for what a killed replay has left open.
_TRANSACTION_MS: Final = 10_000
#: What is named of the records that stay; all are counted, and `ckm deadletters list` has them.
MOST_NAMED: Final = 100


class ReplayPolicy(StrEnum):
    """What to do at a record that would be rejected again."""

    STOP = "stop"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """
    What to put back.

    Attributes:
        where: Which dead letters are meant.
        policy: What to do at one that would be rejected again.
        max_records: Put back that many at most, > 0.
        again: Also those that were put back before; the events' ids then make them duplicates, as
            far as the customers' lists of seen ids reach.
        dry_run: Only look.
    """

    where: LetterFilter = field(default_factory=LetterFilter)
    policy: ReplayPolicy = ReplayPolicy.STOP
    max_records: int = 500
    again: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A dead letter that stays one: where it is, and why it would be rejected today."""

    place: str
    reason: str
    message: str


@dataclass(slots=True)
class ReplayReport:
    """What became of the dead letters that were meant; ``left_named`` are the first of ``left``."""

    put_back: int = 0
    put_back_before: int = 0
    left: int = 0
    left_named: list[Left] = field(default_factory=list)
    stopped: bool = False
    capped: bool = False


class _Outbox(Protocol):
    """Where a chunk goes, with the progress of its partition."""

    def put(self, letters: list[DeadLetter], partition: int, done: PutBack) -> None:
        """Make all of it durable."""


def replay(
    settings: Settings, plan: ReplayPlan, advance: Callable[[int], object] = lambda _: None
) -> ReplayReport:
    """
    Put dead letters back, partition by partition, in their order; *advance* is told of each look.

    Raises:
        ConfigurationError: If a right or topic is missing, or broker or registry refuse us.
        DeliveryError: If the broker does not take a record; its chunk is not put back.
        TransientError: If the broker or the registry is unavailable for now.
    """
    if not plan.dry_run:
        require_access(settings, REPLAY)
    report = ReplayReport()
    with open_dead_letters(settings) as letters, _opened_outbox(settings, letters, plan) as outbox:
        verdict_of = Judge(settings).verdict_of
        for partition in letters.partitions():
            run = _PartitionRun(letters, partition, plan, report, outbox)
            for letter in run.meant():
                advance(1)
                verdict = verdict_of(letter)
                if not (run.leave(letter, verdict) if verdict else run.take(letter)):
                    run.flush()
                    return report
            run.flush()
    return report


class _PartitionRun:
    """One partition's part of a replay: what is on its way, and how far it has come."""

    def __init__(
        self,
        letters: DeadLetters,
        partition: int,
        plan: ReplayPlan,
        report: ReplayReport,
        outbox: _Outbox | None,
    ) -> None:
        self._letters, self._partition, self._plan = letters, partition, plan
        self._report, self._outbox = report, outbox
        self._done = letters.put_back(partition)
        self._chunk: list[DeadLetter] = []

    def meant(self) -> Iterator[DeadLetter]:
        """Yield what the plan means and has not been put back."""
        plan, behind = self._plan, 0 if self._plan.again else self._done.next_offset
        for letter in self._letters.read(self._partition, behind):
            # No record lies between two that follow one another: it is not to be put back.
            self._done.add(behind, letter.offset)
            behind = letter.offset + 1
            if not plan.where.admits(letter, self._letters.prefix):
                continue
            if not plan.again and letter.offset in self._done:
                self._report.put_back_before += 1
                continue
            yield letter

    def take(self, letter: DeadLetter) -> bool:
        """Put a letter back, now or with those that follow; False if that would be too many."""
        report = self._report
        if report.put_back + len(self._chunk) >= self._plan.max_records:
            report.capped = True
            return False
        self._chunk.append(letter)
        if len(self._chunk) == _CHUNK:
            self.flush()
        return True

    def leave(self, letter: DeadLetter, verdict: Verdict) -> bool:
        """Let a letter be where it is; False if the replay ends with it."""
        report = self._report
        report.left += 1
        if len(report.left_named) < MOST_NAMED:
            report.left_named.append(Left(letter.place, verdict.reason, verdict.message))
        report.stopped = self._plan.policy is ReplayPolicy.STOP
        return not report.stopped

    def flush(self) -> None:
        """Make durable what was taken, and that it was."""
        chunk, self._chunk = self._chunk, []
        for letter in chunk:
            self._done.add(letter.offset, letter.offset + 1)
        if chunk and self._outbox is not None:
            self._outbox.put(chunk, self._partition, self._done)
        self._report.put_back += len(chunk)


@contextmanager
def _opened_outbox(
    settings: Settings, letters: DeadLetters, plan: ReplayPlan
) -> Iterator[_Outbox | None]:
    """Give what sends; it is opened before any progress is read, which fences an older replay."""
    if plan.dry_run:
        yield None
        return
    options, group = kafka_client_options(settings), replay_group(settings)
    is_transactional = settings.kafka.guarantee is Guarantee.EXACTLY_ONCE
    if is_transactional:
        options |= {"transactional_id": group, "transaction_timeout_ms": _TRANSACTION_MS}
    producer = open_producer(options, PublisherOptions(linger_s=0.0))
    try:
        if is_transactional:
            producer.init_transactions()
            yield _Transactions(producer, letters.topic, group)
        else:
            yield _Acknowledged(producer, letters.topic, letters.consumer)
    finally:
        producer.abandon()


class _Transactions:
    """A transaction for each chunk, with the progress in it."""

    def __init__(self, producer: AbandonableProducer, topic: str, group: str) -> None:
        self._producer, self._topic, self._group = producer, topic, group
        self._kept = _Sender(producer, topic)

    def put(self, letters: list[DeadLetter], partition: int, done: PutBack) -> None:
        """Send all and commit, or leave nothing."""
        progress = _progress(self._topic, partition, done)
        self._producer.begin_transaction()
        try:
            self._kept.send(letters)
            self._producer.send_offsets_to_transaction(progress, self._group)
        except BaseException:
            self._producer.abort_transaction()
            raise
        self._producer.commit_transaction()


class _Acknowledged:
    """The acknowledgements of a chunk, then its progress."""

    def __init__(self, producer: AbandonableProducer, topic: str, consumer: KafkaConsumer) -> None:
        self._topic, self._consumer = topic, consumer
        self._kept = _Sender(producer, topic)

    def put(self, letters: list[DeadLetter], partition: int, done: PutBack) -> None:
        """Send all, then move on."""
        progress = _progress(self._topic, partition, done)
        self._kept.send(letters)
        self._consumer.commit(progress)


class _Sender:
    """Sends dead letters to where they came from, and waits until they are there."""

    def __init__(self, producer: AbandonableProducer, topic: str) -> None:
        self._producer, self._topic = producer, topic

    def send(self, letters: list[DeadLetter]) -> None:
        """
        Send key and value as they are, under today's timestamp.

        Not under their own: a topic's retention goes by it and would take an old one away unread,
        and the lag in seconds would jump. The partition is that of the key, also if it was not.

        Raises:
            DeliveryError: If the broker does not take one of them.
        """
        sent: list[tuple[DeadLetter, Any]] = []
        for letter in letters:
            assert letter.failure is not None  # noqa: S101 -- the verdict has seen to that
            headers = replay_headers(
                letter.headers,
                topic=self._topic,
                partition=letter.partition,
                offset=letter.offset,
            )
            # A forwarded event is late now: by its origin it would count as sent twice.
            headers = [(name, value) for name, value in headers if name != ORIGIN]
            answer = self._producer.send(
                letter.failure.topic, value=letter.value, key=letter.key, headers=headers
            )
            sent.append((letter, answer))
        for letter, answer in sent:
            try:
                answer.get()
            except KafkaError as error:
                raise DeliveryError(
                    f"dead letter {letter.place} was not put back: {type(error).__name__}; nor "
                    "were those sent with it; repair the topic and replay again"
                ) from error


def _progress(topic: str, partition: int, done: PutBack) -> dict[TopicPartition, OffsetAndMetadata]:
    at = OffsetAndMetadata(done.next_offset, done.metadata(), -1)
    return {TopicPartition(topic, partition): at}
