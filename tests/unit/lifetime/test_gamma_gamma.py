"""Gamma-Gamma: the expected spend, and the likelihood of what was paid."""

from itertools import pairwise
from math import exp, lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from ckm_stream.errors import FitError
from ckm_stream.lifetime.gamma_gamma import LEAST_MONEY, GammaGamma
from ckm_stream.lifetime.histories import MOST_MONEY, MOST_REPEATS, Spends
from ckm_stream.lifetime.model import HIGHEST, LOWEST

CDNOW = GammaGamma(6.2496, 3.7442, 15.4435)

shapes = st.sampled_from([LOWEST, 1.0, HIGHEST]) | st.floats(-3.0, 4.0).map(
    lambda e: min(max(10.0**e, LOWEST), HIGHEST)
)
scales = st.sampled_from([LEAST_MONEY, MOST_MONEY]) | st.floats(LEAST_MONEY, MOST_MONEY)
models = st.builds(GammaGamma, shapes, shapes, scales)
counts = st.sampled_from([1, MOST_REPEATS + 1]) | st.integers(1, 100)
means = st.sampled_from([0.0, 1e-12, MOST_MONEY]) | st.floats(0.0, MOST_MONEY)


def _expected(model: GammaGamma, n: float, mean: float) -> float:
    return float(model.expected_spend(np.array([n]), np.array([mean]))[0])


def test_customers_of_the_paper_spend_what_the_paper_says() -> None:
    """By hand from p(gamma + n·z̄)/(p·n + q - 1): a mean of 22.35 over 2 spends becomes 24.66."""
    by_hand = 6.2496 * (15.4435 + 2 * 22.35) / (6.2496 * 2 + 3.7442 - 1)

    assert _expected(CDNOW, 2, 22.35) == pytest.approx(by_hand, rel=1e-12)
    assert _expected(CDNOW, 2, 22.35) == pytest.approx(24.66, abs=0.005)


@given(models, counts, means)
def test_expected_spend_is_never_nan_below_zero_or_infinite(
    model: GammaGamma, n: int, mean: float
) -> None:
    """Not for q <= 1 either, where the mean over all customers is infinite."""
    expected = _expected(model, n, mean)

    assert 0.0 < expected < float("inf")
    if model.q <= 1.0:
        assert expected <= 2.0 * (mean + model.gamma / n) * (1 + 1e-12)


@given(shapes, st.floats(1.001, 100.0), st.floats(0.01, 100.0), st.integers(1, 50), means)
def test_expected_spend_lies_between_the_customers_mean_and_everybodys(
    p: float, q: float, gamma: float, n: int, mean: float
) -> None:
    """A weighted mean of z̄ and of p·gamma/(q - 1), what a new customer is expected to pay."""
    population = p * gamma / (q - 1.0)
    expected = _expected(GammaGamma(p, q, gamma), n, mean)

    # Where p·n/2 > p·n + q - 1 nothing is bounded by the population: not for q > 1.
    assert min(mean, population) * (1 - 1e-9) <= expected <= max(mean, population) * (1 + 1e-9)


@given(models, counts, st.floats(0.01, 1e6), st.floats(0.01, 1e6))
def test_who_paid_more_is_expected_to_pay_more(
    model: GammaGamma, n: int, one_mean: float, other_mean: float
) -> None:
    """E[M] rises with the mean spend."""
    less, more = sorted((one_mean, other_mean))

    assert _expected(model, n, less) <= _expected(model, n, more)


def test_more_spends_weigh_more_against_everybodys_mean() -> None:
    """A mean of 100 is believed the more the more spends it is of."""
    beliefs = [_expected(CDNOW, n, 100.0) for n in (1, 2, 5, 50, 5_000)]

    assert beliefs == sorted(beliefs)
    assert beliefs[-1] == pytest.approx(100.0, rel=1e-3)


@given(models, counts, st.floats(1e-6, 1e9))
def test_likelihood_is_a_number_for_every_spend_above_zero(
    model: GammaGamma, n: int, mean: float
) -> None:
    """Over all parameters, those on their bounds included."""
    assert abs(model.log_likelihood(Spends.of([n], [mean]))) < float("inf")


@given(st.floats(0.5, 20.0), st.floats(0.5, 20.0), st.floats(0.5, 50.0), st.integers(1, 10))
def test_likelihood_is_the_mixture_of_the_gamma_densities(
    p: float, q: float, gamma: float, n: int
) -> None:
    """Mean spends are Gamma(p·n, n·nu) mixed over nu ~ Gamma(q, gamma), here by quadrature."""
    mean = 3.0 * p * gamma / q
    constant = q * log(gamma) - lgamma(q) + p * n * log(n) - lgamma(p * n) + (p * n - 1) * log(mean)

    def density(log_rate: float) -> float:
        # Both densities, times the rate for d ln rate.
        powers = (q + p * n) * log_rate
        return exp(constant + powers - (gamma + n * mean) * exp(log_rate))

    centre = log((p * n + q) / (gamma + n * mean))
    pieces = pairwise((-60.0, -20.0, -6.0, -2.0, 0.0, 2.0, 6.0))
    mixed = sum(quad(density, centre + low, centre + high, epsabs=1e-14)[0] for low, high in pieces)

    found = GammaGamma(p, q, gamma).log_likelihood(Spends.of([n], [mean]))
    assert found == pytest.approx(log(mixed), abs=1e-6)


def test_rows_that_stand_for_many_weigh_as_many() -> None:
    """Three rows of one customer are one row of three."""
    each = Spends.of([2, 2, 2, 5], [10.0, 10.0, 10.0, 3.0])
    grouped = Spends.of([2, 5], [10.0, 3.0], [3, 1])

    assert CDNOW.log_likelihood(grouped) == pytest.approx(CDNOW.log_likelihood(each))


def test_likelihood_of_a_spend_of_nothing_is_refused() -> None:
    """Its density is 0, and its logarithm no number."""
    with pytest.raises(FitError, match="leave out customers who paid nothing"):
        CDNOW.log_likelihood(Spends.of([1], [0.0]))


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ((0.0, 1.0, 1.0), "p"),
        ((1.0, 2e4, 1.0), "q"),
        ((1.0, 1.0, 0.0), "gamma"),
        ((1.0, 1.0, float("nan")), "gamma"),
        ((1.0, 1.0, 2e15), "gamma"),
    ],
)
def test_parameter_outside_its_range_is_refused_by_name(
    parameters: tuple[float, float, float], name: str
) -> None:
    """No model without a meaning is ever made."""
    with pytest.raises(FitError, match=f"gamma_gamma: {name} is"):
        GammaGamma(*parameters)
