"""How far the fetches are behind the ends of their partitions."""

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from ckm_stream.streaming.lag import has_fetchable, is_reassigning, unread

CALLS, TICKETS = TP("calls", 0), TP("tickets", 0)


def consumer_with(subscription: object) -> Any:
    """Return a consumer whose thread's client has this subscription."""
    client = SimpleNamespace(_subscription=SimpleNamespace(subscription=subscription))
    return SimpleNamespace(_thread=SimpleNamespace(_ensure_consumer=lambda: client))


def assigned(**states: object) -> SimpleNamespace:
    """Return a subscription with the states of partition 0 of these topics."""
    found = {TP(topic, 0): state for topic, state in states.items()}
    return SimpleNamespace(assignment=SimpleNamespace(state_value=found.get))


def state(position: int | None, highwater: int | None, lso: int | None = None) -> SimpleNamespace:
    """Return a partition's state; *lso* is its last stable offset."""
    return SimpleNamespace(
        has_valid_position=position is not None, position=position, highwater=highwater, lso=lso
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


def test_records_that_are_committed_and_not_fetched_are_fetchable() -> None:
    """In any of the partitions."""
    consumer = consumer_with(assigned(calls=state(4, 4, 4), tickets=state(6, 7, 7)))

    assert has_fetchable(consumer, [CALLS, TICKETS])
    assert not has_fetchable(consumer, [CALLS])


def test_what_an_open_transaction_holds_back_is_not_fetchable() -> None:
    """Nobody may read it yet, however long that takes; nor is what was never fetched from."""
    consumer = consumer_with(assigned(calls=state(4, 9, 4), tickets=state(4, 9, None)))

    assert not has_fetchable(consumer, [CALLS, TICKETS])


def test_a_reassignment_is_told_by_the_client() -> None:
    """From the moment on at which the group begins to share out."""
    consumer = consumer_with(None)
    consumer._thread._ensure_consumer()._subscription.reassignment_in_progress = True

    assert is_reassigning(consumer)
