"""State ↔ bytes: round trips, canonical form, old bytes for ever, and refusals."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.state import (
    decode_employee,
    decode_state,
    encode_employee,
    encode_state,
)
from ckm_stream.domain.choices import HalfLives
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import (
    CallOutcome,
    FeedbackStage,
    ProfileEvent,
    PurchaseLine,
    Purpose,
)
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.score import SourceClass
from ckm_stream.errors import ConfigurationError, InvariantError
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    WEEK_S,
    approach,
    call,
    contact,
    feedback,
    order,
    referral,
    refund,
    ticket,
)


def sample_events() -> list[ProfileEvent]:
    """Return events that fill every part of a state."""
    music = PurchaseLine(sku="s", category="music", quantity=1, amount=7_000)
    books = PurchaseLine(sku="s", category="books", quantity=2, amount=3_000)
    return [
        order("o1", T0_S - 300 * DAY_S, lines=(music,)),
        order("o2", T0_S - 40 * DAY_S, lines=(music, books)),
        refund("o3", T0_S - 39 * DAY_S, amount=50_000, cost=1, lines=(books,)),
        call("c1", T0_S - 20 * DAY_S, employee_id="e-1", reason="bill", satisfaction=2),
        approach(CallOutcome.NO_ANSWER, "c2", T0_S - 10 * DAY_S),
        ticket("t1", T0_S - 9 * DAY_S, text="it broke", purpose=Purpose.REPORT),
        feedback("f1", T0_S - 8 * DAY_S, topics=("handles",), rating=5.0, rating_scale=5.0),
        feedback("f2", T0_S, stage=FeedbackStage.ADOPTED),
        referral("r1", T0_S - 7 * DAY_S),
    ]


def sample_state() -> ProfileState:
    """Return a state that has been announced."""
    state = ProfileState.empty(11)
    for event in sample_events():
        apply_event(state, event, POLICY)
    state.delivery.version = 9
    state.delivery.applied = [1, 20, 300, 70_000, -1]
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


# Written by layout 1 under the default policy. A release that cannot read them is broken.
PROFILE_V1 = bytes.fromhex(
    "dc001001c40486f400d79a090b950114cd012cce00011170ffad77696c6c696e675f73636f7574cb3fdc00000000"
    "0000cf00055a2a87fa300000c0a080c48700370ba7d6300072953bf8d1992fe5004b79f693b000be20a47c694c1d"
    "6c004b8e146b100052ae28cdb1542e8c004d0c4b673000ef19ca4b85bef6ca004dd575d0f00035e89a6e063f2423"
    "004de993a8500028472d94475e36fa004dfdb17fb0007b9935c2ddad01a2004e11cf571000655f4b3a7568b33100"
    "4e9ea03ab0003fe501c693c83d6bc416000102030405060708090c12161a1e2b2f303233363edc0016cfbdb00bd8"
    "87edc4f8cf00d5ffba1dd15e69cfbf90a7869961ae9acf5513f815dc012800cf3cf8e147c5392d40cf00350de15c"
    "a84532cf0034f40aa8150d46cf0033c1c8ef638636cf00aeeb8a11f0b658cf005a5665048e96c4cf0056f62fd03b"
    "f610cf0053b645ffc293a8cf00574b224d257da8cf006a63f869879a5ccf0057a067c4cb38b0cf0053b645ffc293"
    "a8cfb6b796a9e1c92d78cf60e17a99ccfceda0cf48998521fa149400cf62ae8e341a33b3c0cf033e3c128bcbf3e4"
    "cf12bb17ba0b73f280dc0016d1ff7a00000003000000000000000000000000010101d0c605dc001b000000020000"
    "000100000003000000020201cdc35001000000010101019492cd02bccd010492cd03df019091cd03d493cd02bccd"
    "2710cd4e209402ce5996d6c00ace584010c0c4110000000000000000000000000000000010c41100000000000000"
    "00000000000000000010cf00055a2a87fa300094ce584010c0ce584010c0ce5996d6c0ff979300a26632cc8893cf"
    "0000008cd0e3a000a272310493cf000000a0eebb0000a26631cd0b5093cf000000b50c926000a274310193cf0000"
    "00c92a69c000a263322093cf0000019254d38000a26331cd040093cf000003108bcfa000a26f3302"
)
EMPLOYEE_V1 = bytes.fromhex(
    "9701c40486f400d79a02029105c0c0c000c0a080c41e004e11cf5710004b12e7bcdff60d51004e9ea03ab0007ade"
    "c06b49c903a0c408e02553662c639205c40820b6742428b3d202cf00055a2a87fa3000"
)


def test_bytes_of_layout_one_are_read_for_ever() -> None:
    """Golden bytes decode to the very state that they were written from."""
    assert decode_state(PROFILE_V1, POLICY) == sample_state()
    assert decode_employee(EMPLOYEE_V1, POLICY) == sample_employee()


def test_the_layout_is_written_as_released() -> None:
    """Any change of a byte is a new layout."""
    assert encode_state(sample_state(), POLICY) == PROFILE_V1
    assert encode_employee(sample_employee(), POLICY) == EMPLOYEE_V1


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
        for event in sample_events():
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
        decode_state(PROFILE_V1, other)
    with pytest.raises(ConfigurationError, match="CKM__SCORING"):
        decode_employee(EMPLOYEE_V1, other)


@pytest.mark.parametrize("body", [[2], [2, b"new", {"shape": 1}]])
def test_a_newer_layout_is_refused_by_name(body: list[object]) -> None:
    """Whatever it looks like inside."""
    data = msgspec.msgpack.encode(body)

    with pytest.raises(ConfigurationError, match="layout 2"):
        decode_state(data, POLICY)
    with pytest.raises(ConfigurationError, match="layout 2"):
        decode_employee(data, POLICY)


def test_a_newer_layout_of_the_same_shape_is_refused_as_well() -> None:
    """The number decides, not whether the body happens to fit."""
    parts = msgspec.msgpack.decode(PROFILE_V1)

    with pytest.raises(ConfigurationError, match="layout 2"):
        decode_state(msgspec.msgpack.encode([2, *parts[1:]]), POLICY)


@given(st.integers(0, len(PROFILE_V1) - 1))
def test_a_truncated_state_is_an_invariant_broken(length: int) -> None:
    """The changelog never holds half a state: something is badly wrong."""
    with pytest.raises(InvariantError, match="not a"):
        decode_state(PROFILE_V1[:length], POLICY)


@pytest.mark.parametrize("data", [b"", b"\x00", b"hello", msgspec.msgpack.encode(["1", b"x"])])
def test_bytes_that_are_no_state_are_an_invariant_broken(data: bytes) -> None:
    """Neither a profile nor an employee."""
    with pytest.raises(InvariantError):
        decode_state(data, POLICY)
    with pytest.raises(InvariantError):
        decode_employee(data, POLICY)


def test_parts_that_do_not_fit_together_are_an_invariant_broken() -> None:
    """A slot beyond all slots, or a sum without a slot."""
    parts = msgspec.msgpack.decode(PROFILE_V1)

    for slots in (b"\xff" * len(parts[4]), parts[4][:-1]):
        broken = msgspec.msgpack.encode([*parts[:4], slots, *parts[5:]])
        with pytest.raises(InvariantError, match="whole state"):
            decode_state(broken, POLICY)
