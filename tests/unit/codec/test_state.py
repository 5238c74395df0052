"""State ↔ bytes: round trips, canonical form and refusals; see also tests/contract/test_layouts."""

from dataclasses import replace

import msgspec
import pytest

from ckm_stream.codec.layouts import LAYOUTS
from ckm_stream.codec.state import (
    decode_employee,
    decode_state,
    encode_employee,
    encode_state,
)
from ckm_stream.domain.choices import HalfLives
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import (
    Purpose,
)
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import ConfigurationError, InvariantError
from tests.support.golden_states import events_of_every_kind
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    WEEK_S,
    call,
    contact,
    feedback,
    order,
    refund,
)


def sample_state() -> ProfileState:
    """Return a state that has been announced."""
    state = ProfileState.empty(11)
    for event in events_of_every_kind():
        apply_event(state, event, POLICY)
    state.delivery.version = 9
    state.delivery.applied = [1, 20, 300, 70_000, -1, -1]
    state.delivery.announced_class = SourceClass.WILLING_SCOUT
    state.delivery.announced_total = 0.4375
    state.delivery.announced_as_of = state.last_occurred_at
    return state


def sample_employee() -> EmployeeState:
    """Return an employee with two contacts."""
    state = EmployeeState.empty(2)
    apply_employee_event(state, contact("a", T0_S - WEEK_S, note_usable=False), POLICY)
    apply_employee_event(state, contact("b", T0_S), POLICY)
    state.delivery.version = 2
    state.delivery.applied = [5]
    return state


def test_empty_states_survive_and_are_small() -> None:
    """Empty parts take a byte or two each."""
    state, employee = ProfileState.empty(0), EmployeeState.empty(0)

    assert decode_state(encode_state(state, POLICY), POLICY) == state
    assert decode_employee(encode_employee(employee, POLICY), POLICY) == employee
    assert len(encode_state(state, POLICY)) < 70


def test_a_decoded_state_goes_on_like_the_original() -> None:
    """Nothing that folding relies on is lost: slots never touched before are free to use."""
    original = ProfileState.empty(0)
    apply_event(original, order("one", T0_S), POLICY)
    restored = decode_state(encode_state(original, POLICY), POLICY)

    for state in (original, restored):
        apply_event(state, feedback("two", T0_S + 5), POLICY)

    assert restored == original


def test_sums_of_many_years_survive() -> None:
    """Ten years of 4-week half-lives span 130 bits and more: longer than two limbs."""
    state = ProfileState.empty(0)
    for year in range(12):
        apply_event(state, order(f"o{year}", T0_S + year * 52 * WEEK_S), POLICY)
        apply_event(state, refund(f"r{year}", T0_S + year * 52 * WEEK_S, amount=20_000), POLICY)

    assert min(state.facts.sums.values()) < 0
    assert max(each.bit_length() for each in state.facts.sums.values()) > 200
    assert decode_state(encode_state(state, POLICY), POLICY) == state


@pytest.mark.parametrize("days", [1, 40, 41, 300])
def test_days_survive_as_gaps_and_as_a_bitmap(days: int) -> None:
    """A daily caller takes a bitmap, not a list of gaps."""
    state = ProfileState.empty(0)
    for day in range(days):
        event = call(f"c{day}", T0_S + day * DAY_S, purpose=Purpose.QUESTION)
        apply_event(state, event, POLICY)

    data = encode_state(state, POLICY)

    assert decode_state(data, POLICY) == state
    assert len(data) < 1_400


def test_zero_bits_below_all_sums_are_not_stored() -> None:
    """The same history 30 years later takes at most a few bytes more."""
    sizes = []
    for shift_s in (0, 30 * 52 * WEEK_S):
        state = ProfileState.empty(0)
        for event in events_of_every_kind():
            later = msgspec.structs.replace(
                event,
                occurred_at=event.occurred_at + shift_s * 1_000_000,
                recorded_at=event.recorded_at + shift_s * 1_000_000,
            )
            apply_event(state, later, POLICY)
        sizes.append(len(encode_state(state, POLICY)))

    assert sizes[1] - sizes[0] < 20


def test_a_state_of_another_policy_is_refused() -> None:
    """Its sums would be read with other half-lives; the message names the remedy."""
    other = replace(POLICY, half_lives=HalfLives(trust=60 * WEEK_S))

    with pytest.raises(ConfigurationError, match="CKM__SCORING"):
        decode_state(encode_state(sample_state(), POLICY), other)
    with pytest.raises(ConfigurationError, match="CKM__SCORING"):
        decode_employee(encode_employee(sample_employee(), POLICY), other)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_truncated_state_is_an_invariant_broken(layout: int) -> None:
    """The changelog never holds half a state: something is badly wrong."""
    data = encode_state(sample_state(), POLICY, layout=layout)

    for length in range(len(data)):
        with pytest.raises(InvariantError, match="not a"):
            decode_state(data[:length], POLICY)


@pytest.mark.parametrize("data", [b"", b"\x00", b"hello", msgspec.msgpack.encode(["1", b"x"])])
def test_bytes_that_are_no_state_are_an_invariant_broken(data: bytes) -> None:
    """Neither a profile nor an employee."""
    with pytest.raises(InvariantError):
        decode_state(data, POLICY)
    with pytest.raises(InvariantError):
        decode_employee(data, POLICY)


def test_parts_that_do_not_fit_together_are_an_invariant_broken() -> None:
    """A slot beyond all slots, or a sum without a slot."""
    parts = msgspec.msgpack.decode(encode_state(sample_state(), POLICY))

    for slots in (b"\xff" * len(parts[4]), parts[4][:-1]):
        broken = msgspec.msgpack.encode([*parts[:4], slots, *parts[5:]])
        with pytest.raises(InvariantError, match="whole state"):
            decode_state(broken, POLICY)
