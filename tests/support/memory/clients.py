"""What the committers and the recovery use of aiokafka, over a cluster in memory."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka.errors import InvalidProducerEpoch, KafkaError
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from ckm_stream.codec.topics import Source, Topics
from ckm_stream.pipeline.records import Headers
from tests.support.memory.log import Cluster, Tp, Transaction
from tests.support.memory.points import Point, Process
from tests.support.reading import ReadRecord

#: So few that units have several batches of everything.
_BATCH_RECORDS = 1
_FETCH_RECORDS = 3
#: Fetches without a record after which a consumer waits for what will not be.
_PATIENCE = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """The points around sending to a topic; *between* is for a batch that follows another one."""

    before: Point
    after: Point
    between: Point | None = None


_FORWARDED = Kind(Point.BEFORE_FORWARDED, Point.AFTER_FORWARDED, Point.BETWEEN_FORWARDED)
_CHANGELOG = Kind(Point.BEFORE_CHANGELOG, Point.AFTER_CHANGELOG, Point.WITHIN_CHANGELOG)
_OUTPUTS = Kind(Point.BEFORE_OUTPUTS, Point.AFTER_OUTPUTS)
_DEAD_LETTERS = Kind(Point.BEFORE_DEAD_LETTERS, Point.AFTER_DEAD_LETTERS)


def kinds_of(topics: Topics) -> dict[str, Kind]:
    """Return the kind of each topic that a profile worker writes."""
    return {
        topics.dead_letter: _DEAD_LETTERS,
        topics.score_updated: _OUTPUTS,
        topics.knowledge_item: _OUTPUTS,
        topics.of(Source.REFERRAL): _FORWARDED,
        topics.of(Source.EMPLOYEE): _FORWARDED,
        topics.profile_changelog: _CHANGELOG,
        topics.employee_changelog: _CHANGELOG,
    }


@dataclass(slots=True)
class MemoryBatch:
    """A batch that is full with one record."""

    records: list[tuple[bytes | None, bytes | None, Headers]] = field(default_factory=list)

    def append(
        self,
        *,
        key: bytes | None,
        value: bytes | None,
        timestamp: None,
        headers: list[tuple[str, bytes]],
    ) -> object | None:
        """Take a record, or return None if there is no room."""
        if len(self.records) == _BATCH_RECORDS:
            return None
        self.records.append((key, value, headers))
        return self

    def close(self) -> None:
        """Take no more."""


@dataclass(slots=True)
class _Sent:
    """A batch that the client has, and the cluster may get."""

    tp: Tp
    batch: MemoryBatch
    acknowledged: asyncio.Future[RecordMetadata]
    transaction: Transaction | None


class MemoryProducer:
    """A producer that sends what it has in the loop's next turn, if its process lives then."""

    def __init__(
        self,
        cluster: Cluster,
        process: Process,
        kinds: dict[str, Kind],
        transactional_id: str | None,
    ) -> None:
        self._cluster = cluster
        self._process = process
        self._kinds = kinds
        self._transactional_id = transactional_id
        self._epoch = 0
        self._transaction: Transaction | None = None
        self._unsent: list[_Sent] = []
        self._last: tuple[Kind, Tp] | None = None

    async def start(self) -> None:
        """Connect; with a transactional id, become its only producer."""
        await self._process.breathe()
        if self._transactional_id is not None:
            self._epoch = self._cluster.init_producer_id(self._transactional_id)

    async def stop(self) -> None:
        """Send what is left; a transaction that is open stays open."""
        await self._flush()

    async def begin_transaction(self) -> None:
        """Begin; the cluster hears of it with the first record."""
        assert self._transactional_id is not None
        self._transaction = Transaction(self._transactional_id, self._epoch)
        await self._process.come_to(Point.AFTER_BEGIN)

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
        batch = MemoryBatch([(key, value, headers)])
        assert partition is not None
        return await self.send_batch(batch, topic, partition=partition)

    def create_batch(self) -> MemoryBatch:
        """Return an empty batch."""
        return MemoryBatch()

    async def send_batch(
        self, batch: MemoryBatch, topic: str, *, partition: int
    ) -> Awaitable[RecordMetadata]:
        """Take a batch; the future resolves with the cluster's acknowledgement."""
        kind, tp = self._kinds[topic], (topic, partition)
        follows = self._last is not None and self._last[0] is kind
        follows = follows and (kind is not _FORWARDED or self._last == (kind, tp))
        self._last = (kind, tp)
        await self._process.come_to(kind.between if follows and kind.between else kind.before)
        loop = asyncio.get_running_loop()
        sent = _Sent(tp, batch, loop.create_future(), self._transaction)
        self._unsent.append(sent)
        loop.call_soon(self._send_unsent)
        await self._process.come_to(kind.after)
        return sent.acknowledged

    async def send_offsets_to_transaction(
        self, offsets: dict[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        """Put source offsets into the transaction."""
        assert self._transaction is not None
        await self._process.come_to(Point.BEFORE_OFFSETS)
        by_tp = {(tp.topic, tp.partition): meta.offset for tp, meta in offsets.items()}
        self._cluster.add_offsets(self._transaction, by_tp)
        await self._process.come_to(Point.AFTER_OFFSETS)

    async def commit_transaction(self) -> None:
        """Commit what has been sent since the beginning."""
        assert self._transaction is not None
        await self._flush()
        await self._process.come_to(Point.BEFORE_COMMIT)
        self._cluster.commit(self._transaction)
        self._transaction = self._last = None

    def unsent(self) -> dict[Tp, int]:
        """Count the batches for each partition that the cluster has not got."""
        counts: dict[Tp, int] = {}
        for sent in self._unsent:
            counts[sent.tp] = counts.get(sent.tp, 0) + 1
        return counts

    def arrive(self, counts: dict[Tp, int]) -> None:
        """Let the first batches for each partition get there though the process is dead."""
        left = dict(counts)
        for sent in self._unsent:
            if left.get(sent.tp, 0) > 0:
                left[sent.tp] -= 1
                with suppress(InvalidProducerEpoch):  # a zombie's; the dead do not hear of it
                    self._append(sent)
        self._unsent.clear()

    async def _flush(self) -> None:
        await self._process.breathe()
        while self._unsent:
            await asyncio.sleep(0)
            await self._process.breathe()

    def _send_unsent(self) -> None:
        if not self._process.is_alive:
            return
        if self._process.is_stalled:
            self._process.when_awake(self._send_unsent)
            return
        unsent, self._unsent = self._unsent, []
        for sent in unsent:
            future = sent.acknowledged
            try:
                offset = self._append(sent)
            except KafkaError as error:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # whoever awaits it is told all the same
            else:
                if not future.done():  # whoever awaited it may have been given up
                    tp = TopicPartition(*sent.tp)
                    future.set_result(RecordMetadata(*sent.tp, tp, offset, 0, 1, 0))

    def _append(self, sent: _Sent) -> int:
        offsets = [
            self._cluster.append(sent.tp, key, value, headers, sent.transaction)
            for key, value, headers in sent.batch.records
        ]
        return offsets[0]


class MemoryConsumer:
    """A consumer without a group that reads committed records, a few at a time."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self._cluster = cluster
        self._process = process
        self._positions: dict[TopicPartition, int] = {}
        self._highwaters: dict[TopicPartition, int] = {}
        self._fruitless = 0

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    def assign(self, tps: Iterable[TopicPartition]) -> None:
        """Choose the partitions."""
        self._positions = dict.fromkeys(tps, 0)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Read from *offset* on."""
        self._positions[tp] = offset

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset of each: nothing expires here."""
        return dict.fromkeys(tps, 0)

    async def getmany(
        self, *tps: TopicPartition, timeout_ms: int
    ) -> dict[TopicPartition, list[ReadRecord]]:
        """Fetch the next records."""
        found = {}
        for tp in tps:
            await self._process.come_to(Point.IN_RECOVERY)
            records, position, highwater = self._cluster.fetch(
                (tp.topic, tp.partition), self._positions[tp], _FETCH_RECORDS
            )
            self._fruitless = 0 if position > self._positions[tp] else self._fruitless + 1
            assert self._fruitless < _PATIENCE or position == highwater, "the end does not come"
            self._positions[tp], self._highwaters[tp] = position, highwater
            if records:
                found[tp] = records
        return found

    async def position(self, tp: TopicPartition) -> int:
        """Return where the next fetch begins."""
        return self._positions[tp]

    def highwater(self, tp: TopicPartition) -> int | None:
        """Return the end of the log as the last fetch had it."""
        return self._highwaters.get(tp)
