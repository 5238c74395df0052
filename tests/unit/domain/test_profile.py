"""Applying events to a profile's state."""

import copy

from ckm_stream.domain.events import MICROS
from ckm_stream.domain.profile import Delivery, ProfileState, apply_event
from tests.support.touchpoints import POLICY, T0_S, order


def test_an_empty_state_has_seen_and_announced_nothing() -> None:
    """Offsets are -1 for the five sources."""
    state = ProfileState.empty(7)

    assert state.last_occurred_at == -1
    assert state.delivery == Delivery(
        version=0,
        partition=7,
        applied=[-1] * 5,
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
