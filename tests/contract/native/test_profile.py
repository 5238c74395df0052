"""States read and written in C against `codec.state`: the same bytes, or None and no harm."""

from dataclasses import fields
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.codec.layouts import NEWEST_LAYOUT
from ckm_stream.codec.state import decode_employee, decode_state, encode_employee, encode_state
from ckm_stream.domain import slots
from ckm_stream.domain.choices import HalfLives
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import ProfileEvent
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import SOURCES, Delivery, ProfileState, apply_event
from ckm_stream.domain.score import SourceClass
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    call,
    contact,
    feedback,
    histories,
    order,
    referral,
    refund,
)

native = pytest.importorskip(
    "ckm_stream.native.encoding", reason="the compiled core is not built for this interpreter"
)
choices_of = pytest.importorskip("ckm_stream.native.choices", reason="likewise").Choices

CHOICES: Final = choices_of(POLICY)
#: Sums grow by a bit a day, and customers have idle bits by the hundred.
SHORT: Final = Policy(
    half_lives=HalfLives(**{each.name: DAY_S for each in fields(HalfLives)}),
    horizon_s=850 * DAY_S,
)
LONG: Final = (1 << 63) - 1

_CLASSES: Final = st.sampled_from(SourceClass)
_COUNTS: Final = st.one_of(st.integers(0, 300), st.integers(0, LONG))
_NAMES: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def deliveries(draw: st.DrawFn, sources: int = SOURCES) -> Delivery:
    """Draw how far delivery has come, announced or not."""
    delivery = Delivery(
        version=draw(_COUNTS),
        partition=draw(st.integers(0, (1 << 31) - 1)),
        applied=draw(st.lists(st.one_of(st.just(-1), _COUNTS), min_size=sources, max_size=sources)),
        announced_version=draw(_COUNTS),
        announced_previous=draw(st.none() | _CLASSES),
        announced_event_id=draw(_NAMES),
        origins=draw(st.dictionaries(_COUNTS, _COUNTS, max_size=20)),
    )
    if draw(st.booleans()):
        delivery.announced_class = draw(_CLASSES)
        delivery.announced_total = draw(st.floats(0.01, 1.0))
        delivery.announced_as_of = draw(_COUNTS)
    return delivery


def folded(events: list[ProfileEvent], policy: Policy = POLICY) -> ProfileState:
    """Return the state of a customer after these events."""
    state = ProfileState.empty(3)
    for event in events:
        apply_event(state, event, policy)
    return state


def assert_recoded(state: ProfileState, policy: Policy = POLICY) -> None:
    """Compare the bytes of a state with those that it is read from and written to in C."""
    data = encode_state(state, policy)
    assert native.recode(data, choices_of(policy)) == data
    state.delivery.announced_epoch = state.delivery.version  # any number of 63 bits
    data = encode_state(state, policy, layout=NEWEST_LAYOUT)
    assert native.recode(data, choices_of(policy, NEWEST_LAYOUT)) == data


@given(histories(), deliveries())
def test_states_survive_to_the_byte(events: list[ProfileEvent], delivery: Delivery) -> None:
    """Whatever Python folded and wrote is read, and written as it was."""
    state = folded(events)
    state.delivery = delivery

    assert_recoded(state)


@given(st.integers(0, 100_000))
def test_empty_states_are_those_of_python(partition: int) -> None:
    """A customer or an employee before any event has the same bytes."""
    assert native.recode_empty(partition, CHOICES) == encode_state(
        ProfileState.empty(partition), POLICY
    )
    assert native.recode_empty_employee(partition, CHOICES) == encode_employee(
        EmployeeState.empty(partition), POLICY
    )


@pytest.mark.parametrize("source_class", SourceClass)
def test_every_class_is_known(source_class: SourceClass) -> None:
    """Both the class announced last and the one before may be any."""
    state = folded([order()])
    state.delivery.announced_class = state.delivery.announced_previous = source_class
    state.delivery.announced_total, state.delivery.announced_as_of = 0.5, 7

    assert_recoded(state)


@pytest.mark.parametrize("policy", [POLICY, SHORT], ids=["default", "short"])
@pytest.mark.parametrize("first_day", [0, 1, 29, 400])
@pytest.mark.parametrize("years", [0, 1, 12])
def test_sums_of_many_years_survive(policy: Policy, first_day: int, years: int) -> None:
    """Sums reach any length, of either sign, with any number of idle bits."""
    first_s = policy.landmark_s + first_day * DAY_S
    last_s = min(first_s + years * 365 * DAY_S, policy.landmark_s + policy.horizon_s - 1)
    events: list[ProfileEvent] = [order("o1", first_s), refund("r1", first_s, amount=20_000)]
    events += [referral("x1", last_s, margin=10**14), call("c1", last_s, employee_id="e")]
    events += [refund("r2", last_s, amount=10**15), order("o2", last_s, amount=10**12)]

    state = folded(events, policy)
    assert_recoded(state, policy)
    assert min(state.facts.sums.values()) < 0


_SHIFTED: Final = st.one_of(
    st.integers(-(1 << 70), 1 << 130),
    st.builds(
        lambda bits, near, sign: sign * ((1 << bits) + near),
        st.sampled_from([0, 31, 52, 53, 62, 63, 64, 105, 106, 116, 117, 126, 127, 128, 129, 400]),
        st.integers(-3, 3),
        st.sampled_from([-1, 1]),
    ),
)


@given(
    st.dictionaries(st.integers(0, slots.COUNT - 1), _SHIFTED, max_size=8),
    st.integers(0, 840),
    st.sampled_from([POLICY, SHORT]),
)
def test_sums_of_any_value_survive(sums: dict[int, int], day: int, policy: Policy) -> None:
    """The limits of 53, 64, 127 and 128 bits, where other ways of writing begin, are no matter."""
    state = ProfileState.empty(0)
    state.facts.first_s = policy.landmark_s + day * DAY_S
    idle = policy.idle_bits(day)
    state.facts.sums.update({slot: value << idle[slot] for slot, value in sums.items()})

    assert_recoded(state, policy)


@pytest.mark.parametrize("longest", [(1 << 127) - 1, 1 << 127, (1 << 128) - 1, 1 << 128])
def test_one_sum_too_long_changes_how_others_are_written(longest: int) -> None:
    """Unsigned high parts are integers until some other fits no 64 bits at all."""
    state = ProfileState.empty(0)
    state.facts.sums.update({0: 3 << 126, 3: -(1 << 127), 7: 1, 9: longest, 11: -5})

    assert_recoded(state)


@pytest.mark.parametrize("days", [0, 1, 2, 39, 40, 41, 300])
@pytest.mark.parametrize("gap", [1, 9])
def test_days_are_gaps_or_a_bitmap(days: int, gap: int) -> None:
    """Up to 40 days are written one by one, more as bits."""
    state = ProfileState.empty(0)
    state.facts.purchase_days = sum(1 << (700 + gap * day) for day in range(days))
    state.facts.contact_days[1] = sum(1 << (gap * day) for day in range(days))
    state.facts.contact_days[2] = state.facts.purchase_days << 100

    assert_recoded(state)


@given(st.lists(st.integers(0, 400)), st.lists(st.integers(0, 400)))
def test_days_are_added_in_any_order(before: list[int], more: list[int]) -> None:
    """A day is kept once, wherever it falls between the others."""
    state = ProfileState.empty(0)
    for day in before:
        state.facts.contact_days[0] |= 1 << day
    data = encode_state(state, POLICY)
    for day in more:
        state.facts.contact_days[0] |= 1 << day

    assert native.recode_days(data, more, CHOICES) == encode_state(state, POLICY)


def test_bitmaps_and_firsts_survive_full() -> None:
    """All of the 256 bits, the 16 categories, the 29 counters and the 64 ids may be there."""
    state = ProfileState.empty(0)
    for number in range(64):
        apply_event(state, feedback(f"f{number}", T0_S + number), POLICY)
    facts = state.facts
    facts.referred, facts.referred_buyers = (1 << 256) - 1, 1 << 200
    facts.first_in_category = {category: 1 << 2 * category for category in reversed(range(16))}
    facts.counts = [-1 << place for place in range(29)]
    facts.first_value = (5, -1 << 40, LONG)
    facts.newest = [(facts.last_at - age, "ü" * age * 9, 1 << age) for age in range(12)]

    assert_recoded(state)


@given(
    st.lists(st.tuples(st.integers(0, 5000 * DAY_S), st.booleans()), max_size=8),
    deliveries(sources=1),
)
def test_employees_survive_to_the_byte(
    contacts: list[tuple[int, bool]], delivery: Delivery
) -> None:
    """Whatever Python folded and wrote of an employee is read, and written as it was."""
    state = EmployeeState.empty(1)
    for number, (age_s, usable) in enumerate(contacts):
        event = contact(f"c{number}", POLICY.landmark_s + age_s, note_usable=usable)
        apply_employee_event(state, event, POLICY)
    state.delivery = delivery
    data = encode_employee(state, POLICY)

    assert native.recode_employee(data, CHOICES) == data


def full_state() -> ProfileState:
    """Return a state with something in every part, of several years."""
    events: list[ProfileEvent] = [order(f"o{day}", T0_S + day * 91 * DAY_S) for day in range(50)]
    events += [referral("r", T0_S), feedback("f", T0_S), call("ü", T0_S, employee_id="e")]
    state = folded(events)
    state.delivery = Delivery(
        version=53,
        partition=2,
        applied=[1, 300, -1, 70_000, 1 << 40, -1],
        announced_class=SourceClass.UNKNOWN,
        announced_total=0.3,
        announced_as_of=state.last_occurred_at,
        announced_version=53,
        announced_previous=SourceClass.ORDINARY,
        announced_event_id="ü",
        origins={7: 1, 1: 70_000},
    )
    return state


STATE: Final = encode_state(full_state(), POLICY)
EMPLOYEE: Final = encode_employee(EmployeeState.empty(4), POLICY)


def assert_harmless(data: bytes) -> None:
    """Either C refuses the bytes, or Python reads the same from them."""
    again = native.recode(data, CHOICES)
    if again is not None:
        assert again == encode_state(decode_state(data, POLICY), POLICY)
    again = native.recode_employee(data, CHOICES)
    if again is not None:
        assert again == encode_employee(decode_employee(data, POLICY), POLICY)


@pytest.mark.parametrize("whole", [STATE, EMPLOYEE], ids=["customer", "employee"])
def test_truncated_and_prolonged_bytes_are_refused(whole: bytes) -> None:
    """A state that breaks off anywhere, or goes on, is none."""
    for end in range(len(whole)):
        assert native.recode(whole[:end], CHOICES) is None
        assert native.recode_employee(whole[:end], CHOICES) is None
    assert native.recode(whole + b"\0", CHOICES) is None
    assert native.recode_employee(whole + b"\0", CHOICES) is None


@pytest.mark.parametrize("whole", [STATE, EMPLOYEE], ids=["customer", "employee"])
@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0x91, 0xC0, 0xC4, 0xCF, 0xD3, 0xDD, 0xFF])
def test_any_changed_byte_is_harmless(whole: bytes, byte: int) -> None:
    """Whatever stands in a byte's place, C reads what Python reads, or nothing."""
    for place in range(len(whole)):
        assert_harmless(whole[:place] + bytes([byte]) + whole[place + 1 :])


@settings(max_examples=400)
@given(
    st.sampled_from([STATE, EMPLOYEE]),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 4), st.binary(max_size=9))),
)
def test_damaged_bytes_are_harmless(whole: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    """Bytes may be replaced, left out and put in between anywhere."""
    for place, left_out, put_in in damages:
        start = place % len(whole)
        whole = whole[:start] + put_in + whole[start + left_out :]
    assert_harmless(whole)


@given(st.binary(max_size=300))
def test_any_bytes_are_harmless(data: bytes) -> None:
    """Bytes that were never a state are refused, also behind the right beginning."""
    assert_harmless(data)
    assert_harmless(STATE[:9] + data)
    assert_harmless(EMPLOYEE[:7] + data)


#: By their places in the wire's tuple, parts that msgpack can say but that no state has.
ODD_PARTS: Final[list[tuple[int, Any]]] = [
    (0, 2),
    (0, "1"),
    (3, b"\0" * 14),
    (4, bytes([68])),
    (5, [-1]),
    (6, ["x"]),
    (7, [0] * 30),
    (7, [1 << 63]),
    (8, [[], [], []]),
    (8, [[-1], [], [], []]),
    (8, [[1 << 40], [], [], []]),
    (8, [[5, 0], [], [], []]),
    (8, [[5, -1], [], [], []]),
    (8, [[5, b"\1", 1], [], [], []]),
    (8, [[b"\1"], [], [], []]),
    (9, (0, 0)),
    (10, [16, 0]),
    (10, [0]),
    (10, [0, -1]),
    (11, b"\1" * 33),
    (13, 1 << 63),
    (14, (1 << 60, 0, 0, 0)),
    (14, (0, 0, 0, 0)),
    (15, [(0, b"id", 1)]),
    (15, [(-1, "id", 1)]),
    (15, [(0, "id", 0)]),
    (15, [(0, "id", 1 << 12)]),
    (15, [(0, "a", 1), (0, "b", 1)]),
]


@pytest.mark.parametrize(("place", "part"), ODD_PARTS)
def test_odd_parts_are_left_to_python(place: int, part: Any) -> None:
    """What the layout allows but no state has is refused, not misread."""
    parts = msgspec.msgpack.decode(encode_state(folded([order()]), POLICY))
    parts[place] = part

    assert native.recode(msgspec.msgpack.encode(parts), CHOICES) is None


#: By their places in the wire's delivery, likewise.
ODD_DELIVERIES: Final[list[tuple[int, Any]]] = [
    (1, 1 << 31),
    (2, [1, 2, 3, 4]),
    (3, "grand"),
    (3, "key_source"),
    (4, 0.5),
    (6, None),
    (8, None),
    (9, [1]),
]


@pytest.mark.parametrize(("place", "part"), ODD_DELIVERIES)
def test_odd_deliveries_are_left_to_python(place: int, part: Any) -> None:
    """A class without its total, another number of topics and the like are refused."""
    parts = msgspec.msgpack.decode(encode_state(ProfileState.empty(0), POLICY), strict=False)
    parts[2][place] = part

    assert native.recode(msgspec.msgpack.encode(parts), CHOICES) is None


def test_names_that_are_not_utf_8_are_left_to_python() -> None:
    """Python refuses them when it reads, so C does, too."""
    assert native.recode(STATE.replace("ü".encode(), b"\xff\xff"), CHOICES) is None


def test_states_of_other_choices_are_left_to_python() -> None:
    """Another fingerprint means other sums; Python says so."""
    assert native.recode(STATE, choices_of(SHORT)) is None
    assert native.recode_employee(EMPLOYEE, choices_of(SHORT)) is None
    assert native.recode(encode_state(full_state(), SHORT), CHOICES) is None


def test_an_employee_is_no_customer() -> None:
    """The two kinds of states are told apart by their parts."""
    assert native.recode(EMPLOYEE, CHOICES) is None
    assert native.recode_employee(STATE, CHOICES) is None
