"""From facts to a score: combination, classes, floors and the explanation."""

import builtins
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import exp, isfinite, log

import msgspec
import pytest

from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.events import (
    CallOutcome,
    Channel,
    FeedbackStage,
    ProfileEvent,
    PurchaseLine,
    Purpose,
    Reward,
)
from ckm_stream.domain.facts import Facts, add_event, merge
from ckm_stream.domain.mentions import topic_key
from ckm_stream.domain.score import Engagement, Indicator, Score, SourceClass
from ckm_stream.domain.scoring import FLOOR, explain, reference_total, score_profile
from ckm_stream.domain.topics import TopicTable
from tests.support.touchpoints import (
    DAY_S,
    POLICY,
    T0_S,
    WEEK_S,
    approach,
    call,
    feedback,
    order,
    referral,
    refund,
    ticket,
)

EPOCH = epoch_zero(POLICY)


def facts_of(*events: ProfileEvent) -> Facts:
    """Fold the events."""
    facts = Facts.empty()
    for event in events:
        add_event(facts, event, POLICY)
    return facts


def key_source() -> Facts:
    """Return a customer who buys, tells, answers and is heard."""
    music = PurchaseLine(sku="s", category="music", quantity=1, amount=1)
    books = PurchaseLine(sku="s", category="books", quantity=1, amount=1)
    events: list[ProfileEvent] = []
    for month in range(6):
        at_s = T0_S - month * 30 * DAY_S
        lines = (books if month < 3 else music,)
        channel = [Channel.WEB, Channel.STORE, Channel.PHONE][month % 3]
        events += [
            order(f"o{month}", at_s, lines=lines, employee_id="e-1"),
            feedback(f"f{month}", at_s + 60, channel=channel, rating=5.0, rating_scale=5.0),
            feedback(f"a{month}", at_s + 90, stage=FeedbackStage.ADOPTED),
            feedback(f"r{month}", at_s + 120, stage=FeedbackStage.REVIEWED, reward=Reward.REDEEMED),
            approach(CallOutcome.ANSWERED, f"c{month}", at_s + 150, reason="new range"),
            ticket(f"t{month}", at_s + 180, text="it broke", purpose=Purpose.REPORT, topics=("x",)),
        ]
    return facts_of(*events)


def test_a_customer_high_on_all_three_is_a_key_source() -> None:
    """And gets a style of engagement with its reason."""
    score = score_profile(key_source(), as_of_s=T0_S + 200, epoch=EPOCH, policy=POLICY)

    assert score.source_class is SourceClass.KEY_SOURCE
    assert score.value > EPOCH.high[0]
    assert score.willingness > EPOCH.high[1]
    assert score.absorption > EPOCH.high[2]
    assert score.engagement is not Engagement.NONE
    assert score.engagement_reason
    assert (score.epoch_id, score.as_of_s, score.lead_user) == (0, T0_S + 200, False)


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        ((0.1, 0.1, 0.1), SourceClass.KEY_SOURCE),
        ((0.1, 0.99, 0.1), SourceClass.SILENT_VALUABLE),
        ((0.1, 0.1, 0.99), SourceClass.UNABSORBED),
        ((0.99, 0.1, 0.1), SourceClass.WILLING_SCOUT),
        ((0.1, 0.99, 0.99), SourceClass.VALUABLE_OUT_OF_REACH),
        ((0.99, 0.1, 0.99), SourceClass.ORDINARY),
        ((0.99, 0.99, 0.1), SourceClass.ORDINARY),
        ((0.99, 0.99, 0.99), SourceClass.ORDINARY),
    ],
)
def test_class_follows_high_and_low(
    high: tuple[float, float, float], expected: SourceClass
) -> None:
    """HHH, HLH, HHL, LHH, HLL, LHL, LLH, LLL as the specification lists them."""
    epoch = replace(EPOCH, high=high)

    score = score_profile(key_source(), as_of_s=T0_S + 200, epoch=epoch, policy=POLICY)

    assert score.source_class is expected


#: Topics that a population spoke of over the 80 days from ``T0_S`` on.
TOPICS = tuple(
    sorted(
        (
            TopicTable(topic_key(f"t{n}"), 30, tuple(T0_S + 5 * DAY_S * step for step in range(17)))
            for n in range(9)
        ),
        key=lambda table: table.key,
    )
)


def test_who_speaks_of_topics_before_the_crowd_is_a_lead_user() -> None:
    """The flag changes the engagement, with its reason, and nothing else."""
    epoch = replace(EPOCH, epoch_id=1, topics=TOPICS)
    facts = key_source()

    def score(days: int) -> Score:
        facts.mentions = {topic_key(f"t{n}"): T0_S + days * DAY_S for n in range(9)}
        return score_profile(facts, as_of_s=T0_S + 90 * DAY_S, epoch=epoch, policy=POLICY)

    early, late = score(10), score(20)

    assert (early.lead_user, late.lead_user) == (True, False)
    assert early.engagement is Engagement.MUTUAL_INNOVATION
    assert early.engagement_reason == (
        "A lead user: has needs before the crowd, so develop with them. "
        "Spoke of 9 topics ahead of 87 % of those who did."
    )
    assert replace_lead(early, late) == late


def replace_lead(score: Score, by: Score) -> Score:
    """Return a score with another one's flag and engagement."""
    return msgspec.structs.replace(
        score,
        lead_user=by.lead_user,
        engagement=by.engagement,
        engagement_reason=by.engagement_reason,
    )


def test_a_lead_user_without_a_class_yet_says_both() -> None:
    """The flag is of the topics; what to do is of the class."""
    facts = facts_of(order())
    facts.mentions = {table.key: T0_S for table in TOPICS}

    score = score_profile(facts, as_of_s=T0_S, epoch=replace(EPOCH, topics=TOPICS), policy=POLICY)

    assert (score.source_class, score.lead_user) == (SourceClass.UNKNOWN, True)
    assert score.engagement is Engagement.NONE
    assert score.engagement_reason == (
        "Too little evidence to choose a style. Spoke of 9 topics ahead of 100 % of those who did."
    )


def test_unknown_is_not_low() -> None:
    """Evidence below n0 on any dimension: two orders say nothing of willingness."""
    facts = facts_of(*(order(f"o{n}") for n in range(9)))

    score = score_profile(facts, as_of_s=T0_S, epoch=EPOCH, policy=POLICY)

    assert score.source_class is SourceClass.UNKNOWN
    assert (score.value_n_eff, score.willingness_n_eff) == (9.0, 0.0)


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(28 * DAY_S - 1, SourceClass.UNKNOWN), (28 * DAY_S, SourceClass.KEY_SOURCE)],
)
def test_whoever_has_just_come_is_unknown(age_s: int, expected: SourceClass) -> None:
    """Until the first event is 28 days old, to the second, whatever has happened since."""
    facts = key_source()
    facts.first_s = T0_S + 200 - age_s

    score = score_profile(facts, as_of_s=T0_S + 200, epoch=EPOCH, policy=POLICY)

    assert score.source_class is expected


@pytest.mark.parametrize(
    ("high", "expected"),
    [
        ((0.1, 0.1, 0.1), SourceClass.WILLING_SCOUT),
        ((0.1, 0.99, 0.1), SourceClass.ORDINARY),
        ((0.1, 0.1, 0.99), SourceClass.ORDINARY),
        ((0.1, 0.99, 0.99), SourceClass.ORDINARY),
        ((0.99, 0.1, 0.1), SourceClass.WILLING_SCOUT),
    ],
)
def test_the_value_of_who_is_refuted_is_not_high(
    high: tuple[float, float, float], expected: SourceClass
) -> None:
    """Rejected as often as adopted: what is spent does not make a key source of a liar."""
    facts, epoch = key_source(), replace(EPOCH, high=high)
    before = score_profile(facts, as_of_s=T0_S + 200, epoch=epoch, policy=POLICY)
    for number in range(6):  # as many as were adopted
        wrong = feedback(f"wrong{number}", T0_S + 190, stage=FeedbackStage.REJECTED)
        add_event(facts, wrong, POLICY)

    score = score_profile(facts, as_of_s=T0_S + 200, epoch=epoch, policy=POLICY)

    assert score.source_class is expected
    assert (score.value >= high[0]) == (before.value >= high[0])
    says_so = "not adopted more often than rejected" in score.engagement_reason
    assert says_so == (high[0] < 0.5)
    assert not (says_so and score.engagement is not Engagement.NONE)


def test_who_is_unknown_is_not_called_wrong() -> None:
    """The reason is that too little is known, be it refuted or not."""
    facts = facts_of(feedback(at_s=T0_S - 60), feedback("no", stage=FeedbackStage.REJECTED))

    score = score_profile(
        facts, as_of_s=T0_S + 200, epoch=replace(EPOCH, high=(0.001,) * 3), policy=POLICY
    )

    assert score.source_class is SourceClass.UNKNOWN
    assert "evidence" in score.engagement_reason


def test_evidence_ages_and_the_class_becomes_unknown() -> None:
    """A key source who falls silent for years is not known any more."""
    score = score_profile(key_source(), as_of_s=T0_S + 400 * WEEK_S, epoch=EPOCH, policy=POLICY)

    assert score.source_class is SourceClass.UNKNOWN


def test_total_is_the_weighted_geometric_mean() -> None:
    """V^0.4 · W^0.3 · A^0.3 by default."""
    score = score_profile(key_source(), as_of_s=T0_S + 200, epoch=EPOCH, policy=POLICY)

    expected = score.value**0.4 * score.willingness**0.3 * score.absorption**0.3
    assert score.total == pytest.approx(expected, rel=1e-12)


def test_no_value_all_but_vetoes() -> None:
    """Value 0 is taken as 0.01, and costs the total a factor of 6.3."""
    score = score_profile(Facts.empty(), as_of_s=T0_S, epoch=EPOCH, policy=POLICY)

    assert score.value == FLOOR
    assert score.total < 0.1


@pytest.mark.parametrize("facts", [Facts.empty(), facts_of(refund()), key_source()])
@pytest.mark.parametrize("floor_reference", [False, True])
def test_contributions_add_up_floors_included(facts: Facts, *, floor_reference: bool) -> None:
    """Whether our value, the reference's or both lie at the floor."""
    epoch = replace(EPOCH, reference=(0.0,) * 12) if floor_reference else EPOCH

    why = explain(facts, as_of_s=T0_S + 200, epoch=epoch, policy=POLICY)

    total = score_profile(facts, as_of_s=T0_S + 200, epoch=epoch, policy=POLICY).total
    change = log(total / why.reference_total)
    assert sum(each.contribution for each in why.factors) == pytest.approx(change, abs=1e-9)


def test_the_reference_customer_contributes_nothing() -> None:
    """Factors are measured against the reference: at it, every contribution is 0."""
    facts = facts_of(call(), order())
    as_of_s = T0_S + 200
    factors = explain(facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY).factors
    like_them = replace(EPOCH, reference=tuple(each.normalised for each in factors))

    why = explain(facts, as_of_s=as_of_s, epoch=like_them, policy=POLICY)

    total = score_profile(facts, as_of_s=as_of_s, epoch=EPOCH, policy=POLICY).total
    assert all(each.contribution == 0.0 for each in why.factors)
    assert why.reference_total == pytest.approx(total, rel=1e-12)


def test_factors_say_what_they_rest_on() -> None:
    """Value, half-life, evidence and the newest event of each indicator."""
    facts = facts_of(
        order("old", T0_S - 60), order("new"), approach(CallOutcome.ANSWERED, at_s=T0_S - 30)
    )

    factors = explain(facts, as_of_s=T0_S, epoch=EPOCH, policy=POLICY).factors

    by_indicator = {each.indicator: each for each in factors}
    assert list(by_indicator) == list(Indicator)
    base = by_indicator[Indicator.BASE_POTENTIAL]
    assert base.value == pytest.approx(8_000 - 200, rel=1e-4)
    assert base.normalised == pytest.approx(base.value / (base.value + 2_000))
    assert base.half_life_s == 13 * WEEK_S
    assert base.newest_event_id == "new"
    assert base.weight == pytest.approx(0.4 * 0.4)
    acceptance = by_indicator[Indicator.ACCEPTANCE_RATE]
    assert acceptance.newest_event_id == "approach"
    assert by_indicator[Indicator.LEARNING_POTENTIAL].newest_event_id is None


def test_acceptance_is_ranked_by_its_lower_tenth_and_shown_by_its_mean() -> None:
    """One acceptance over a prior of two and two: the mean is 3 in 5."""
    facts = facts_of(approach(CallOutcome.ANSWERED))

    factors = explain(facts, as_of_s=T0_S, epoch=EPOCH, policy=POLICY).factors

    acceptance = factors[5]
    assert acceptance.indicator is Indicator.ACCEPTANCE_RATE
    assert acceptance.value == pytest.approx(0.6)
    assert acceptance.normalised < 0.4


def test_reference_total_is_that_of_the_reference_customer() -> None:
    """By hand, from a reference that is alike everywhere."""
    epoch: Epoch = replace(EPOCH, reference=(0.5,) * 12)

    assert reference_total(epoch) == pytest.approx(exp(log(0.5)))


def test_no_score_rests_on_the_sum_of_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """It compensates for rounding since Python 3.12: it may add integers only."""
    plain_sum = builtins.sum

    def sum_of_integers(values: Iterable[int], start: int = 0) -> int:
        values = list(values)
        assert all(isinstance(each, int) for each in values), "a sum of floats"
        return plain_sum(values, start)

    facts = key_source()
    facts.contact_days[0] = (1 << 1000) - 1
    monkeypatch.setattr(builtins, "sum", sum_of_integers)

    epoch = epoch_zero(POLICY)
    for each in (epoch, replace(epoch, employee_rates=(0.1,) * 16)):
        score_profile(facts, as_of_s=T0_S + 200, epoch=each, policy=POLICY)
        explain(facts, as_of_s=T0_S + 200, epoch=each, policy=POLICY)


def test_no_score_before_the_landmark() -> None:
    """Such an instant is a caller's mistake."""
    with pytest.raises(ValueError, match="before the landmark"):
        score_profile(Facts.empty(), as_of_s=POLICY.landmark_s - 1, epoch=EPOCH, policy=POLICY)


def test_a_hundred_thousand_events_stay_within_bounds() -> None:
    """A bot that calls every seven minutes for a year and a half: bounded state and score."""
    facts = Facts.empty()
    for number in range(100_000):
        add_event(facts, call(f"c{number}", T0_S + number * 450, note="again"), POLICY)

    score = score_profile(facts, as_of_s=T0_S + 100_000 * 450, epoch=EPOCH, policy=POLICY)

    assert FLOOR <= score.total <= 1.0
    assert score.source_class is not SourceClass.KEY_SOURCE
    assert len(facts.sums) < 20
    assert len(facts.newest) <= 12


def test_a_million_events_stay_within_bounds() -> None:
    """A thousand of every kind, joined with themselves ten times over."""
    kinds: list[Callable[..., ProfileEvent]] = [order, call, ticket, feedback, referral]
    facts = Facts.empty()
    for number in range(1_000):
        add_event(facts, kinds[number % 5](f"e{number}", T0_S + number * DAY_S // 2), POLICY)
    for _ in range(10):
        facts = merge(facts, facts)

    for years in (2, 20):
        now_s = T0_S + years * 365 * DAY_S
        score = score_profile(facts, as_of_s=now_s, epoch=EPOCH, policy=POLICY)
        why = explain(facts, as_of_s=now_s, epoch=EPOCH, policy=POLICY)

        assert FLOOR <= score.total <= 1.0
        assert all(isfinite(each.value) and 0.0 <= each.normalised <= 1.0 for each in why.factors)
    assert len(facts.newest) <= 12
