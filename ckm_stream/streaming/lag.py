"""How far a consumer's fetches are behind the end of their partitions, and where they stand."""

from collections.abc import Iterable, Iterator
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
    return [
        (tp.topic, tp.partition, max(0, state.highwater - state.position))
        for tp, state in _fetched(consumer, tps)
    ]


def has_fetchable(consumer: ConsumerT, tps: Iterable[TP]) -> bool:
    """Tell whether a partition holds committed records behind the fetch position."""
    # The last stable offset is as far as a reader of committed records gets: an open transaction
    # of somebody else's may keep it in front of the end for as long as it pleases.
    return any(
        state.lso is not None and min(state.lso, state.highwater) > state.position
        for _, state in _fetched(consumer, tps)
    )


def is_reassigning(consumer: ConsumerT) -> bool:
    """Tell whether the group is sharing out its partitions."""
    return bool(_subscriptions(consumer).reassignment_in_progress)


def _fetched(consumer: ConsumerT, tps: Iterable[TP]) -> Iterator[tuple[TP, Any]]:
    subscription = _subscriptions(consumer).subscription
    if subscription is None or subscription.assignment is None:
        return
    for tp in tps:
        state = subscription.assignment.state_value(TopicPartition(tp.topic, tp.partition))
        if state is not None and state.has_valid_position and state.highwater is not None:
            yield tp, state


def _subscriptions(consumer: ConsumerT) -> Any:
    thread: Any = consumer._thread  # type: ignore[attr-defined] # noqa: SLF001 -- Faust shows no position without a round trip through its thread
    return thread._ensure_consumer()._subscription  # noqa: SLF001 -- likewise
