"""Laws of the state: whatever the order, the batches, the repeats and the restarts, same bytes."""

from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.domain.events import ProfileEvent
from ckm_stream.domain.facts import Facts, add_event, merge
from ckm_stream.domain.profile import Delivery, ProfileState, apply_event
from ckm_stream.domain.seen import merge_seen
from tests.support.touchpoints import POLICY, T0_S, histories, order


def state_of(history: list[ProfileEvent]) -> ProfileState:
    """Apply the events, in their order."""
    state = ProfileState.empty(3)
    for event in history:
        apply_event(state, event, POLICY)
    return state


def facts_of(history: list[ProfileEvent]) -> Facts:
    """Fold the events, in their order."""
    facts = Facts.empty()
    for event in history:
        add_event(facts, event, POLICY)
    return facts


def bytes_of(facts: Facts) -> bytes:
    """Encode facts alone."""
    return encode_state(ProfileState(facts, b"", Delivery.empty(0)), POLICY)


@given(histories(), st.data())
def test_any_order_of_the_same_events_gives_the_same_bytes(
    history: list[ProfileEvent], data: Any
) -> None:
    """Permutation invariance of facts and seen, to the byte."""
    shuffled = data.draw(st.permutations(history))

    assert encode_state(state_of(shuffled), POLICY) == encode_state(state_of(history), POLICY)
    assert state_of(shuffled) == state_of(history)


@settings(max_examples=250)
@given(histories(6), st.randoms(use_true_random=False))
def test_a_thousand_permutations_of_up_to_six_events_give_one_profile(
    history: list[ProfileEvent], chance: Random
) -> None:
    """Promise P9, in the small: the order in which few events come is nowhere in the state."""
    expected = encode_state(state_of(history), POLICY)

    for _ in range(4):
        shuffled = chance.sample(history, len(history))
        assert encode_state(state_of(shuffled), POLICY) == expected


def test_control_without_seen_ids_a_repeated_event_changes_the_profile() -> None:
    """One id is remembered, and the copy comes behind another event: it counts twice."""
    forgetful = replace(POLICY, seen_capacity=1)
    first, second = order("a", T0_S), order("b", T0_S + 1)
    once, twice = ProfileState.empty(3), ProfileState.empty(3)
    for event in (first, second):
        apply_event(once, event, forgetful)

    applied = [apply_event(twice, event, forgetful) for event in (first, second, first)]

    assert applied == [True, True, True]
    assert bytes_of(twice.facts) != bytes_of(once.facts)


@given(histories(), st.data())
def test_a_redelivered_event_changes_nothing(history: list[ProfileEvent], data: Any) -> None:
    """Duplicates, anywhere later in the stream, are applied once."""
    again = data.draw(st.lists(st.sampled_from(history), max_size=5)) if history else []
    once = state_of(history)
    before = encode_state(once, POLICY)

    applied = [apply_event(once, event, POLICY) for event in again]

    assert applied == [False] * len(again)
    assert encode_state(once, POLICY) == before


@given(histories(), st.data())
def test_merging_is_replaying_the_union(history: list[ProfileEvent], data: Any) -> None:
    """merge(A, B) is the state of A and B together, however the events are split and merged."""
    cut = data.draw(st.integers(0, len(history)))
    left, right = facts_of(history[:cut]), facts_of(history[cut:])

    assert bytes_of(merge(left, right)) == bytes_of(facts_of(history))
    assert bytes_of(merge(right, left)) == bytes_of(facts_of(history))
    assert (left, right) == (facts_of(history[:cut]), facts_of(history[cut:]))


@given(histories(6), histories(6), histories(6))
def test_merging_is_associative_and_the_empty_state_is_neutral(
    a: list[ProfileEvent], b: list[ProfileEvent], c: list[ProfileEvent]
) -> None:
    """Which two of three are merged first does not matter, and merging nothing changes nothing."""
    left, middle, right = facts_of(a), facts_of(b), facts_of(c)

    one_way = merge(merge(left, middle), right)
    other_way = merge(left, merge(middle, right))

    assert bytes_of(one_way) == bytes_of(other_way)
    assert merge(left, Facts.empty()) == left == merge(Facts.empty(), left)


@given(histories(), st.integers(0, 12))
def test_what_is_seen_merges_like_the_facts(history: list[ProfileEvent], cut: int) -> None:
    """The newest ids of both halves are the newest ids of the whole."""
    halves = merge_seen(
        state_of(history[:cut]).seen, state_of(history[cut:]).seen, POLICY.seen_capacity
    )

    assert halves == state_of(history).seen


@given(histories(), st.sets(st.integers(0, 12)))
def test_a_checkpoint_and_restore_anywhere_is_none(
    history: list[ProfileEvent], restarts: set[int]
) -> None:
    """A process that stops after any events and restores its state ends with the same bytes."""
    state = ProfileState.empty(3)
    for place, event in enumerate(history):
        apply_event(state, event, POLICY)
        if place in restarts:
            state = decode_state(encode_state(state, POLICY), POLICY)

    assert state == state_of(history)
    assert encode_state(state, POLICY) == encode_state(state_of(history), POLICY)
