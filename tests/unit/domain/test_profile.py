"""Applying events to a profile's state."""

import copy

from ckm_stream.domain.events import MICROS, CallOutcome, ProfileEvent
from ckm_stream.domain.profile import Delivery, ProfileState, apply_event
from ckm_stream.domain.sketch import network_id
from tests.support.touchpoints import POLICY, T0_S, approach, order, referral


def test_an_empty_state_has_seen_and_announced_nothing() -> None:
    """Offsets are -1 for the six sources."""
    state = ProfileState.empty(7)

    assert state.last_occurred_at == -1
    assert state.delivery == Delivery(
        version=0,
        partition=7,
        applied=[-1] * 6,
        announced_class=None,
        announced_total=None,
        announced_as_of=None,
    )


def test_an_applied_event_is_folded_and_remembered() -> None:
    """True, newer time, other facts; delivery is the caller's."""
    state = ProfileState.empty(0)

    assert apply_event(state, order(), POLICY)

    assert state.last_occurred_at == T0_S * MICROS
    assert state.facts != ProfileState.empty(0).facts
    assert state.delivery == Delivery.empty(0)


def test_a_duplicate_changes_nothing() -> None:
    """False, and the state is as before."""
    state = ProfileState.empty(0)
    apply_event(state, order(), POLICY)
    before = copy.deepcopy(state)

    assert not apply_event(state, order(), POLICY)

    assert state == before


def test_states_share_no_offsets() -> None:
    """Each has a list of its own."""
    one, other = ProfileState.empty(0), ProfileState.empty(0)

    one.delivery.applied[0] = 5

    assert other.delivery.applied[0] == -1


def test_the_first_to_be_named_sent_the_customer() -> None:
    """By event time, of two at once the lesser id; a refusal names nobody, nor does oneself."""
    events: list[ProfileEvent] = [
        order("o1", T0_S, referred_by="late"),
        order("o2", T0_S - 9, referred_by="early"),
        approach(CallOutcome.DECLINED, "c1", T0_S - 20, referred_by="never"),
        order("o3", T0_S - 30, referred_by="c-1"),
    ]
    one, other = ProfileState.empty(0), ProfileState.empty(0)
    for event in events:
        apply_event(one, event, POLICY)
    for event in reversed(events):
        apply_event(other, event, POLICY)

    assert one.facts.referrer == other.facts.referrer == (T0_S - 9, network_id("early"))


def test_a_customer_is_part_of_the_network_once_somebody_came() -> None:
    """Under an id that is the same whoever asks for it."""
    state = ProfileState.empty(0)
    apply_event(state, order(), POLICY)
    assert state.facts.network_id == 0

    apply_event(state, referral(), POLICY)
    assert state.facts.network_id == network_id("c-1")
