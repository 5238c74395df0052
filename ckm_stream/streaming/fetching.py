"""
Reading what was fetched, whichever consumer fetched it: aiokafka's, or one that hands over batches.

The latter is there with the compiled core alone; see ``streaming.batch_consumer``.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

import aiokafka
from aiokafka.structs import TopicPartition

from ckm_stream import native
from ckm_stream.settings import CoreKind

# 2 ms between two looks at the sockets, while the broker's next answer comes in.
_RECORDS_AT_ONCE: Final = 2_000


def consumer_class(wanted: CoreKind) -> type[aiokafka.AIOKafkaConsumer]:
    """Return the kind of consumer that goes with a core."""
    if wanted is CoreKind.PYTHON or not native.is_built():
        return aiokafka.AIOKafkaConsumer  # type: ignore[no-any-return] # it has no types
    from ckm_stream.streaming.batch_consumer import (  # noqa: PLC0415 -- it needs the compiled core
        BatchConsumer,
    )

    return BatchConsumer


async def fetch_once(
    consumer: aiokafka.AIOKafkaConsumer, partitions: Collection[TopicPartition], *, timeout_s: float
) -> AsyncIterator[tuple[TopicPartition, Sequence[Any]]]:
    """
    Yield the records of the next fetch, in portions of one partition; the positions are behind all.

    Raises:
        KafkaError: If they cannot be fetched, or are corrupt.
    """
    fetched_readers = getattr(consumer, "fetched_readers", None)
    if fetched_readers is None:
        fetched = await consumer.getmany(*partitions, timeout_ms=int(timeout_s * 1000))
        for tp, records in fetched.items():
            yield tp, records
        return
    for tp, reader in (await fetched_readers(*partitions, timeout_s=timeout_s)).items():
        while records := reader.take(_RECORDS_AT_ONCE):
            yield tp, records
            await asyncio.sleep(0)
