"""How far a consumer's fetches are behind the end of their partitions."""

from collections.abc import Iterable
from typing import Any

from aiokafka.structs import TopicPartition
from faust.types import TP
from faust.types.transports import ConsumerT


def unread(consumer: ConsumerT, tps: Iterable[TP]) -> list[tuple[str, int, int]]:
    """
    Return (topic, partition, offsets between the fetch position and the end) of each partition.

    Partitions that have not been fetched from yet are left out. Works with either transport: both
    have an aiokafka consumer in a thread.
    """
    thread: Any = consumer._thread  # type: ignore[attr-defined] # noqa: SLF001 -- Faust shows no position without a round trip through its thread
    subscription = thread._ensure_consumer()._subscription.subscription  # noqa: SLF001
    if subscription is None or subscription.assignment is None:
        return []
    found = []
    for tp in tps:
        state = subscription.assignment.state_value(TopicPartition(tp.topic, tp.partition))
        if state is not None and state.has_valid_position and state.highwater is not None:
            found.append((tp.topic, tp.partition, max(0, state.highwater - state.position)))
    return found
