"""Simulation: deterministic, the same for any number of customers, valid, true to its truth."""

from itertools import islice
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec, source_of
from ckm_stream.codec.jsonform import event_from_json, event_to_json
from ckm_stream.domain.checks import check_event
from ckm_stream.domain.events import (
    SIMULATED_SOURCE,
    Call,
    Feedback,
    FeedbackStage,
    Purpose,
    Reward,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.simulation.customers import (
    DEFAULT_END_S,
    DEFAULT_START_S,
    SimulatedCustomer,
    SimulationPlan,
    customer_id_of,
    persona_of,
    simulate,
    simulate_customer,
    simulate_later,
)
from ckm_stream.simulation.persona import Role

POLICY = Policy()
CODEC = EventCodec(Catalogue.load())


@pytest.fixture(scope="module")
def population() -> list[SimulatedCustomer]:
    """Give 1,500 customers of one plan."""
    return list(simulate(SimulationPlan(customers=1500, seed=5)))


@given(seed=st.integers(), index=st.integers(0, 10**6), more=st.integers(0, 10**6))
@settings(max_examples=30)
def test_a_customer_is_the_same_whatever_the_number_of_customers(
    seed: int, index: int, more: int
) -> None:
    """Customer i of a seed never depends on how many others there are."""
    alone = SimulationPlan(customers=1, seed=seed)
    among = SimulationPlan(customers=index + 1 + more, seed=seed)

    assert simulate_customer(alone, index) == simulate_customer(among, index)


def test_customers_come_in_order_and_only_as_they_are_asked_for() -> None:
    """A plan of a billion customers gives its first three at once."""
    plan = SimulationPlan(customers=10**9, seed=1)

    first = list(islice(simulate(plan), 3))

    assert [each.persona.customer_id for each in first] == [customer_id_of(i) for i in range(3)]
    assert first == list(simulate(SimulationPlan(customers=3, seed=1)))


def test_another_seed_gives_other_customers() -> None:
    """Two seeds share neither latents nor event ids."""
    one, other = (simulate_customer(SimulationPlan(customers=1, seed=s), 0) for s in (1, 2))

    assert one.persona.value != other.persona.value
    assert not {e.event_id for e in one.events} & {e.event_id for e in other.events}


@given(seed=st.integers(), index=st.integers(0, 10**6), mean=st.floats(0.1, 200.0))
@settings(max_examples=50)
def test_every_event_is_valid_and_in_time_order(seed: int, index: int, mean: float) -> None:
    """Each event passes the checks, survives both wire forms, and says that it is simulated."""
    plan = SimulationPlan(customers=1, seed=seed, events_per_customer=mean)

    customer = simulate_customer(plan, index)

    assert customer.events
    assert list(customer.events) == sorted(customer.events, key=lambda each: each.occurred_at)
    for event in customer.events:
        check_event(event, record_timestamp_ms=event.recorded_at // 1000, policy=POLICY)
        key = event.customer_id.encode()
        assert CODEC.decode(source_of(event), key, CODEC.encode(event)) == event
        assert event_from_json(event_to_json(event), source_of(event)) == event
        assert (event.source, event.customer_id) == (SIMULATED_SOURCE, customer_id_of(index))
        assert DEFAULT_START_S <= event.occurred_s < DEFAULT_END_S
        assert 0 <= event.recorded_at - event.occurred_at <= 1800 * 1_000_000


def test_event_ids_are_unique(population: list[SimulatedCustomer]) -> None:
    """No two events of a plan share an id."""
    ids = [event.event_id for customer in population for event in customer.events]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("mean", [5.0, 20.0, 100.0])
def test_the_mean_number_of_events_is_what_was_asked_for(mean: float) -> None:
    """Over 1,000 customers the mean is within a sixth; most have fewer."""
    plan = SimulationPlan(customers=1000, seed=11, events_per_customer=mean)

    counts = sorted(len(customer.events) for customer in simulate(plan))

    assert fmean(counts) == pytest.approx(mean, rel=1 / 6)
    assert counts[500] < mean


def test_every_role_is_planted(population: list[SimulatedCustomer]) -> None:
    """Bots, liars, newcomers and key sources are among 1,500 customers."""
    assert {customer.persona.role for customer in population} == set(Role)


def test_truth_names_the_key_sources(population: list[SimulatedCustomer]) -> None:
    """Key sources are high on all three latents; bots, liars and newcomers are none."""
    for customer in population:
        truth, persona = customer.truth(), customer.persona
        lowest = min(persona.value, persona.willingness, persona.absorbability)
        is_honest = persona.role in (Role.KEY_SOURCE, Role.ORDINARY)
        assert truth["is_key_source"] == (is_honest and lowest >= 0.7)
        assert truth["events"] == len(customer.events)
    assert 0.02 < fmean(customer.persona.is_key_source for customer in population) < 0.08


def test_bots_make_many_empty_contacts(population: list[SimulatedCustomer]) -> None:
    """A bot only calls, says nothing, and more often than the mean customer."""
    bots = [each for each in population if each.persona.role is Role.BOT]

    for bot in bots:
        calls = [each for each in bot.events if isinstance(each, Call)]
        assert len(calls) == len(bot.events)
        assert all(each.note is None and not each.topics for each in calls)
        assert {each.purpose for each in calls} == {Purpose.OTHER}
    assert fmean(len(bot.events) for bot in bots) > 30


def test_liars_are_refuted(population: list[SimulatedCustomer]) -> None:
    """What liars say is mostly rejected once it is judged, though it looked new."""
    stages = [
        event.stage
        for customer in population
        if customer.persona.role is Role.LIAR
        for event in customer.events
        if isinstance(event, Feedback) and event.stage is not FeedbackStage.SUBMITTED
    ]

    assert stages.count(FeedbackStage.REJECTED) > 0.75 * len(stages)


def test_newcomers_have_just_arrived(population: list[SimulatedCustomer]) -> None:
    """All events of a newcomer lie in the last two weeks."""
    firsts = [
        each.events[0].occurred_s for each in population if each.persona.role is Role.NEWCOMER
    ]

    assert min(firsts) >= DEFAULT_END_S - 14 * 86_400


def test_referrers_are_earlier_customers(population: list[SimulatedCustomer]) -> None:
    """A customer is referred only by one with a smaller number, who thus exists in every plan."""
    referred = [each for each in population if each.referred_by is not None]

    assert 0.10 < len(referred) / len(population) < 0.20
    for each in referred:
        assert each.referred_by is not None
        assert each.referred_by < each.persona.customer_id
        assert all(event.referred_by == each.referred_by for event in each.events)


def test_who_has_just_arrived_has_referred_nobody(population: list[SimulatedCustomer]) -> None:
    """What the referred did would lie before the newcomer's own first event."""
    roles = {each.persona.customer_id: each.persona.role for each in population}
    referrers = {each.referred_by for each in population if each.referred_by is not None}

    assert Role.NEWCOMER not in {roles[each] for each in referrers}


def test_an_idea_is_adopted_once(population: list[SimulatedCustomer]) -> None:
    """Its reward is redeemed under another stage: a second adoption would count again."""
    told = [
        event for customer in population for event in customer.events if isinstance(event, Feedback)
    ]
    adopted = [each.feedback_id for each in told if each.stage is FeedbackStage.ADOPTED]
    redeemed = [each.stage for each in told if each.reward is Reward.REDEEMED]

    assert len(set(adopted)) == len(adopted)
    assert set(redeemed) == {FeedbackStage.REVIEWED}


def test_a_persona_can_be_had_without_its_events() -> None:
    """The latents of customer i do not depend on the events drawn."""
    customer = simulate_customer(SimulationPlan(customers=1, seed=3), 17)

    assert persona_of(3, 17) == customer.persona


LATER_S = DEFAULT_END_S + 2 * (DEFAULT_END_S - DEFAULT_START_S)


@given(seed=st.integers(), index=st.integers(0, 10**6))
@settings(max_examples=30)
def test_what_comes_later_is_drawn_anew(seed: int, index: int) -> None:
    """By the same customer, after the end, with other ids; and the same again each time."""
    plan = SimulationPlan(customers=1, seed=seed, events_per_customer=40.0)

    known = simulate_customer(plan, index)
    later = simulate_later(plan, index, until_s=LATER_S)

    assert later == simulate_later(plan, index, until_s=LATER_S)
    assert {each.event_id for each in later}.isdisjoint(each.event_id for each in known.events)
    assert list(later) == sorted(later, key=lambda each: each.occurred_at)
    for event in later:
        assert DEFAULT_END_S <= event.occurred_s < LATER_S
        assert event.customer_id == known.persona.customer_id
        assert event.referred_by == known.referred_by


def test_later_goes_on_at_the_same_rate() -> None:
    """Twice the time holds twice the events, of a customer who was there all the time."""
    plan = SimulationPlan(customers=600, seed=12)
    known, later = [], []
    for index in range(plan.customers):
        customer = simulate_customer(plan, index)
        if customer.persona.role is not Role.NEWCOMER:
            known.append(len(customer.events))
            later.append(len(simulate_later(plan, index, until_s=LATER_S)))

    assert fmean(later) / fmean(known) == pytest.approx(2.0, rel=0.06)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"customers": -1}, "customers"),
        ({"events_per_customer": 0.0}, "events per customer"),
        ({"events_per_customer": float("nan")}, "events per customer"),
        ({"events_per_customer": 1e9}, "events per customer"),
        ({"start_s": 100, "end_s": 200}, "end"),
    ],
)
def test_a_plan_that_cannot_be_played_is_refused(wrong: dict[str, float], named: str) -> None:
    """The message names what is wrong."""
    plan: dict[str, float] = {"customers": 1, "seed": 1, **wrong}

    with pytest.raises(ConfigurationError, match=named):
        SimulationPlan(**plan)  # type: ignore[arg-type]  # wrong on purpose
