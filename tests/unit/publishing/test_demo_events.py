"""The demo's events: real purchases untouched, simulated contacts marked as such."""

from collections import Counter

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec, source_of
from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import SIMULATED_SOURCE, Purchase, TouchpointEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.publishing import cdnow
from ckm_stream.publishing.demo_events import END_S, demo_events
from ckm_stream.publishing.ordering import time_key


@pytest.fixture(scope="module")
def events() -> list[TouchpointEvent]:
    """Give the demo's events of one seed."""
    return list(demo_events(7))


@pytest.fixture(scope="module")
def contacts(events: list[TouchpointEvent]) -> list[TouchpointEvent]:
    """Give the simulated ones."""
    return [each for each in events if each.source == SIMULATED_SOURCE]


def test_all_real_purchases_are_there_unchanged(events: list[TouchpointEvent]) -> None:
    """Nothing real is left out or altered, and no purchase is simulated."""
    purchases = [each for each in events if isinstance(each, Purchase)]

    assert sorted(purchases, key=time_key) == sorted(cdnow.purchases(), key=time_key)


def test_events_come_in_time_order(events: list[TouchpointEvent]) -> None:
    """Real and simulated events are merged into one order."""
    assert events == sorted(events, key=time_key)


def test_contacts_are_of_buyers_after_their_first_purchase(
    events: list[TouchpointEvent], contacts: list[TouchpointEvent]
) -> None:
    """Nobody calls before having bought, or after the data end."""
    first: dict[str, int] = {}
    for each in events:
        if isinstance(each, Purchase):
            first.setdefault(each.customer_id, each.occurred_at)

    assert all(first[each.customer_id] < each.occurred_at for each in contacts)
    assert all(each.occurred_s < END_S for each in contacts)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_contacts_are_three_to_four_per_customer_and_strongly_skewed(seed: int) -> None:
    """A tenth of the customers makes more than two fifths of the contacts."""
    made = Counter(e.customer_id for e in demo_events(seed) if e.source == SIMULATED_SOURCE)
    counts = sorted(made.values(), reverse=True)

    assert 3.0 <= sum(counts) / 2357 <= 4.0
    assert sum(counts[:235]) > 0.4 * sum(counts)


def test_a_seed_says_it_all(events: list[TouchpointEvent]) -> None:
    """The same seed gives the same events; another one other contacts."""
    assert list(demo_events(7)) == events
    assert list(demo_events(8)) != events


def test_all_events_are_valid_and_distinct(events: list[TouchpointEvent]) -> None:
    """Every event passes the worker's checks, survives the wire, and has an id of its own."""
    policy = Policy(landmark_s=cdnow.LANDMARK_S)
    codec = EventCodec(Catalogue.load())

    for each in events:
        key = each.customer_id.encode()
        assert codec.decode(source_of(each), key, codec.encode(each)) == each
        check_event(each, record_timestamp_ms=each.recorded_at // 1000, policy=policy)
    assert len({(each.source, each.event_id) for each in events}) == len(events)


def test_some_contacts_name_who_referred_them(contacts: list[TouchpointEvent]) -> None:
    """Referrals come from customers of the same data."""
    customers = {each.customer_id for each in cdnow.purchases()}
    referrers = {each.referred_by for each in contacts if each.referred_by is not None}

    assert len(referrers) > 50
    assert referrers <= customers
