"""What every model of buying obeys: bounds, order, weights, and a reference for each number."""

from math import isfinite

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from scipy.integrate import IntegrationWarning

from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying
from ckm_stream.lifetime.histories import MOST_REPEATS, MOST_WEEKS, Histories
from ckm_stream.lifetime.model import HIGHEST, LOWEST, Schedule
from ckm_stream.lifetime.pareto import ParetoNBD
from tests.support.cdnow import exact_histories
from tests.support.lifetimes import (
    closed_form,
    geometric_reference,
    log_likelihood_reference,
    one,
    pareto_reference,
)

KINDS: tuple[type[AnyBuying], ...] = (BetaGeometric, ModifiedBetaGeometric, ParetoNBD)

BG = BetaGeometric(0.2426, 4.4136, 0.7929, 2.4259)
MBG = ModifiedBetaGeometric(0.5248, 6.1831, 0.8914, 1.6140)
PARETO = ParetoNBD(0.5533, 10.5777, 0.6062, 11.6687)

edges = st.sampled_from([LOWEST, 1.0, HIGHEST])
any_parameter = edges | st.floats(-3.0, 4.0).map(lambda e: min(max(10.0**e, LOWEST), HIGHEST))
any_model = st.builds(
    lambda kind, values: kind(*values), st.sampled_from(KINDS), st.tuples(*[any_parameter] * 4)
)
usual_parameter = st.floats(-1.3, 1.7).map(lambda e: 10.0**e)
usual_model = st.builds(
    lambda kind, values: kind(*values), st.sampled_from(KINDS), st.tuples(*[usual_parameter] * 4)
)
any_weeks = st.sampled_from([0.0, 5e-324, MOST_WEEKS]) | st.floats(0.0, MOST_WEEKS)


@st.composite
def history(draw: st.DrawFn, most: int = MOST_REPEATS, longest: float = MOST_WEEKS) -> Histories:
    """One customer of any history at all."""
    x = draw(st.sampled_from([0, 1, most]) | st.integers(0, 30) | st.integers(0, most))
    age = draw(st.sampled_from([0.0, longest]) | st.floats(0.0, longest))
    share = draw(st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0))
    return one(x, min(share * age, age) if x else 0.0, age)


@given(any_model, history(), any_weeks)
@settings(max_examples=400)
def test_no_model_ever_answers_nan_or_below_zero(
    model: AnyBuying, customer: Histories, weeks: float
) -> None:
    """Over all parameters, those on their bounds included, and all histories."""
    (alive,) = model.probability_alive(customer)
    (expected,) = model.expected_purchases(customer, weeks)

    assert 0.0 <= alive <= 1.0
    assert 0.0 <= expected < float("inf")
    assert isfinite(model.log_likelihood(customer))


@given(any_model, st.integers(0, 2**32 - 1), any_weeks)
@settings(max_examples=40)
def test_no_population_makes_a_model_answer_nan_or_below_zero(
    model: AnyBuying, seed: int, weeks: float
) -> None:
    """In bulk, where curves stand in for the integrals, likewise."""
    rng = np.random.default_rng(seed)
    x = rng.choice([0.0, 1.0, 2.0, 100.0, MOST_REPEATS], 2_000)
    age = np.minimum(10.0 ** rng.uniform(-6.0, 4.3, 2_000), MOST_WEEKS)
    t_x = np.where(x > 0, age * rng.choice([0.0, 0.5, 1.0], 2_000), 0.0)
    population = Histories.of(x, t_x, age)

    alive = model.probability_alive(population)
    expected = model.expected_purchases(population, weeks)

    assert np.all((alive >= 0.0) & (alive <= 1.0))
    assert np.all((expected >= 0.0) & (expected < np.inf))
    assert isfinite(model.log_likelihood(population))


@given(any_model, history(), any_weeks, any_weeks)
def test_longer_horizon_never_brings_fewer_purchases(
    model: AnyBuying, customer: Histories, one_end: float, other_end: float
) -> None:
    """E[Y(t)] rises with t; the quadrature's error, below 1e-6 of it, apart."""
    near, far = sorted((one_end, other_end))

    (sooner,) = model.expected_purchases(customer, near)
    (later,) = model.expected_purchases(customer, far)

    assert sooner <= later * (1 + 1e-6)


@given(any_model, history())
def test_nothing_is_bought_in_no_time(model: AnyBuying, customer: Histories) -> None:
    """E[Y(0)] is 0, exactly."""
    assert model.expected_purchases(customer, 0.0).tolist() == [0.0]


@given(any_model, history(), any_weeks)
def test_nobody_is_expected_to_buy_more_than_a_customer_who_never_leaves(
    model: AnyBuying, customer: Histories, weeks: float
) -> None:
    """E[Y(t)] <= P(alive)·t·(r + x)/(alpha + T)."""
    (expected,) = model.expected_purchases(customer, weeks)

    rate = (model.r + customer.repeats[0]) / (model.alpha + customer.age_weeks[0])
    most = model.probability_alive(customer)[0] * rate * weeks
    # Products of numbers near 5e-324 have no digits left to compare.
    assert expected <= most * (1 + 1e-9) + 1e-300


@given(any_model, history(), st.floats(0.0, 1.0))
def test_longer_silence_never_makes_a_customer_more_alive(
    model: AnyBuying, customer: Histories, share: float
) -> None:
    """The same x and T with an earlier last purchase: P(alive) is no higher."""
    x, age = int(customer.repeats[0]), float(customer.age_weeks[0])
    earlier = one(x, share * float(customer.recency_weeks[0]), age)

    (silent,) = model.probability_alive(earlier)
    (recent,) = model.probability_alive(customer)
    assert silent <= recent + 1e-6


@given(usual_model, history(most=300, longest=520.0), st.floats(0.1, 520.0))
@settings(max_examples=300)
def test_expectation_is_that_of_the_defining_integrals(
    model: AnyBuying, customer: Histories, weeks: float
) -> None:
    """P(alive), E[Y] and ln L against adaptive quadrature of the definitions, to 1e-6."""
    x, t_x, age, _ = (float(column[0]) for column in customer.columns().values())
    key = int(x), t_x, age
    try:
        if isinstance(model, ParetoNBD):
            alive, expected = pareto_reference(model, key, weeks)
        else:
            alive, expected = geometric_reference(model, key, weeks)
        likelihood = log_likelihood_reference(model, key)
    except IntegrationWarning:
        reject()  # the quadrature says itself that it does not know

    assert model.probability_alive(customer)[0] == pytest.approx(alive, rel=1e-6, abs=1e-9)
    found = model.expected_purchases(customer, weeks)[0]
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    if alive > 1e-12:
        assert model.log_likelihood(customer) == pytest.approx(likelihood, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("model", [BG, MBG, PARETO])
def test_expectation_for_every_customer_of_cdnow_is_the_reference(model: AnyBuying) -> None:
    """E[Y(39)] of 2,357 customers within 1e-6: the papers' closed form, or the integrals."""
    population = exact_histories().grouped()
    x, t_x, age, _ = population.columns().values()
    keys = [(int(x[i]), float(t_x[i]), float(age[i])) for i in range(len(population))]
    if isinstance(model, ParetoNBD):
        expected = [pareto_reference(model, key, 39.0)[1] for key in keys]
    else:
        expected = [closed_form(model, key, 39.0) for key in keys]

    found = model.expected_purchases(population, 39.0)

    assert np.abs(found - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("model", "likelihood"), [(BG, -9582.43), (MBG, -9582.14), (PARETO, -9594.98)]
)
def test_likelihood_of_cdnow_is_the_published_one(model: AnyBuying, likelihood: float) -> None:
    """At the published parameters, for customers one by one and for rows that stand for many."""
    population = exact_histories()

    assert model.log_likelihood(population) == pytest.approx(likelihood, abs=0.01)
    assert model.log_likelihood(population.grouped()) == pytest.approx(
        model.log_likelihood(population), abs=1e-8
    )


def test_customer_of_the_paper_is_worth_what_the_paper_says() -> None:
    """For x = 2, t_x = 30.43, T = 38.86 BG/NBD says E[Y(39)] = 1.226 and P(alive) = .7266."""
    customer = one(2, 30.43, 38.86)

    assert BG.expected_purchases(customer, 39.0)[0] == pytest.approx(1.226, abs=5e-4)
    assert BG.probability_alive(customer)[0] == pytest.approx(0.7266, abs=5e-5)


def test_one_time_buyer_is_alive_for_certain_under_bg_nbd_only() -> None:
    """BG/NBD lets nobody leave before a repeat; the other two do."""
    customer = one(0, 0.0, 38.86)

    assert BG.probability_alive(customer)[0] == 1.0
    assert MBG.probability_alive(customer)[0] < 0.7
    assert PARETO.probability_alive(customer)[0] < 0.7


@pytest.mark.parametrize("model", [BG, MBG, PARETO])
def test_who_bought_at_the_end_is_alive(model: AnyBuying) -> None:
    """With t_x = T Pareto/NBD is certain; the others allow for leaving after that purchase."""
    (alive,) = model.probability_alive(one(3, 20.0, 20.0))

    if isinstance(model, ParetoNBD):
        assert alive == pytest.approx(1.0, abs=1e-12)
    else:
        assert alive == pytest.approx(1 / (1 + model.a / (model.b + 2 + (model is MBG))))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("value", [0.0, -1.0, 9.9e-4, 1.1e4, float("nan"), float("inf")])
def test_parameter_outside_its_range_is_refused_by_name(
    kind: type[AnyBuying], place: int, value: float
) -> None:
    """No model without a meaning is ever made."""
    values = [1.0] * 4
    values[place] = value

    with pytest.raises(FitError, match=f"{kind.NAME}: {kind.PARAMETERS[place]} is"):
        kind(*values)


@pytest.mark.parametrize("model", [BG, MBG, PARETO])
def test_parameters_are_told_in_the_order_that_makes_the_model(model: AnyBuying) -> None:
    """So that they can be stored, and read back."""
    assert type(model)(*model.parameters()) == model
    named = [getattr(model, name) for name in model.PARAMETERS]
    assert tuple(named) == model.parameters()


@given(usual_model, history(most=300, longest=520.0))
def test_sum_over_horizons_is_the_sum_of_the_expectations(
    model: AnyBuying, customer: Histories
) -> None:
    """Σ weight·E[Y(end)] in one go; ends of 0 and weights of 0 count nothing."""
    ends, weights = np.array([0.0, 4.0, 8.0, 50.0]), np.array([1.0, 0.25, 0.0, 0.5])
    parts = [model.expected_purchases(customer, float(end))[0] for end in ends]

    (found,) = model.weighted_purchases(customer, Schedule.of(ends, weights))

    assert found == pytest.approx(float(weights @ parts), rel=1e-7, abs=1e-300)


@pytest.mark.parametrize(
    ("end", "weight"), [(-1.0, 0.5), (1e5, 0.5), (float("nan"), 0.5), (1.0, -0.1), (1.0, 1.1)]
)
def test_horizon_outside_its_range_is_refused(end: float, weight: float) -> None:
    """Weeks from 0 to 10,000, weights from 0 to 1."""
    with pytest.raises(ConfigurationError, match="horizon"):
        Schedule.of(np.array([end]), np.array([weight]))


@pytest.mark.parametrize("model", [BG, MBG, PARETO])
def test_nobody_is_answered_for_nobody(model: AnyBuying) -> None:
    """An empty batch has an empty answer, and a likelihood of 1."""
    nobody = Histories.of([], [], [])

    assert model.probability_alive(nobody).tolist() == []
    assert model.expected_purchases(nobody, 39.0).tolist() == []
    assert model.log_likelihood(nobody) == 0.0
