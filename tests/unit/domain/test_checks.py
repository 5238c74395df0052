"""Checks: what is refused and why; whatever passes can be applied, scored and encoded."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.domain.checks import (
    MAX_AMOUNT,
    MAX_DERIVED_ID_CHARS,
    MAX_ID_CHARS,
    MAX_LINES,
    MAX_TEXT_CHARS,
    check_event,
)
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import MICROS, Event, ProfileEvent, PurchaseLine
from ckm_stream.domain.profile import ProfileState, apply_event
from ckm_stream.domain.scoring import explain, score_profile
from ckm_stream.errors import Reason, RejectedRecord
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    call,
    contact,
    feedback,
    order,
    reading,
    referral,
    refund,
    ticket,
)

NOW_MS = T0_S * 1000
EPOCH = epoch_zero(POLICY)


def check(event: Event, record_timestamp_ms: int = NOW_MS) -> None:
    """Check with the default policy."""
    check_event(event, record_timestamp_ms=record_timestamp_ms, policy=POLICY)


def line(**changes: Any) -> PurchaseLine:
    """Return a line of an order."""
    fields: dict[str, Any] = {"sku": "s", "category": "music", "quantity": 1, "amount": 100}
    return PurchaseLine(**fields | changes)


@pytest.mark.parametrize(
    "event",
    [
        order(),
        order(lines=(line(), line(amount=0, quantity=0))),
        refund(cost=0, campaign_id="spring"),
        call(satisfaction=5, note="schön", wait_s=3.5),
        ticket(text="it broke", product="kettle", knowledge_article_id="kb-1"),
        feedback(rating=0.0, rating_scale=5.0, benefit=1.0, novelty=0.0),
        feedback(rating=7.0, survey_response="often"),
        feedback(topics=("a", "b"), consent={"ads": False}, correlation_id="x"),
        referral(),
        reading(),
        *(reading(sentiment=sentiment, topics=()) for sentiment in (-1000, 0, 1000)),
        contact(),
        call(customer_id="客户-1", employee_id="é", referred_by="c-2"),
        call(event_id="x" * MAX_ID_CHARS),
        referral(event_id="x" * MAX_DERIVED_ID_CHARS),
        reading(event_id="x" * MAX_DERIVED_ID_CHARS),
    ],
)
def test_a_valid_event_passes(event: Event) -> None:
    """Nothing is said of it."""
    check(event)


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (call(event_id=""), Reason.EMPTY_IDENTIFIER, "event_id"),
        (call(source=""), Reason.EMPTY_IDENTIFIER, "source"),
        (call(event_id=" "), Reason.EMPTY_IDENTIFIER, "event_id"),
        (call(source="\t"), Reason.EMPTY_IDENTIFIER, "source"),
        (call(customer_id=""), Reason.EMPTY_IDENTIFIER, "customer_id"),
        (call(customer_id=" \t"), Reason.EMPTY_IDENTIFIER, "customer_id"),
        (call(employee_id=""), Reason.EMPTY_IDENTIFIER, "employee_id"),
        (call(referred_by=""), Reason.EMPTY_IDENTIFIER, "referred_by"),
        (order(order_id=""), Reason.EMPTY_IDENTIFIER, "order_id"),
        (ticket(ticket_id=""), Reason.EMPTY_IDENTIFIER, "ticket_id"),
        (feedback(feedback_id=""), Reason.EMPTY_IDENTIFIER, "feedback_id"),
        (referral(referred_customer_id=""), Reason.EMPTY_IDENTIFIER, "referred_customer_id"),
        (reading(customer_id=""), Reason.EMPTY_IDENTIFIER, "customer_id"),
        (reading(source="a\x00"), Reason.NUL_CHARACTER, "source"),
        (reading(sentiment=1001), Reason.OUT_OF_RANGE, "sentiment"),
        (reading(sentiment=-1001), Reason.OUT_OF_RANGE, "sentiment"),
        (reading(topics=("x" * 501,)), Reason.OUT_OF_RANGE, "topics"),
        (reading(topics=("x",) * 101), Reason.OUT_OF_RANGE, "topics"),
        (contact(employee_id=""), Reason.EMPTY_IDENTIFIER, "employee_id"),
        (call(event_id="a\x00"), Reason.NUL_CHARACTER, "event_id"),
        (call(source="\x00a"), Reason.NUL_CHARACTER, "source"),
        (call(customer_id="c\x001"), Reason.NUL_CHARACTER, "customer_id"),
        (call(customer_id="ü\x00"), Reason.NUL_CHARACTER, "customer_id"),
        (call(employee_id="e\x00"), Reason.NUL_CHARACTER, "employee_id"),
        (order(order_id="o\x00"), Reason.NUL_CHARACTER, "order_id"),
        (referral(referred_customer_id="c\x00"), Reason.NUL_CHARACTER, "referred_customer_id"),
        (call(event_id="x" * (MAX_ID_CHARS + 1)), Reason.OUT_OF_RANGE, "event_id"),
        (call(note="x" * (MAX_TEXT_CHARS + 1)), Reason.OUT_OF_RANGE, "note"),
        (call(topics=("x",) * 101), Reason.OUT_OF_RANGE, "topics"),
        (order(lines=(line(),) * (MAX_LINES + 1)), Reason.OUT_OF_RANGE, "lines"),
        (order(amount=-1), Reason.NEGATIVE, "amount"),
        (refund(amount=-1), Reason.NEGATIVE, "amount"),
        (order(cost=-1), Reason.NEGATIVE, "cost"),
        (order(amount=MAX_AMOUNT + 1), Reason.OUT_OF_RANGE, "amount"),
        (order(lines=(line(quantity=-1),)), Reason.NEGATIVE, "quantity"),
        (order(lines=(line(amount=-1),)), Reason.NEGATIVE, "lines.amount"),
        (referral(margin=-1), Reason.NEGATIVE, "margin"),
        (call(wait_s=-0.1), Reason.NEGATIVE, "wait_s"),
        (call(duration_s=float("inf")), Reason.NOT_FINITE, "duration_s"),
        (call(wait_s=float("nan")), Reason.NOT_FINITE, "wait_s"),
        (call(satisfaction=0), Reason.OUT_OF_RANGE, "satisfaction"),
        (call(satisfaction=6), Reason.OUT_OF_RANGE, "satisfaction"),
        (feedback(rating=float("nan")), Reason.NOT_FINITE, "rating"),
        (feedback(rating=-1.0), Reason.OUT_OF_RANGE, "rating"),
        (feedback(rating=6.0, rating_scale=5.0), Reason.OUT_OF_RANGE, "rating"),
        (feedback(rating=0.0, rating_scale=0.0), Reason.OUT_OF_RANGE, "rating_scale"),
        (feedback(rating_scale=float("-inf")), Reason.NOT_FINITE, "rating_scale"),
        (feedback(novelty=1.01), Reason.OUT_OF_RANGE, "novelty"),
        (feedback(novelty=float("nan")), Reason.NOT_FINITE, "novelty"),
        (feedback(benefit=-0.1), Reason.OUT_OF_RANGE, "benefit"),
        (feedback(text="\ud800"), Reason.UNDECODABLE, "text"),
        (call(event_id="\udfff"), Reason.UNDECODABLE, "event_id"),
    ],
)
def test_a_bad_field_is_refused_with_its_reason(event: Event, reason: Reason, field: str) -> None:
    """The message names the field; the reason is of the closed set."""
    with pytest.raises(RejectedRecord, match=field) as caught:
        check(event)

    assert caught.value.reason is reason


def test_no_message_carries_a_value() -> None:
    """Values may be personal."""
    with pytest.raises(RejectedRecord) as caught:
        check(call(event_id="Ada Lovelace " * 50))

    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("occurred_at", "record_timestamp_ms", "reason"),
    [
        (POLICY.landmark_s * MICROS, NOW_MS, None),
        (POLICY.landmark_s * MICROS - 1, NOW_MS, Reason.BEFORE_LANDMARK),
        (-(2**62), NOW_MS, Reason.BEFORE_LANDMARK),
        ((T0_S + 3_600) * MICROS, NOW_MS, None),
        ((T0_S + 3_600) * MICROS + 1, NOW_MS, Reason.IN_FUTURE),
        (2**62, NOW_MS, Reason.IN_FUTURE),
        (2**62, 2**62 // 1000, Reason.IN_FUTURE),
    ],
)
def test_time_is_judged_by_the_records_own_timestamp(
    occurred_at: int, record_timestamp_ms: int, reason: Reason | None
) -> None:
    """Not by a clock: a replay next year decides alike. Beyond the horizon nothing is believed."""
    event = msgspec.structs.replace(call(), occurred_at=occurred_at)

    if reason is None:
        check(event, record_timestamp_ms)
    else:
        with pytest.raises(RejectedRecord) as caught:
            check(event, record_timestamp_ms)
        assert caught.value.reason is reason


def test_a_record_without_a_timestamp_is_judged_by_the_events() -> None:
    """Brokers write -1 for records of the oldest format."""
    honest = msgspec.structs.replace(call(), recorded_at=(T0_S + 1) * MICROS)
    absurd = msgspec.structs.replace(call(at_s=T0_S + 9_000), recorded_at=T0_S * MICROS)

    check(honest, -1)
    with pytest.raises(RejectedRecord):
        check(absurd, -1)


WILD_TEXT = st.one_of(st.text(max_size=20), st.sampled_from(["", " ", "\ud800", "x" * 201]))
WILD_FLOAT = st.one_of(st.none(), st.floats(), st.floats(0, 1))
WILD_INT = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(0, 10**6))
WILD_TIME = st.one_of(WILD_INT, st.integers(POLICY.landmark_s, T0_S).map(lambda t: t * MICROS))
WILD = {
    "event_id": WILD_TEXT,
    "source": WILD_TEXT,
    "customer_id": WILD_TEXT,
    "occurred_at": WILD_TIME,
    "recorded_at": WILD_TIME,
    "employee_id": st.none() | WILD_TEXT,
    "topics": st.lists(WILD_TEXT, max_size=2).map(tuple),
    "wait_s": st.floats(),
    "satisfaction": st.none() | WILD_INT,
    "amount": WILD_INT,
    "cost": WILD_INT,
    "lines": st.lists(
        st.builds(
            PurchaseLine, sku=WILD_TEXT, category=WILD_TEXT, quantity=WILD_INT, amount=WILD_INT
        ),
        max_size=2,
    ).map(tuple),
    "rating": WILD_FLOAT,
    "rating_scale": WILD_FLOAT,
    "novelty": WILD_FLOAT,
    "benefit": WILD_FLOAT,
    "text": st.none() | WILD_TEXT,
    "margin": WILD_INT,
    "sentiment": WILD_INT,
    "referred_customer_id": WILD_TEXT,
}


@given(
    st.sampled_from([order(), refund(), call(), ticket(), feedback(), referral(), reading()]),
    st.data(),
)
def test_what_passes_can_be_applied_and_what_does_not_is_rejected(
    event: Any, data: st.DataObject
) -> None:
    """Any values in any fields: rejected with a reason, or good for all that follows."""
    names = data.draw(st.sets(st.sampled_from(sorted(WILD)), max_size=4))
    changes = {name: data.draw(WILD[name]) for name in sorted(names) if hasattr(event, name)}
    wild = msgspec.structs.replace(event, **changes)
    timestamp_ms = data.draw(st.one_of(WILD_INT, st.just(NOW_MS)))

    with suppress(RejectedRecord):
        check_event(wild, record_timestamp_ms=timestamp_ms, policy=POLICY)
        assert_usable(wild)


def assert_usable(event: ProfileEvent) -> None:
    """Apply, score, explain and store the event."""
    state = ProfileState.empty(0)
    assert apply_event(state, event, POLICY)
    as_of_s = state.last_occurred_at // MICROS
    score = score_profile(state.facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY)
    assert 0.0 < score.total <= 1.0
    explain(state.facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY)
    assert decode_state(encode_state(state, POLICY), POLICY) == state


def test_the_latest_instant_of_the_horizon_can_be_scored() -> None:
    """The largest amount at the last moment, under the shortest half-life allowed: no overflow."""
    policy = replace(POLICY, horizon_s=850 * min(int(h) for h in POLICY.half_lives.values()))
    at_s = policy.landmark_s + policy.horizon_s
    state = ProfileState.empty(0)
    for number in range(1000):
        event = order(f"o{number}", at_s, amount=MAX_AMOUNT, cost=1)
        check_event(event, record_timestamp_ms=at_s * 1000, policy=policy)
        apply_event(state, event, policy)

    score = score_profile(state.facts, as_of_s=at_s + 20 * 365 * DAY_S, epoch=EPOCH, policy=policy)

    assert 0.0 < score.total <= 1.0
