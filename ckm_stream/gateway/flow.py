"""
How much flows, for the whole cluster: from the ends of the topics, looked at every few seconds.

A gateway sees only what is published through it; the topics' ends tell of every channel.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ckm_stream.gateway.kafka import consuming
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import KafkaSettings

log = structlog.get_logger(__name__)

#: Seconds between two looks: the rates are of so long.
SAMPLE_S: Final = 4.0


class TopicFlow(msgspec.Struct, frozen=True):
    """Records ever written to a topic, and how many a second lately; None after one look."""

    topic: str
    records: int
    per_s: float | None


class _Sample(msgspec.Struct, frozen=True):
    at_s: float
    ends: dict[str, int]


class FlowMeter:
    """
    Looks at the topics' ends.

    Args:
        kafka: The cluster.
        topics: Physical names; each has the partitions that the first one has.
        broker: Told of every answer and refusal.
        monotonic: The clock, in seconds.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: Sequence[str],
        *,
        broker: Contact,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._broker = broker
        self._monotonic = monotonic
        self._before: _Sample | None = None
        self._last: _Sample | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self._look_on()
            except KafkaError as error:
                self._broker.refused(type(error).__name__)
                self._before = self._last = None
            await asyncio.sleep(SAMPLE_S)

    def flows(self) -> list[TopicFlow] | None:
        """Return the flow of each topic; None while the broker does not answer."""
        last, before = self._last, self._before
        if last is None:
            return None
        return [
            TopicFlow(topic, end, _rate(topic, before, last)) for topic, end in last.ends.items()
        ]

    async def _look_on(self) -> None:
        async with consuming(self._kafka, self._topics[0]) as consumer:
            while True:
                partitions = [
                    TopicPartition(topic, tp.partition)
                    for topic in self._topics
                    for tp in sorted(consumer.assignment())
                ]
                ends = await consumer.end_offsets(partitions)
                self._broker.answered()
                self._before, self._last = self._last, self._sum(ends)
                await asyncio.sleep(SAMPLE_S)

    def _sum(self, ends: dict[Any, int]) -> _Sample:
        by_topic = groupby(sorted(ends), key=lambda tp: tp.topic)
        sums = {topic: sum(ends[tp] for tp in tps) for topic, tps in by_topic}
        return _Sample(self._monotonic(), {topic: sums[topic] for topic in self._topics})


def _rate(topic: str, before: _Sample | None, last: _Sample) -> float | None:
    if before is None or last.at_s <= before.at_s:
        return None
    return max(0.0, (last.ends[topic] - before.ends[topic]) / (last.at_s - before.at_s))
