"""A Kafka producer that writes nothing, and writes down what it was asked to, in order."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

#: The partition of all units in the tests that use it.
P = 3


@dataclass(frozen=True)
class Started:
    """A producer was started; InitProducerId fences if it has a transactional id."""

    transactional_id: str | None


@dataclass(frozen=True)
class Began:
    """A transaction was begun."""


@dataclass(frozen=True)
class Sent:
    """One record was handed to the producer."""

    topic: str
    partition: int | None
    key: bytes | None


@dataclass(frozen=True)
class SentBatch:
    """A prebuilt batch was handed to the producer."""

    topic: str
    partition: int
    keys: tuple[bytes | None, ...]


@dataclass(frozen=True)
class Acked:
    """The broker has acknowledged what was sent to a topic."""

    topic: str


@dataclass(frozen=True)
class Offsets:
    """Source offsets were put into the transaction."""

    by_topic: tuple[tuple[str, int], ...]
    group: str


@dataclass(frozen=True)
class Ended:
    """The transaction was committed."""


@dataclass(frozen=True)
class Stopped:
    """A producer was stopped."""


Action = Started | Began | Sent | SentBatch | Acked | Offsets | Ended | Stopped


class FakeBatch:
    """A batch that takes *capacity* records."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.keys: list[bytes | None] = []
        self.headers: list[list[tuple[str, bytes]]] = []
        self.is_closed = False

    def append(
        self,
        *,
        key: bytes | None,
        value: bytes | None,
        timestamp: None,
        headers: list[tuple[str, bytes]],
    ) -> object | None:
        """Take a record, or return None if there is no room."""
        assert isinstance(headers, list), "aiokafka's builder takes nothing else"
        if self.is_closed or len(self.keys) >= self.capacity:
            return None
        self.keys.append(key)
        self.headers.append(headers)
        return object()

    def close(self) -> None:
        """Take no more."""
        self.is_closed = True


@dataclass
class FakeProducer:
    """A producer whose broker acknowledges in the loop's next turn, or fails as it is told."""

    actions: list[Action] = field(default_factory=list)
    transactional_id: str | None = None
    capacity: int = 100
    #: Errors of the next acknowledgements, by topic.
    refusals: dict[str, list[BaseException]] = field(default_factory=dict)
    #: Errors of the next calls, by method.
    failures: dict[str, BaseException] = field(default_factory=dict)
    next_offsets: dict[str, int] = field(default_factory=dict)
    stop_gate: asyncio.Event | None = None
    #: Why what was not sent was dropped.
    dropped: list[BaseException] = field(default_factory=list)
    #: Of the records in batches, by topic.
    headers: dict[str, list[list[tuple[str, bytes]]]] = field(default_factory=dict)

    def fail_transaction(self, cause: BaseException) -> None:
        """Let a transaction fail as aiokafka's sender does, in the background."""
        self._txn_manager = TransactionManager("app-3", 60_000)
        self._txn_manager.set_pid_and_epoch(1, 0)
        self._txn_manager.begin_transaction()
        self._txn_manager.fatal_error(cause)

    def _maybe_fail(self, method: str) -> None:
        if method in self.failures:
            raise self.failures[method]

    async def start(self) -> None:
        """Start."""
        self._maybe_fail("start")
        self.actions.append(Started(self.transactional_id))

    @property
    def _message_accumulator(self) -> "FakeProducer":
        return self

    def fail_all(self, error: BaseException) -> None:
        """Drop what was not sent, so that nothing is left to wait for."""
        self.dropped.append(error)
        if self.stop_gate is not None:
            self.stop_gate.set()

    async def stop(self) -> None:
        """Stop, once there is nothing to wait for."""
        if self.stop_gate is not None:
            await self.stop_gate.wait()
        self._maybe_fail("stop")
        self.actions.append(Stopped())

    async def begin_transaction(self) -> None:
        """Begin."""
        self._maybe_fail("begin_transaction")
        self.actions.append(Began())

    async def send(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None,
        headers: list[tuple[str, bytes]],
    ) -> Awaitable[RecordMetadata]:
        """Take one record."""
        self._maybe_fail("send")
        self.actions.append(Sent(topic, partition, key))
        return self._acknowledge(topic, 1)

    def create_batch(self) -> FakeBatch:
        """Return an empty batch."""
        return FakeBatch(self.capacity)

    async def send_batch(
        self, batch: FakeBatch, topic: str, *, partition: int
    ) -> Awaitable[RecordMetadata]:
        """Take a closed batch."""
        assert batch.is_closed
        self._maybe_fail("send_batch")
        self.actions.append(SentBatch(topic, partition, tuple(batch.keys)))
        self.headers.setdefault(topic, []).extend(batch.headers)
        return self._acknowledge(topic, len(batch.keys))

    async def send_offsets_to_transaction(
        self, offsets: dict[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        """Take source offsets."""
        self._maybe_fail("send_offsets_to_transaction")
        assert {tp.partition for tp in offsets} <= {P}
        by_topic = tuple((tp.topic, meta.offset) for tp, meta in offsets.items())
        self.actions.append(Offsets(by_topic, group_id))

    async def commit_transaction(self) -> None:
        """Commit."""
        self._maybe_fail("commit_transaction")
        self.actions.append(Ended())

    def _acknowledge(self, topic: str, count: int) -> Awaitable[RecordMetadata]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[RecordMetadata] = loop.create_future()
        refusals = self.refusals.get(topic)
        if refusals:
            loop.call_soon(future.set_exception, refusals.pop(0))
            return future
        offset = self.next_offsets.get(topic, 0)
        self.next_offsets[topic] = offset + count

        def answer() -> None:
            self.actions.append(Acked(topic))
            tp = TopicPartition(topic, P)
            future.set_result(RecordMetadata(topic, P, tp, offset, 0, 1, 0))

        loop.call_soon(answer)
        return future
