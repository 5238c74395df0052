"""Laws of the score: bounds, time, monotonicity, and an explanation that adds up."""

from dataclasses import replace
from itertools import pairwise
from math import log
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.choices import Money, References, SaturationPoints
from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import (
    MICROS,
    CallOutcome,
    CampaignResponse,
    FeedbackStage,
    ProfileEvent,
    Purchase,
    PurchaseLine,
)
from ckm_stream.domain.facts import Facts, add_event
from ckm_stream.domain.indicators import read_value, read_willingness
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Score, SourceClass
from ckm_stream.domain.scoring import FLOOR, explain, score_profile
from tests.support.epochs import various_epochs
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    approach,
    feedback,
    histories,
    order,
    purchases,
    reading,
    refund,
)

EPOCH = epoch_zero(POLICY)
END_S = POLICY.landmark_s + 2000 * DAY_S
ROUNDING = 1e-12

Group = TypeVar("Group", SaturationPoints, References)

later = st.integers(0, 20 * 365 * DAY_S)
epochs = st.sampled_from([*various_epochs(POLICY)])


def facts_of(history: list[ProfileEvent], policy: Policy = POLICY) -> Facts:
    """Fold the events, in their order."""
    facts = Facts.empty()
    for event in history:
        add_event(facts, event, policy)
    return facts


def score_of(history: list[ProfileEvent], now_s: int = END_S, epoch: Epoch = EPOCH) -> Score:
    """Score the events' facts."""
    return score_profile(facts_of(history), as_of_s=now_s, epoch=epoch, policy=POLICY)


@given(histories(), later, epochs)
def test_a_score_stays_within_its_bounds(
    history: list[ProfileEvent], silence_s: int, epoch: Epoch
) -> None:
    """Dimensions and total lie in [0.01, 1], factors in [0, 1], up to 20 years of silence."""
    now_s = END_S + silence_s

    score = score_of(history, now_s, epoch)
    factors = explain(facts_of(history), as_of_s=now_s, epoch=epoch, policy=POLICY).factors

    for number in (score.value, score.willingness, score.absorption, score.total):
        assert FLOOR <= number <= 1.0
    assert all(0.0 <= factor.normalised <= 1.0 for factor in factors)
    assert all(factor.n_eff >= 0.0 for factor in factors)


@given(histories(), later, epochs)
def test_contributions_add_up_to_the_score(
    history: list[ProfileEvent], silence_s: int, epoch: Epoch
) -> None:
    """The factors' contributions are ln(total) - ln(reference total) within 1e-9."""
    now_s = END_S + silence_s

    why = explain(facts_of(history), as_of_s=now_s, epoch=epoch, policy=POLICY)
    total = score_of(history, now_s, epoch).total

    change = log(total) - log(why.reference_total)
    assert sum(factor.contribution for factor in why.factors) == pytest.approx(change, abs=1e-9)
    assert sum(factor.weight for factor in why.factors) == pytest.approx(1.0, abs=ROUNDING)


@given(histories(), st.data(), epochs)
def test_any_order_of_events_gives_the_same_score_and_explanation(
    history: list[ProfileEvent], data: Any, epoch: Epoch
) -> None:
    """Equal facts are scored and explained in equal bytes."""
    shuffled = data.draw(st.permutations(history))

    ours, theirs = (
        msgspec.msgpack.encode(
            (
                score_of(each, epoch=epoch),
                explain(facts_of(each), as_of_s=END_S, epoch=epoch, policy=POLICY),
            )
        )
        for each in (history, shuffled)
    )

    assert ours == theirs


@given(histories())
def test_reading_does_not_change_what_is_read(history: list[ProfileEvent]) -> None:
    """Batch is stream: scoring after every event leaves the same facts as scoring once."""
    facts = Facts.empty()
    for event in history:
        add_event(facts, event, POLICY)
        score_profile(facts, as_of_s=END_S, epoch=EPOCH, policy=POLICY)
        explain(facts, as_of_s=END_S, epoch=EPOCH, policy=POLICY)

    assert facts == facts_of(history)


@given(histories(), st.integers(0, 3000))
def test_shifting_events_and_now_by_days_shifts_nothing(
    history: list[ProfileEvent], days: int
) -> None:
    """Scores depend on ages, not on the calendar."""
    shift = days * DAY_S * MICROS
    shifted = [
        msgspec.structs.replace(
            event, occurred_at=event.occurred_at + shift, recorded_at=event.recorded_at + shift
        )
        for event in history
    ]

    ours, theirs = score_of(history), score_of(shifted, END_S + days * DAY_S)

    assert theirs.total == pytest.approx(ours.total, abs=ROUNDING)
    assert theirs.value == pytest.approx(ours.value, abs=ROUNDING)
    assert theirs.willingness == pytest.approx(ours.willingness, abs=ROUNDING)
    assert theirs.absorption == pytest.approx(ours.absorption, abs=ROUNDING)


@given(st.lists(purchases(), max_size=8, unique_by=lambda each: each.event_id))
def test_base_potential_halves_exactly_with_each_half_life(history: list[Purchase]) -> None:
    """Reading one half-life later gives exactly half, to the last bit."""
    facts = facts_of(list(history))
    half_life_s = POLICY.half_lives.base_potential

    readings = [read_value(facts, END_S + n * half_life_s, EPOCH, POLICY)[0][0] for n in range(4)]

    assert all(after == before / 2 for before, after in pairwise(readings))


@given(histories(), later, later)
def test_value_cools_in_silence(history: list[ProfileEvent], earlier_s: int, more_s: int) -> None:
    """Without events neither base nor growth potential rises."""
    facts = facts_of(history)

    before, _ = read_value(facts, END_S + earlier_s, EPOCH, POLICY)
    after, _ = read_value(facts, END_S + earlier_s + more_s, EPOCH, POLICY)

    assert after[0] <= before[0] + ROUNDING
    assert after[1] <= before[1] * (1 + ROUNDING)


@given(histories(), st.integers(0, 100_000), st.sampled_from(["", "music", "books", "new"]))
def test_one_more_purchase_never_lowers_value(
    history: list[ProfileEvent], margin: int, category: str
) -> None:
    """Any order sold at no loss leaves each indicator of value at least where it was."""
    line = PurchaseLine(sku="s", category=category, quantity=1, amount=margin)
    more = order("more!", END_S, amount=margin, cost=0, lines=(line,))

    before, after = score_of(history), score_of([*history, more])

    assert after.value >= before.value - ROUNDING


@given(histories(), st.integers(0, 100_000), st.integers(0, 2000))
def test_a_refund_never_raises_anything(
    history: list[ProfileEvent], amount: int, days_ago: int
) -> None:
    """A refund, at any time after the first event, leaves every dimension at most where it was."""
    first_at = min((each.occurred_at for each in history), default=END_S * MICROS)
    at_s = max(first_at // MICROS, END_S - days_ago * DAY_S)
    back = refund("back!", at_s, amount=amount, cost=0)

    assert_nothing_rises(score_of(history), score_of([*history, back]))


@given(
    histories(),
    st.sampled_from(
        [
            approach(CallOutcome.DECLINED, "no!", END_S),
            approach(CallOutcome.NO_ANSWER, "no!", END_S, consent={"ads": True}),
            approach(CallOutcome.DECLINED, "no!", END_S, consent={"ads": False}),
            order("no!", END_S, amount=0, response=CampaignResponse.DECLINED),
            order("no!", END_S, amount=0, response=CampaignResponse.NO_ANSWER),
        ]
    ),
)
def test_a_decline_never_raises_anything(history: list[ProfileEvent], no: ProfileEvent) -> None:
    """Who turns an approach down, or does not answer it, gains nothing by it."""
    assert_nothing_rises(score_of(history), score_of([*history, no]))


def assert_nothing_rises(before: Score, after: Score) -> None:
    """Compare all dimensions and the total."""
    assert after.value <= before.value + ROUNDING
    assert after.willingness <= before.willingness + ROUNDING
    assert after.absorption <= before.absorption + ROUNDING
    assert after.total <= before.total + ROUNDING


@given(histories())
def test_one_more_acceptance_never_lowers_the_acceptance_rate(
    history: list[ProfileEvent],
) -> None:
    """W2 rises with every approach accepted and falls with every one declined."""
    yes = approach(CallOutcome.ANSWERED, "yes!", END_S)
    no = approach(CallOutcome.DECLINED, "no!", END_S)

    plain, accepted, declined = (
        read_willingness(facts_of([*history, *more]), END_S, EPOCH, POLICY)[0][1]
        for more in ([], [yes], [no])
    )

    assert declined < plain < accepted


@given(histories(), st.integers(-1000, 1000), later)
def test_one_more_text_moves_trust_the_way_it_sounds(
    history: list[ProfileEvent], sentiment: int, silence_s: int
) -> None:
    """A pleased one never lowers W3, a displeased one never raises it, nor moves another."""
    now_s = END_S + silence_s
    told = reading("one more", T0_S, sentiment=sentiment)

    before = read_willingness(facts_of(history), now_s, EPOCH, POLICY)
    after = read_willingness(facts_of([*history, told]), now_s, EPOCH, POLICY)

    assert (after[0][2] - before[0][2]) * sentiment >= 0.0
    assert after[1][2] >= before[1][2]
    assert after[1][2] - before[1][2] <= POLICY.sentiment_weight + ROUNDING


@given(histories())
def test_confirmation_never_lowers_and_refutation_never_raises_value(
    history: list[ProfileEvent],
) -> None:
    """An adopted item lifts learning potential, a rejected one lets all items count less."""
    adopted = feedback("adopted!", END_S, stage=FeedbackStage.ADOPTED)
    rejected = feedback("rejected!", END_S, stage=FeedbackStage.REJECTED)

    plain, confirmed, refuted = (
        score_of([*history, *more]).value for more in ([], [adopted], [rejected])
    )

    assert refuted - ROUNDING <= plain <= confirmed + ROUNDING


@given(histories(), st.lists(st.tuples(st.booleans(), st.integers(0, 2000)), max_size=6))
def test_an_adoption_leads_no_key_source_away_and_a_rejection_makes_none(
    history: list[ProfileEvent], verdicts: list[tuple[bool, int]]
) -> None:
    """Whatever was said before, by thresholds that everybody reaches."""
    policy = replace(POLICY, n0=1e-9)
    epoch = replace(EPOCH, high=(FLOOR, FLOOR, FLOOR))
    # Evidence on each dimension: nobody has a class without.
    first_s = END_S - 2000 * DAY_S
    history += [order("first!", first_s), approach(CallOutcome.ANSWERED, "yes!", first_s)]
    for number, (is_right, days_ago) in enumerate(verdicts):
        stage = FeedbackStage.ADOPTED if is_right else FeedbackStage.REJECTED
        history.append(feedback(f"verdict-{number}", END_S - days_ago * DAY_S, stage=stage))

    def is_key_source(*more: ProfileEvent) -> bool:
        facts = facts_of([*history, *more])
        score = score_profile(facts, as_of_s=END_S, epoch=epoch, policy=policy)
        return score.source_class is SourceClass.KEY_SOURCE

    plain = is_key_source()
    confirmed = is_key_source(feedback("adopted!", END_S, stage=FeedbackStage.ADOPTED))
    refuted = is_key_source(feedback("rejected!", END_S, stage=FeedbackStage.REJECTED))

    assert refuted <= plain <= confirmed


@given(st.lists(purchases(), max_size=8, unique_by=lambda each: each.event_id))
def test_another_currency_unit_changes_no_score(history: list[Purchase]) -> None:
    """Amounts in hundredths of the unit, with the policy's money in hundredths, score alike."""
    fine = replace(
        POLICY,
        money=Money(call_cost=20_000, ticket_cost=30_000, referred_margin=100_000),
        saturation=hundredfold(POLICY.saturation),
        reference=hundredfold(POLICY.reference),
    )
    # Explicit costs and no lines: no thousandth of a unit is cut off on the way.
    plain = [msgspec.structs.replace(each, cost=each.amount // 2 + 1, lines=()) for each in history]
    hundredths = [
        msgspec.structs.replace(each, amount=each.amount * 100, cost=each.cost * 100)
        for each in plain
    ]

    ours = score_profile(facts_of(list(plain)), as_of_s=END_S, epoch=EPOCH, policy=POLICY)
    theirs = score_profile(
        facts_of(list(hundredths), fine), as_of_s=END_S, epoch=epoch_zero(fine), policy=fine
    )

    assert theirs.total == pytest.approx(ours.total, abs=ROUNDING)
    assert theirs.source_class is ours.source_class


def hundredfold(group: Group) -> Group:
    """Say the same money in hundredths of the unit."""
    return replace(
        group,
        base_potential=group.base_potential * 100,
        growth_potential=group.growth_potential * 100,
        networking_potential=group.networking_potential * 100,
    )
