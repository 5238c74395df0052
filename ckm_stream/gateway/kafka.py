"""Consumers of the gateway: without a group, of committed records, of all partitions of a topic."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiokafka
from aiokafka.structs import TopicPartition

from ckm_stream.operations.security import client_options
from ckm_stream.settings import KafkaSettings

_FETCH_WAIT_MS: Final = 500


class WholeTopicConsumer(aiokafka.AIOKafkaConsumer):  # type: ignore[misc] # aiokafka has no types
    """A consumer of all partitions of one topic."""

    async def seek_to_end_of_all(self) -> list[TopicPartition]:
        """Go to the end of every partition; return them in their order."""
        partitions = sorted(self.assignment())
        await self.seek_to_end(*partitions)
        return partitions


@asynccontextmanager
async def consuming(kafka: KafkaSettings, topic: str) -> AsyncGenerator[Any, None]:
    """
    Give a consumer that all partitions of *topic* are assigned to.

    Raises:
        KafkaError: If no broker answers.
    """
    consumer = WholeTopicConsumer(
        bootstrap_servers=kafka.bootstrap_servers,
        client_id="ckm-gateway",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=_FETCH_WAIT_MS,
        request_timeout_ms=int(kafka.request_timeout_s * 1000),
        **client_options(kafka.security),
    )
    try:
        await consumer.start()
        consumer.assign([TopicPartition(topic, number) for number in range(kafka.partitions)])
        yield consumer
    finally:
        await consumer.stop()
