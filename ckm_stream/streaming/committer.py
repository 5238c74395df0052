"""
Making a unit's effects durable: steps 4 to 7 of the profile worker's protocol, twice.

``ExactlyOnce`` writes them as one Kafka transaction per unit, with one transactional producer per
partition whose id a successor takes over, so that a zombie is fenced (KIP-98). ``AtLeastOnce``
orders them by awaited acknowledgements: what an event causes whatever the state is, then the state,
then the updates that tell of it. So a record whose state is durable has caused all it causes, and
every update tells of a durable state (docs/adr/0003-two-guarantees.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    KafkaError,
    KafkaTimeoutError,
    ProducerFenced,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import OffsetAndMetadata, RecordMetadata, TopicPartition

from ckm_stream.errors import FencedError, InvariantError, TransientError
from ckm_stream.pipeline.records import Effects, Headers, OutputRecord
from ckm_stream.streaming.batches import Packing, StockPacking, send_batches, send_forwarded
from ckm_stream.streaming.last_unit import mark_of
from ckm_stream.streaming.refusals import refusals
from ckm_stream.streaming.stopping import stop_all

log = structlog.get_logger(__name__)

#: Builds a producer; the argument is the transactional id, or None.
ProducerFactory = Callable[[str | None], AIOKafkaProducer]
#: Tells the changelog topic of a table.
ChangelogTopics = Mapping[str, str]
T = TypeVar("T")
_STOCK: Final = StockPacking()
_FENCED = (ProducerFenced, InvalidProducerEpoch, InvalidProducerIdMapping)


class Committer(Protocol):
    """How one unit's effects become durable."""

    async def open(self, partitions: Iterable[int]) -> None:
        """Become the only writer of *partitions*, as far as the guarantee goes."""

    async def commit(self, effects: Effects) -> dict[str, int]:
        """Write everything; return the next changelog offset of each table written."""

    async def close(self, *, grace_s: float) -> None:
        """
        Let go of all partitions, within *grace_s* seconds.

        Raises:
            TransientError: If something could still be written that nothing fences.
        """


class ExactlyOnce:
    """One transaction per unit; the source offsets are part of it."""

    def __init__(
        self,
        producer: ProducerFactory,
        *,
        application_id: str,
        group_id: str,
        changelog_topics: ChangelogTopics,
        packing: Packing = _STOCK,
    ) -> None:
        self._producer = producer
        self._packing = packing
        self._application_id = application_id
        self._group_id = group_id
        self._changelog_topics = changelog_topics
        self._producers: dict[int, AIOKafkaProducer] = {}

    async def open(self, partitions: Iterable[int]) -> None:
        """Fence the previous owners and abort what they left open (InitProducerId)."""
        opened = {p: self._producer(self._transactional_id(p)) for p in partitions}
        self._producers.update(opened)
        await asyncio.gather(*(producer.start() for producer in opened.values()))

    async def commit(self, effects: Effects) -> dict[str, int]:
        """
        Write one unit as one transaction.

        Raises:
            FencedError: If another worker owns the partition; nothing of the unit is visible.
            ConfigurationError: If a topic does not take what is written; likewise.
            TransactionalIdAuthorizationFailed: If the right was taken away; it names the id.
        """
        producer = self._producers[effects.partition]
        try:
            with refusals(effects), _background_failures(producer):
                await producer.begin_transaction()
                packing = self._packing
                updates = await _send_updates(producer, effects, packing)
                outputs = await _send_outputs(producer, effects, packing)  # steps 4 and 5
                changelog = await _send_changelog(
                    producer, effects, self._changelog_topics, (), packing
                )  # step 6
                # Side by side: the transaction is committed once all of it is acknowledged.
                next_offsets, _, _ = await asyncio.gather(
                    _next_offsets(changelog),
                    _acknowledged([*updates, *outputs]),
                    self._send_offsets(producer, effects),  # step 7
                )
                await producer.commit_transaction()
        except _FENCED as error:
            raise FencedError(
                f"partition {effects.partition} belongs to another worker now "
                f"({type(error).__name__}); this one leaves, nothing was written"
            ) from error
        except TransactionalIdAuthorizationFailed as error:
            # The answer to a batch does not say whose right it is, unlike that to a request.
            raise TransactionalIdAuthorizationFailed(
                self._transactional_id(effects.partition)
            ) from error
        except KafkaError as error:
            raise TransientError(
                f"the transaction of partition {effects.partition} did not end "
                f"({type(error).__name__}); this worker leaves, its successor does the work again"
            ) from error
        return next_offsets

    async def _send_offsets(self, producer: AIOKafkaProducer, effects: Effects) -> None:
        if effects.offsets:  # none if it only announces again
            await producer.send_offsets_to_transaction(
                {
                    TopicPartition(topic, effects.partition): OffsetAndMetadata(offset, "")
                    for topic, offset in effects.offsets.items()
                },
                self._group_id,
            )

    async def close(self, *, grace_s: float) -> None:
        """Stop the producers; a transaction that is still open is aborted by its successor."""
        producers, self._producers = self._producers, {}
        await stop_all(producers.values(), grace_s)

    def _transactional_id(self, partition: int) -> str:
        return f"{self._application_id}-{partition}"


class AtLeastOnce:
    """Outputs before changelog before updates before offset, awaited; one producer for all."""

    def __init__(
        self,
        producer: ProducerFactory,
        *,
        changelog_topics: ChangelogTopics,
        packing: Packing = _STOCK,
        retry_s: float = 1.0,
    ) -> None:
        self._producer = producer
        self._packing = packing
        self._changelog_topics = changelog_topics
        self._retry_s = retry_s
        self._shared: AIOKafkaProducer | None = None

    async def open(self, partitions: Iterable[int]) -> None:
        """Start the producer; a zombie is not fenced under this guarantee."""
        if self._shared is None:
            self._shared = self._producer(None)
            await self._shared.start()

    async def commit(self, effects: Effects) -> dict[str, int]:
        """
        Write one unit in order; what the broker cannot take for now is tried again in place.

        Raises:
            ConfigurationError: If a topic does not take what is written to it.
        """
        if self._shared is None:
            raise InvariantError("a unit was committed before its committer was opened")
        producer, packing = self._shared, self._packing

        async def outputs() -> None:  # steps 4 and 5
            await _acknowledged(await _send_outputs(producer, effects, packing))

        async def changelog() -> dict[str, int]:  # step 6
            sent = await _send_changelog(
                producer, effects, self._changelog_topics, mark_of(effects.offsets), packing
            )
            return await _next_offsets(sent)

        async def updates() -> None:  # the rest of step 5
            await _acknowledged(await _send_updates(producer, effects, packing))

        with refusals(effects):
            await self._until_durable(outputs, effects.partition)
            next_offsets: dict[str, int] = await self._until_durable(changelog, effects.partition)
            await self._until_durable(updates, effects.partition)
        return next_offsets

    async def close(self, *, grace_s: float) -> None:
        """
        Stop the producer.

        Raises:
            TransientError: If it could not be emptied in time. Nothing fences it, so what it sends
                later could put an old state behind a successor's: the process has to end.
        """
        if self._shared is not None:
            shared, self._shared = self._shared, None
            if not await stop_all([shared], grace_s):
                raise TransientError(
                    f"the broker has not taken everything within {grace_s:g} s; "
                    "this worker leaves, its successor does the work again"
                )

    async def _until_durable(self, step: Callable[[], Awaitable[T]], partition: int) -> T:
        while True:
            try:
                return await step()
            except KafkaError as error:
                if not (error.retriable or isinstance(error, KafkaTimeoutError)):
                    raise
                log.warning("commit.retry", partition=partition, error=type(error).__name__)
                await asyncio.sleep(self._retry_s)


@contextmanager
def _background_failures(producer: AIOKafkaProducer) -> Iterator[None]:
    """Raise what has ended the transaction; aiokafka's next call says only that there is none."""
    try:
        yield
    except IllegalOperation as error:
        failed = producer._txn_manager.wait_for_transaction_end()  # noqa: SLF001 -- no public way to it
        raise failed.exception() from error


async def _send_outputs(
    producer: AIOKafkaProducer, effects: Effects, packing: Packing = _STOCK
) -> list[Awaitable[Any]]:
    """
    Start steps 4 and 5 but for the updates: what is the same whatever the states are.

    The futures resolve with the broker's acknowledgement.
    """
    futures: list[Awaitable[Any]] = [
        await producer.send(
            record.topic,
            record.value,
            key=record.key,
            partition=record.partition,
            headers=list(record.headers),
        )
        for record in effects.dead_letters
    ]
    futures.extend(await send_forwarded(producer, packing, effects.forwarded))
    futures.extend(await _send(producer, packing, effects.partition, effects.items))
    return futures


async def _send_updates(
    producer: AIOKafkaProducer, effects: Effects, packing: Packing = _STOCK
) -> list[Awaitable[Any]]:
    """Start the updates' part of step 5: what tells of the states."""
    return await _send(producer, packing, effects.partition, effects.updates)


async def _send(
    producer: AIOKafkaProducer, packing: Packing, partition: int, records: list[OutputRecord]
) -> list[Awaitable[Any]]:
    if not records:
        return []
    batches = packing.pack_outputs(producer, records)
    return await send_batches(producer, records[0].topic, partition, batches)


async def _send_changelog(
    producer: AIOKafkaProducer,
    effects: Effects,
    topics: ChangelogTopics,
    mark: Headers = (),
    packing: Packing = _STOCK,
) -> dict[str, list[Awaitable[Any]]]:
    """Start step 6: the state of each changed key, once."""
    return {
        table: await send_batches(
            producer,
            topics[table],
            effects.partition,
            packing.pack_entries(producer, topics[table], entries, mark),
        )
        for table, entries in effects.changelog.items()
        if entries
    }


async def _acknowledged(futures: Iterable[Awaitable[Any]]) -> None:
    await asyncio.gather(*futures)


async def _next_offsets(sent: Mapping[str, list[Awaitable[Any]]]) -> dict[str, int]:
    """
    Await the changelog's acknowledgements.

    A batch is acknowledged with its first offset, so this is a lower bound of the next one; a
    recovery that starts there reads some records again, which changes nothing.
    """
    next_offsets = {}
    for table, futures in sent.items():
        acknowledged: list[RecordMetadata] = await asyncio.gather(*futures)
        next_offsets[table] = max(metadata.offset for metadata in acknowledged)
    return next_offsets
