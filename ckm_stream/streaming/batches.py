"""
Sending records in prebuilt batches: a fraction of a microsecond a record where ``send`` takes 11.

Who builds them is a ``Packing``: aiokafka's builder here, compiled code in ``streaming.packing``.
"""

from collections import defaultdict
from collections.abc import Awaitable
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from ckm_stream import native
from ckm_stream.errors import InvariantError
from ckm_stream.pipeline.records import Headers, OutputRecord
from ckm_stream.settings import CoreKind

Targets = dict[tuple[str, int | None], list[OutputRecord]]


class Packing(Protocol):
    """How records become batches that a producer sends."""

    def pack_outputs(self, producer: AIOKafkaProducer, records: list[OutputRecord]) -> list[Any]:
        """Return the closed batches of records of one target."""

    def pack_entries(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        entries: list[tuple[bytes, bytes]],
        headers: Headers,
    ) -> list[Any]:
        """Return the closed batches of a changelog's entries, each with *headers*."""

    def by_target(self, records: list[OutputRecord]) -> Targets:
        """Return the records of each topic and partition, in their order."""


class StockPacking:
    """Batches of aiokafka's builder."""

    def pack_outputs(self, producer: AIOKafkaProducer, records: list[OutputRecord]) -> list[Any]:
        """
        Return the batches of records of one target.

        Raises:
            InvariantError: If a record does not fit into an empty batch.
        """
        batches: list[Any] = []
        for record in records:
            if not batches or not _append(batches[-1], record):
                batches.append(producer.create_batch())
                if not _append(batches[-1], record):
                    raise InvariantError(
                        f"a record for {record.topic} does not fit into an empty batch"
                    )
        for batch in batches:
            batch.close()
        return batches

    def pack_entries(
        self,
        producer: AIOKafkaProducer,
        topic: str,
        entries: list[tuple[bytes, bytes]],
        headers: Headers,
    ) -> list[Any]:
        """Return the batches of a changelog's entries, each with *headers*; likewise."""
        records = [OutputRecord(topic, None, key, value, headers) for key, value in entries]
        return self.pack_outputs(producer, records)

    def by_target(self, records: list[OutputRecord]) -> Targets:
        """Return the records of each topic and partition, in their order."""
        targets: Targets = defaultdict(list)
        for record in records:
            targets[record.topic, record.partition].append(record)
        return targets


def packing_of(wanted: CoreKind) -> Packing:
    """Return the packing that goes with a core."""
    if wanted is CoreKind.PYTHON or not native.is_built():
        return StockPacking()
    from ckm_stream.streaming.packing import (  # noqa: PLC0415 -- it needs the compiled core
        CompiledPacking,
    )

    return CompiledPacking()


async def send_batches(
    producer: AIOKafkaProducer, topic: str, partition: int | None, batches: list[Any]
) -> list[Awaitable[Any]]:
    """Send *batches* to one partition; the futures resolve when they are durable."""
    return [await producer.send_batch(batch, topic, partition=partition) for batch in batches]


async def send_forwarded(
    producer: AIOKafkaProducer, packing: Packing, records: list[OutputRecord]
) -> list[Awaitable[Any]]:
    """
    Send forwarded events, in batches per target partition.

    Receivers take an origin's order for granted. So a batch is acknowledged before the next one
    for its partition is sent: none can get there without those before it.
    """
    futures = []
    for (topic, partition), group in packing.by_target(records).items():
        *early, last = packing.pack_outputs(producer, group)
        for batch in early:
            await (await producer.send_batch(batch, topic, partition=partition))
        futures.append(await producer.send_batch(last, topic, partition=partition))
    return futures


def _append(batch: Any, record: OutputRecord) -> bool:
    taken = batch.append(
        key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
    )
    return taken is not None
