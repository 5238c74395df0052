"""Sending records in prebuilt batches: 0.5 µs a record where a producer's ``send`` takes 11."""

from collections import defaultdict
from collections.abc import Awaitable
from typing import Any

from aiokafka import AIOKafkaProducer

from ckm_stream.errors import InvariantError
from ckm_stream.pipeline.records import OutputRecord


async def send_batches(
    producer: AIOKafkaProducer, partition: int, records: list[OutputRecord]
) -> list[Awaitable[Any]]:
    """Send records of one topic to one partition; the futures resolve when they are durable."""
    return [
        await producer.send_batch(batch, records[0].topic, partition=partition)
        for batch in _batches(producer, records)
    ]


async def send_forwarded(
    producer: AIOKafkaProducer, records: list[OutputRecord]
) -> list[Awaitable[Any]]:
    """
    Send forwarded events, in batches per target partition.

    Receivers take an origin's order for granted. So a batch is acknowledged before the next one
    for its partition is sent: none can get there without those before it.
    """
    targets: defaultdict[tuple[str, int | None], list[OutputRecord]] = defaultdict(list)
    for record in records:
        targets[record.topic, record.partition].append(record)
    futures = []
    for (topic, partition), group in targets.items():
        *early, last = _batches(producer, group)
        for batch in early:
            await (await producer.send_batch(batch, topic, partition=partition))
        futures.append(await producer.send_batch(last, topic, partition=partition))
    return futures


def _batches(producer: AIOKafkaProducer, records: list[OutputRecord]) -> list[Any]:
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


def _append(batch: Any, record: OutputRecord) -> bool:
    taken = batch.append(
        key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
    )
    return taken is not None
