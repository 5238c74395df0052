"""How far the fetches are behind the ends of their partitions."""

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from ckm_stream.streaming.lag import unread

CALLS, TICKETS = TP("calls", 0), TP("tickets", 0)


def consumer_with(subscription: object) -> Any:
    """Return a consumer whose thread's client has this subscription."""
    client = SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))
    return SimpleNamespace(_thread=SimpleNamespace(_ensure_consumer=lambda: client))


def assigned(**states: object) -> SimpleNamespace:
    """Return a subscription with the states of partition 0 of these topics."""
    found = {TP(topic, 0): state for topic, state in states.items()}
    return SimpleNamespace(assignment=SimpleNamespace(state_value=found.get))


def state(position: int | None, highwater: int | None) -> SimpleNamespace:
    """Return a partition's state."""
    return SimpleNamespace(
        has_valid_position=position is not None, position=position, highwater=highwater
    )


def test_what_lies_between_position_and_end_is_unread() -> None:
    """By partition; a position beyond a stale end is not behind."""
    consumer = consumer_with(assigned(calls=state(4, 10), tickets=state(9, 7)))

    assert unread(consumer, [CALLS, TICKETS]) == [("calls", 0, 6), ("tickets", 0, 0)]


def test_a_partition_without_a_fetch_is_left_out() -> None:
    """Neither where it is nor where it ends is known."""
    consumer = consumer_with(assigned(calls=state(None, 10), tickets=state(3, None)))

    assert unread(consumer, [CALLS, TICKETS, TP("gone", 0)]) == []


def test_without_an_assignment_nothing_is_known() -> None:
    """Before the group has answered, and during a rebalance."""
    for subscription in (None, SimpleNamespace(assignment=None)):
        assert unread(consumer_with(subscription), [CALLS]) == []
