"""Folding in C against folding in Python: the same bytes of a state after every event."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final
from zlib import crc32

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckm_stream.codec.events import source_of
from ckm_stream.codec.state import encode_employee, encode_state
from ckm_stream.domain import decay
from ckm_stream.domain.checks import MAX_AMOUNT
from ckm_stream.domain.choices import HalfLives
from ckm_stream.domain.employee import EmployeeState, apply_employee_event
from ckm_stream.domain.events import (
    MICROS,
    Call,
    CallOutcome,
    CampaignResponse,
    Feedback,
    FeedbackKind,
    FeedbackStage,
    Initiator,
    ProfileEvent,
    PurchaseLine,
    ReferralKind,
    Ticket,
    TicketAction,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import ProfileState, apply_event
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    call,
    contact,
    feedback,
    histories,
    order,
    reading,
    referral,
    refund,
    ticket,
)
from tests.support.units import EVENTS

fold = pytest.importorskip("ckm_stream.native.fold", reason="the compiled core is not built")
choices = pytest.importorskip("ckm_stream.native.choices", reason="the compiled core is not built")
hashed = pytest.importorskip("ckm_stream.native.seen", reason="likewise").hashed
weighed = pytest.importorskip("ckm_stream.native.decay", reason="likewise").weighed

CHOICES: Final = choices.Choices(POLICY)
HORIZON_S: Final = POLICY.horizon_s


def check_history(events: Sequence[ProfileEvent], policy: Policy = POLICY) -> None:
    """Fold the events natively and in Python, and compare the bytes after each."""
    numbers = choices.Choices(policy)
    state, data = ProfileState.empty(0), None
    for event in events:
        applied = apply_event(state, event, policy)
        changed = fold.folded(data, source_of(event), EVENTS.encode(event), numbers)
        assert (changed is not None) == applied
        data = changed or data
        assert data == encode_state(state, policy)


def changed(event: Any, **changes: Any) -> Any:
    """Return the event with other fields."""
    return msgspec.structs.replace(event, **changes)


@given(histories(), st.randoms(use_true_random=False))
def test_any_history_leaves_the_bytes_of_the_reference(
    events: list[ProfileEvent], random: Any
) -> None:
    """Whatever the events and their order, repeated ones included, both leave one state."""
    repeated = events + events[: len(events) // 2]
    random.shuffle(repeated)
    check_history(repeated)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [order(), refund(), call(), ticket(), feedback(), referral(), reading()]
            ),
            st.integers(0, HORIZON_S * MICROS),
            st.sampled_from(["a", "b", "ab", "ä", "a" * 300]),
            st.sampled_from(["shop", "desk", "simulated", "simulates"]),
        ),
        max_size=8,
    )
)
def test_events_of_fifty_years_leave_the_bytes_of_the_reference(
    drawn: list[tuple[ProfileEvent, int, str, str]],
) -> None:
    """Sums of 700 bits, ids that are prefixes of others, and the marks of simulation agree."""
    landmark = POLICY.landmark_s * MICROS
    check_history(
        [
            changed(event, occurred_at=landmark + age, event_id=event_id, source=source)
            for event, age, event_id, source in drawn
        ]
    )


@given(st.lists(st.integers(0, 200), min_size=60, max_size=160), st.integers(1, 70))
def test_the_newest_ids_are_kept_whatever_their_order(ages: list[int], capacity: int) -> None:
    """A list that overflows, with equal times and late events, keeps what the reference keeps."""
    events = [
        call(f"call-{place % 130}", T0_S + age, outcome=CallOutcome.ABANDONED)
        for place, age in enumerate(ages)
    ]
    check_history(events, replace(POLICY, seen_capacity=capacity))


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), max_size=60))
def test_the_earliest_topics_are_kept_whatever_their_order(spoken: list[tuple[int, int]]) -> None:
    """More of them than a state remembers, with equal times and topics that come again."""
    check_history(
        [
            feedback(f"f{place}", T0_S + at_s, topics=(f"topic {topic}", "größe"))
            for place, (topic, at_s) in enumerate(spoken)
        ]
    )


def test_a_digest_counts_only_at_its_place_in_a_record() -> None:
    """A digest that straddles two records is no duplicate; one byte off is enough."""
    digest = blake2b(b"test\0call", digest_size=8).digest()
    state = ProfileState.empty(0)
    for shift in range(-7, 8):
        records = bytearray(45)
        records[15 + 7 + shift : 15 + 15 + shift] = digest
        state.seen = bytes(records)
        data = encode_state(state, POLICY)
        native = fold.folded(data, source_of(call()), EVENTS.encode(call()), CHOICES)
        assert (native is None) == (shift == 0)


_AMOUNTS = st.sampled_from([0, 1, 2, 3, 99, 10_001, MAX_AMOUNT - 1, MAX_AMOUNT])
_MANY_LINES = st.lists(
    st.builds(
        PurchaseLine,
        sku=st.sampled_from(["", "s", "s" * 70]),
        category=st.sampled_from(["", "music", "Bücher", "c" * 500]),
        quantity=st.sampled_from([0, 1, 70]),
        amount=_AMOUNTS,
    ),
    max_size=40,
).map(tuple)


@given(_AMOUNTS, _AMOUNTS, _MANY_LINES, st.sampled_from([None, *CampaignResponse]))
@example(MAX_AMOUNT, 0, tuple([PurchaseLine(sku="", category="", quantity=1, amount=7)] * 3), None)
def test_margins_are_spread_to_the_unit(
    amount: int, cost: int, lines: tuple[PurchaseLine, ...], response: CampaignResponse | None
) -> None:
    """Losses, orders of nothing, refunds and lines of any amounts agree."""
    fields: dict[str, Any] = {"amount": amount, "cost": cost, "lines": lines}
    check_history(
        [
            order("first", response=response, **fields),
            refund("back", T0_S + DAY_S, **fields),
            order("earlier", T0_S - 400 * DAY_S, amount=amount // 2, cost=cost, lines=lines[:1]),
        ]
    )


def test_ten_thousand_lines_of_the_greatest_amount_are_spread() -> None:
    """A total beyond 64 bits divides as Python's does."""
    line = PurchaseLine(sku="s", category="music", quantity=1, amount=MAX_AMOUNT)
    other = changed(line, category="books", amount=MAX_AMOUNT - 5)
    check_history([order(amount=MAX_AMOUNT, cost=3, lines=(line,) * 9_999 + (other,))])


_SHARES = st.none() | st.floats(0, 1)


@given(
    st.fixed_dictionaries(
        {
            "novelty": _SHARES,
            "benefit": _SHARES,
            "rating": st.none() | st.floats(0, 5),
            "rating_scale": st.sampled_from([None, 5.0, 7.0]),
            "stage": st.sampled_from(FeedbackStage),
            "kind": st.sampled_from(FeedbackKind),
            "initiated_by": st.sampled_from(Initiator),
        }
    )
)
@example({"novelty": 0.002, "benefit": 0.0005, "rating": 4.0, "rating_scale": 5.0})
@example({"novelty": 0.006, "benefit": 0.0015, "rating": 2.0, "rating_scale": 5.0})
@example({"novelty": 0.002, "benefit": 0.0025, "stage": FeedbackStage.ADOPTED})
def test_shares_are_rounded_alike(fields: dict[str, Any]) -> None:
    """Novelty, benefit and rating, of any value, become the same thousandths."""
    bare = feedback("2", **{"text": None, "product": None} | fields)
    check_history([feedback(**fields), bare, feedback("3")])


@pytest.mark.parametrize(
    "event",
    [
        call(note="", note_usable=True),
        call(note="x", note_usable=True, topics=("a",)),
        ticket(text="x", topics=("a",)),
        ticket(text="x", category="fault"),
        ticket(action=TicketAction.RESOLVED, knowledge_article_id="", employee_id="e"),
        feedback(text="", survey_response="yes"),
        feedback(text=None, survey_response=""),
        feedback(text="x", topics=("a",)),
        feedback(rating=4.0),
        referral(referred_customer_id="c-1"),
        *(reading(sentiment=sentiment) for sentiment in (-1000, -1, 0, 1, 1000)),
        reading(topics=()),
        reading(topics=tuple(f"t{n}" for n in range(100))),
        referral(kind=ReferralKind.REFUND, margin=MAX_AMOUNT),
        order(consent={"ads": False}),
        order(recorded_at=(T0_S + DAY_S) * MICROS),
        order(recorded_at=(T0_S + DAY_S) * MICROS + 1),
    ],
)
def test_each_oddity_of_a_field_reads_alike(event: Call | Ticket | Feedback) -> None:
    """What is empty, absent or at a limit means what it means to the reference."""
    check_history([event])


@given(histories(max_size=5))
def test_other_choices_leave_the_bytes_of_the_reference(events: list[ProfileEvent]) -> None:
    """Half-lives, costs and the landmark come from the policy."""
    money = replace(POLICY.money, default_margin_permille=999, call_cost=0, ticket_cost=7)
    other = replace(
        POLICY,
        landmark_s=POLICY.landmark_s - 12_345,
        half_lives=HalfLives(trust=299_993, learning_potential=3 * DAY_S, it_support=10**9),
        horizon_s=2_500 * DAY_S,
        in_time_s=10,
        money=money,
    )
    check_history(events, other)


@given(st.lists(st.tuples(st.integers(0, HORIZON_S), st.integers(0, 6), st.booleans())))
def test_contacts_of_an_employee_leave_the_bytes_of_the_reference(
    drawn: list[tuple[int, int, bool]],
) -> None:
    """Any order of contacts and repetitions gives the employee's state of the reference."""
    state, data = EmployeeState.empty(3), None
    for age_s, number, note_usable in drawn:
        event = contact(f"c-{number}", POLICY.landmark_s + age_s, note_usable=note_usable)
        applied = apply_employee_event(state, event, POLICY)
        changed = fold.folded_employee(data, EVENTS.encode(event), CHOICES, 3)
        assert (changed is not None) == applied
        data = changed or data
        assert data == encode_employee(state, POLICY)


def test_events_before_the_landmark_are_refused() -> None:
    """As the reference does, for they weigh nothing that could be written down."""
    early = call(at_s=POLICY.landmark_s - 1)
    with pytest.raises(ValueError, match="before the landmark"):
        fold.folded(None, source_of(early), EVENTS.encode(early), CHOICES)
    with pytest.raises(ValueError, match="before the landmark"):
        fold.folded_employee(None, EVENTS.encode(contact(at_s=0)), CHOICES)


def test_a_total_beyond_63_bits_stops_there() -> None:
    """Nothing wraps around or ends the folding: 1,025 refunds of the greatest amount."""
    fields: dict[str, Any] = {"amount": MAX_AMOUNT, "cost": MAX_AMOUNT}
    check_history([refund(f"r-{number}", **fields) for number in range(1_025)])


def test_hashes_are_those_of_the_standard_library() -> None:
    """BLAKE2b and CRC-32 of every length up to a few blocks agree with hashlib and zlib."""
    for size in range(1_001):
        message = bytes((size * 31 + place * 7) & 0xFF for place in range(size))
        digest = blake2b(message, digest_size=8).digest()
        bit = blake2b(message, digest_size=1).digest()[0]
        assert hashed(message) == (digest, bit, crc32(message) & 15)


@given(st.binary(max_size=300))
def test_hashes_of_any_bytes_agree(message: bytes) -> None:
    """Whatever the bytes."""
    digest = blake2b(message, digest_size=8).digest()
    bit = blake2b(message, digest_size=1).digest()[0]
    assert hashed(message) == (digest, bit, crc32(message) & 15)


@given(st.integers(0, HORIZON_S), st.integers(DAY_S, 10**10))
@example(0, DAY_S)
@example(DAY_S - 1, DAY_S)
def test_weights_are_those_of_the_reference(age_s: int, half_life_s: int) -> None:
    """Also when asked a second time, from memory."""
    for _ in range(2):
        assert weighed(age_s, half_life_s) == decay.weight(age_s, half_life_s)
