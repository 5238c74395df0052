"""Time order by external merge sort: the same as sorting in memory, without the memory."""

from collections.abc import Iterator

import pytest

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.ordering import in_time_order, time_key
from ckm_stream.simulation.customers import SimulationPlan, simulate


@pytest.fixture(scope="module")
def events() -> list[TouchpointEvent]:
    """Give some hundred events, customer by customer."""
    plan = SimulationPlan(customers=40, seed=2)
    return [event for customer in simulate(plan) for event in customer.events]


@pytest.mark.parametrize("run_length", [1, 7, 100, 10**6])
def test_any_run_length_gives_the_order_of_a_plain_sort(
    events: list[TouchpointEvent], run_length: int
) -> None:
    """Events that went through files are equal to those that went in."""
    some = events[:60] if run_length == 1 else events

    assert list(in_time_order(some, run_length=run_length)) == sorted(some, key=time_key)


def test_no_events_give_none() -> None:
    """An empty source is an empty result."""
    assert list(in_time_order([])) == []


def test_the_source_is_read_one_run_at_a_time(events: list[TouchpointEvent]) -> None:
    """Merging starts only after the last event, and an early stop leaves no file open."""
    read = 0

    def counted() -> Iterator[TouchpointEvent]:
        nonlocal read
        for event in events:
            read += 1
            yield event

    ordered = in_time_order(counted(), run_length=50)
    first = next(ordered)
    ordered.close()  # type: ignore[attr-defined]  # it is a generator

    assert read == len(events)
    assert first == min(events, key=time_key)
