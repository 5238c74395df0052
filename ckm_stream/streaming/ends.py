"""
Read partitions to their ends: changelogs and epochs, of which nothing may be missing.

The end of a read-committed log cannot be told from the last record, because a transaction marker
may be behind it that is never delivered.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from ckm_stream.streaming.fetching import fetch_once

log = structlog.get_logger(__name__)
_STANDSTILL_S: Final = 30.0

#: Builds a consumer without a group that reads committed records from the beginning.
ConsumerFactory = Callable[[], AIOKafkaConsumer]


async def read_to_ends(
    starts: Mapping[TopicPartition, int | None],
    new_consumer: ConsumerFactory,
    take: Callable[[TopicPartition, Sequence[Any]], None],
    *,
    note: Callable[[TopicPartition, int], None] = lambda _tp, _position: None,
    on_remaining: Callable[[int], None] = lambda _remaining: None,
) -> int:
    """
    Hand every record from *starts* to the partitions' ends to *take*; return how many.

    Args:
        starts: The partitions, and the offset that each is read from; None for its beginning.
        new_consumer: Builds the consumer; its own, so that its first fetch tells today's end.
        take: Given the records of one partition, in their order.
        note: Told of each partition's position after each fetch.
        on_remaining: Told how many offsets are still ahead, where the end is known by then.
    """
    count = 0
    consumer = new_consumer()
    try:
        await consumer.start()
        consumer.assign(list(starts))
        for tp, offset in starts.items():
            await _seek(consumer, tp, offset)
        open_tps = set(starts)
        standstill = _Standstill()
        while open_tps:
            async for tp, records in fetch_once(consumer, open_tps, timeout_s=0.02):
                take(tp, records)
                count += len(records)
                standstill.over()
            remaining = 0
            positions = {}
            for tp in tuple(open_tps):
                # Not the last record's offset: a transaction marker ends the log, and only the
                # position moves past it. Nor ListOffsets: the embedded broker answers it with the
                # last batch's first offset + 1. A fetch made after the start tells the end.
                position, end = await consumer.position(tp), consumer.highwater(tp)
                note(tp, position)
                positions[tp] = position
                if end is not None:
                    remaining += max(0, end - position)
                    if position >= end:
                        open_tps.discard(tp)
            on_remaining(remaining)
            standstill.look({tp: positions[tp] for tp in open_tps})
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
    return count


async def _seek(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int | None) -> None:
    beginning = (await consumer.beginning_offsets([tp]))[tp]
    consumer.seek(tp, beginning if offset is None else max(beginning, offset))


class _Standstill:
    """Warns while a recovery that is not at its end reads nothing."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def over(self) -> None:
        """Note that records came."""
        self._since = time.monotonic()

    def look(self, positions: Mapping[TopicPartition, int]) -> None:
        """Warn of what is not read to its end, with the offsets that it stands at."""
        if positions and time.monotonic() - self._since >= _STANDSTILL_S:
            self._since = time.monotonic()
            log.warning(
                "recovery.waits",
                offsets={f"{tp.topic}-{tp.partition}": at for tp, at in positions.items()},
                remedy="if the broker answers, a transaction is open there that nobody will end: "
                "kafka-transactions.sh find-hanging",
            )
