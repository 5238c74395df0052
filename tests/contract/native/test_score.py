"""Scoring in C against scoring in Python: the same doubles, and updates of the same bytes."""

import dataclasses
import random
from collections import defaultdict
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.state import decode_state, encode_state
from ckm_stream.codec.topics import SCORE_UPDATED, subject_of
from ckm_stream.domain import counters, slots
from ckm_stream.domain.choices import (
    DimensionWeights,
    HalfLives,
    HighThresholds,
    IndicatorWeights,
    Money,
    Prior,
    Priors,
    SaturationPoints,
)
from ckm_stream.domain.decay import weight
from ckm_stream.domain.engagement import DOUBTED
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import MICROS, ProfileEvent
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.indicators import read_value
from ckm_stream.domain.mentions import MOST_MENTIONS, topic_key
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.profile import Delivery, ProfileState, apply_event
from ckm_stream.domain.score import Engagement, SourceClass, UpdateReason
from ckm_stream.pipeline.fold import ProfileFold
from ckm_stream.pipeline.records import Effects
from ckm_stream.simulation.customers import SimulationPlan, simulate
from tests.support.epochs import topic_of, various_epochs
from tests.support.touchpoints import DAY_S, POLICY, T0_S, histories, order
from tests.support.units import CATALOGUE, EVENTS, OUTPUTS, TOPICS

native = pytest.importorskip(
    "ckm_stream.native.announcement", reason="the compiled core is not built"
)
choices = pytest.importorskip("ckm_stream.native.choices", reason="the compiled core is not built")

KEY: Final = "Kundin-ü".encode()
HEAD: Final = OUTPUTS.score_head

#: No two choices are alike, so that a mistaken place shows; more classes come up, too.
ODD: Final = Policy(
    half_lives=HalfLives(
        **{
            each.name: (30 + 7 * place) * DAY_S + place
            for place, each in enumerate(dataclasses.fields(HalfLives))
        }
    ),
    saturation=SaturationPoints(
        **{each.name: 0.1 + place for place, each in enumerate(dataclasses.fields(HalfLives))}
    ),
    indicator_weights=IndicatorWeights(
        **{each.name: 0.1 + place / 7 for place, each in enumerate(dataclasses.fields(HalfLives))}
    ),
    dimension_weights=DimensionWeights(value=0.7, willingness=1.1, absorption=1.9),
    high=HighThresholds(value=0.2, willingness=0.15, absorption=0.17),
    priors=Priors(
        **{
            each.name: Prior(a=1.0 if not place else 1.0 + place / 9, b=3.0 - place / 7)
            for place, each in enumerate(dataclasses.fields(Priors))
            if each.name != "acceptance_rate"
        }
    ),
    money=Money(referred_margin=777, referrer_share=0.3),
    kappas=(0.9, 0.7, 0.3),
    new_category_after_s=DAY_S,
    n0=0.7,
    contact_window=3,
    lead_user_from=0.15,
)


def check_state(state: ProfileState, policy: Policy = POLICY, *, silent_s: int = 0) -> None:
    """
    Score and announce what the state's bytes hold, natively and in Python, and compare.

    The announcement is as of *silent_s* seconds after the newest event.
    """
    delivery = state.delivery
    delivery.announced_as_of = state.last_occurred_at + silent_s * MICROS
    delivery.announced_class = delivery.announced_class or SourceClass.UNKNOWN
    delivery.announced_total = delivery.announced_total or 0.5
    data = encode_state(state, policy)
    numbers = choices.Choices(policy)
    for epoch in various_epochs(policy):
        expected = expected_of(data, policy, epoch)
        scored = native.scored(data, numbers, choices.EpochNumbers(epoch))
        update = native.update_of(data, KEY, HEAD, numbers, choices.EpochNumbers(epoch))
        assert (repr(scored), update) == (repr(expected[0]), expected[1])


def expected_of(data: bytes, policy: Policy, epoch: Epoch) -> tuple[tuple[Any, ...], bytes]:
    """Return what Python makes of the state: its score, and the update of its announcement."""
    fold = ProfileFold(
        topics=TOPICS, events=EVENTS, outputs=OUTPUTS, policy=policy, epoch_at=lambda _: epoch
    )
    state = decode_state(data, policy)
    score, readings = fold._score(state, fold.newest_s(state))
    effects = Effects(0)
    fold.announce_again(KEY, state, effects)
    update = effects.updates[0].value
    assert update is not None
    scored = (
        readings.values,
        readings.evidence,
        tuple(readings.normalised),
        (score.value, score.willingness, score.absorption),
        score.total,
        (score.value_n_eff, score.willingness_n_eff, score.absorption_n_eff),
        score.source_class.value,
        score.engagement.value,
        score.engagement_reason,
        score.lead_user,
        fold._is_due(state.delivery, score),
    )
    return scored, update


def state_of(events: list[ProfileEvent], policy: Policy = POLICY) -> ProfileState:
    """Fold the events."""
    state = ProfileState.empty(0)
    for event in events:
        apply_event(state, event, policy)
    return state


@st.composite
def deliveries(draw: st.DrawFn) -> Delivery:
    """Draw what was announced last: nothing, or any class, total and event."""
    delivery = Delivery.empty(0)
    if draw(st.booleans()):
        delivery.announced_class = draw(st.sampled_from(SourceClass))
        delivery.announced_previous = draw(st.sampled_from([None, *SourceClass]))
        delivery.announced_total = draw(st.floats(0.01, 1.0))
        delivery.announced_as_of = T0_S * MICROS
        delivery.announced_version = draw(st.integers(1, 2**62))
        delivery.announced_event_id = draw(st.text("aß/0", max_size=80))
    return delivery


@given(
    histories(30).filter(bool),
    deliveries(),
    st.sampled_from([POLICY, ODD]),
    st.sampled_from([0, 1, DAY_S - 1, 40 * DAY_S, 20 * 365 * DAY_S]),
)
def test_any_history_is_scored_alike(
    events: list[ProfileEvent], delivery: Delivery, policy: Policy, silent_s: int
) -> None:
    """Whatever happened to a customer, was announced before, and however long it is silent."""
    state = state_of(events, policy)
    state.delivery = delivery

    check_state(state, policy, silent_s=silent_s)


def planted(seed: int, policy: Policy) -> Facts:
    """Return facts with more of everything than a drawn history has."""
    chance = random.Random(seed)
    facts = Facts.empty()
    age_s = chance.randrange(1, 4000 * DAY_S)
    facts.last_at = (policy.landmark_s + age_s) * MICROS + chance.randrange(MICROS)
    today = age_s // DAY_S
    span_s = chance.randrange(age_s)

    def past_s() -> int:
        return policy.landmark_s + age_s - chance.randrange(span_s + 1)

    facts.sums = defaultdict(int)
    for slot in chance.sample(range(slots.COUNT), chance.randrange(slots.COUNT)):
        half_life_s = policy.half_lives_s[slots.INDICATOR_OF[slot]]
        for _ in range(chance.randrange(1, 4)):
            at_s = past_s() - policy.landmark_s
            low = -300 if slot in {slots.NET_MARGIN, slots.REFERRED_MARGIN} else 0
            most = chance.choice([3, 40_000])
            facts.sums[slot] += chance.randrange(low, most) * weight(at_s, half_life_s)
        if slots.CATEGORIES <= slot < slots.TEXT_TRUST and chance.random() < 0.2:
            facts.sums[slot] *= -1
    facts.counts = [chance.randrange(chance.choice([1, 5])) for _ in range(counters.COUNT)]
    for kind in range(3):
        for _ in range(chance.choice([0, 3, 15, 200])):
            facts.contact_days[kind] |= 1 << max(0, today - chance.randrange(900))
    facts.first_in_category = {
        key: past_s() for key in chance.sample(range(16), chance.randrange(17))
    }
    for _ in range(chance.choice([0, 1, 900])):
        facts.referred |= 1 << chance.randrange(256)
    facts.referred_buyers = facts.referred & chance.getrandbits(256)
    facts.first_s = min(past_s(), past_s())
    facts.first_purchase_s = chance.choice([-1, past_s()])
    facts.last_purchase_s = chance.choice([-1, past_s()])
    facts.last_complaint_s = chance.choice([-1, past_s()])
    seconds = [*topic_of(15).seconds, *topic_of(30).seconds]
    topics = chance.sample(range(48), chance.randrange(MOST_MENTIONS + 1))
    facts.mentions = {
        topic_key(f"topic {number}"): max(facts.first_s, chance.choice([past_s(), *seconds]))
        for number in topics
    }
    bits = [1 << place for place in range(12) if chance.random() < 0.7]
    facts.newest = [
        (facts.last_at - ago, f"event-{ago}" * chance.randrange(1, 9), bit)
        for ago, bit in enumerate(bits)
    ]
    return facts


@given(st.integers(0, 2**64), deliveries(), st.sampled_from([POLICY, ODD]))
def test_crowded_states_are_scored_alike(seed: int, delivery: Delivery, policy: Policy) -> None:
    """Hundreds of days with contacts, full sketches, new categories by the dozen."""
    check_state(ProfileState(planted(seed, policy), b"", delivery), policy)


@pytest.mark.parametrize("age_s", [28 * DAY_S - 1, 28 * DAY_S])
def test_who_has_just_come_is_scored_alike(age_s: int) -> None:
    """On both sides of the second from which a customer may have a class."""
    for seed in range(50):
        facts = planted(seed, POLICY)
        facts.first_s = facts.last_at // MICROS - age_s
        facts.mentions = {}  # none is before the first event
        check_state(ProfileState(facts, b"", Delivery.empty(0)))


@pytest.mark.parametrize("rejected", [0, 1, 2])
@pytest.mark.parametrize("adopted", [0, 1, 2])
def test_who_is_refuted_is_scored_alike(adopted: int, rejected: int) -> None:
    """Less often than adopted or not; some of them valuable enough for it to matter."""
    policy = dataclasses.replace(ODD, n0=0.001)
    is_doubted = 0
    for seed in range(50):
        facts = planted(seed, policy)
        facts.counts[counters.ADOPTED], facts.counts[counters.REJECTED] = adopted, rejected
        state = ProfileState(facts, b"", Delivery.empty(0))
        check_state(state, policy)
        advice = expected_of(encode_state(state, policy), policy, epoch_zero(policy))[0][-3]
        is_doubted += advice == DOUBTED[1]

    assert (is_doubted > 5) == (0 < rejected >= adopted)


@given(st.integers(0, 2**64))
def test_order_of_first_purchases_in_categories_does_not_matter(seed: int) -> None:
    """The reference may go through them in any order, so the order of bins is one of them."""
    facts = planted(seed, ODD)
    now_s = facts.last_at // MICROS
    before = read_value(facts, now_s, epoch_zero(ODD), ODD)
    pairs = list(facts.first_in_category.items())
    random.Random(seed).shuffle(pairs)

    facts.first_in_category = dict(pairs)

    assert read_value(facts, now_s, epoch_zero(ODD), ODD) == before


def test_simulated_customers_are_scored_alike() -> None:
    """Five hundred of them, scored as of their newest events."""
    plan = SimulationPlan(customers=500, seed=5)
    for customer in simulate(plan):
        check_state(state_of(list(customer.events)))


@st.composite
def sums(draw: st.DrawFn) -> int:
    """Draw an integer of up to 350 bits: any, at half between two doubles, or just off that."""
    leading = draw(st.integers(0, 2**54 - 1))
    shift = draw(st.integers(0, 296))
    number = (leading << shift) + draw(st.sampled_from([-1, 0, 0, 1, 1 << shift // 2]))
    return draw(st.sampled_from([number, -number, draw(st.integers(-(2**300), 2**300))]))


@given(sums(), st.sampled_from([0, 400, 840]))
def test_sums_are_read_as_the_nearest_doubles(number: int, day: int) -> None:
    """As CPython rounds them, with ties to the even one, however many bits are idle."""
    state = state_of([order(occurred_at=(POLICY.landmark_s + day * DAY_S) * MICROS)])
    idle = POLICY.idle_bits(day)
    read = [slots.NET_MARGIN, slots.ORDERS, slots.REWARDS_OFFERED]
    for slot in (*read, *range(slots.CATEGORIES, slots.TEXT_TRUST)):
        state.facts.sums[slot] = number << idle[slot]
    check_state(state)


def test_customers_alike_get_updates_alike() -> None:
    """They differ in the key alone, which is the customer."""
    state = state_of([order()])
    state.delivery.announced_class = SourceClass.UNKNOWN
    state.delivery.announced_total, state.delivery.announced_as_of = 0.5, T0_S * MICROS
    data = encode_state(state, POLICY)
    numbers, epoch = choices.Choices(POLICY), choices.EpochNumbers(epoch_zero(POLICY))

    updates = [native.update_of(data, key, HEAD, numbers, epoch) for key in (b"a", b"b")]

    assert updates[0].replace(b"\x02a", b"\x02b", 1) == updates[1]
    assert OUTPUTS.decode_score_update(updates[1]).customer_id == "b"


def test_update_is_due_at_first_on_another_class_and_on_a_move() -> None:
    """By a total that moved epsilon, not by less."""
    state = state_of([order()])
    numbers, epoch = choices.Choices(POLICY), choices.EpochNumbers(epoch_zero(POLICY))

    def is_due(source_class: SourceClass | None, total: float | None) -> bool:
        state.delivery.announced_class, state.delivery.announced_total = source_class, total
        state.delivery.announced_as_of = None if total is None else T0_S * MICROS
        due: bool = native.scored(encode_state(state, POLICY), numbers, epoch)[-1]
        return due

    total = native.scored(encode_state(state, POLICY), numbers, epoch)[4]
    unknown = SourceClass.UNKNOWN

    assert is_due(None, None)
    assert not is_due(unknown, total)
    assert not is_due(unknown, total + 0.0099)
    assert is_due(unknown, total + 0.0101)
    assert is_due(SourceClass.ORDINARY, total)


def test_no_score_without_an_event() -> None:
    """Nor before the landmark: the same error as in Python."""
    data = encode_state(ProfileState.empty(0), POLICY)
    numbers, epoch = choices.Choices(POLICY), choices.EpochNumbers(epoch_zero(POLICY))

    with pytest.raises(ValueError, match="before the landmark"):
        native.scored(data, numbers, epoch)


def test_enums_are_in_the_order_of_the_schema() -> None:
    """A symbol's place is written, and the place is the enum's."""
    fields = CATALOGUE.newest(subject_of(SCORE_UPDATED)).schema.json["fields"]
    symbols = {
        each["name"]: each["type"]["symbols"]
        for each in fields
        if isinstance(each["type"], dict) and "symbols" in each["type"]
    }

    assert symbols["reason"] == list(UpdateReason)
    assert symbols["source_class"] == list(SourceClass)
    assert symbols["engagement"] == list(Engagement)
