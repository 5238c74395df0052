"""The quadrature over beta distributions: weights, moments, and the stated error."""

from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln, digamma

from ckm_stream.lifetime.posterior import BetaNodes

shapes = st.sampled_from([1e-3, 1.0, 1e4]) | st.floats(-3.0, 4.0).map(lambda e: 10.0**e)
usual = st.floats(-0.5, 3.0).map(lambda e: 10.0**e)
small = st.floats(-1.3, -0.5).map(lambda e: 10.0**e)
steep = st.sampled_from([1.0, 1e13]) | st.floats(0.0, 13.0).map(lambda e: 10.0**e)


def _nodes(a: float, b: float, steepness: float = 1.0) -> BetaNodes:
    return BetaNodes.of(np.array([a]), np.array([b]), np.array([steepness]))


@given(shapes, shapes, steep)
@settings(max_examples=300)
def test_nodes_are_probabilities_and_weights_add_up_to_one(
    a: float, b: float, steepness: float
) -> None:
    """Nodes rise through (0, 1] with p + rest = 1, none is lost to underflow at 0."""
    nodes = _nodes(a, b, steepness)

    assert np.all(nodes.p > 0.0)
    assert np.all(np.diff(nodes.p) >= 0.0)
    assert np.all(nodes.weights >= 0.0)
    assert nodes.weights.sum() == pytest.approx(1.0)
    assert nodes.p + nodes.rest == pytest.approx(np.ones_like(nodes.p))


@given(shapes, shapes, st.floats(1.0, 1e6))
@settings(max_examples=300)
def test_mean_is_exact_for_every_pair_of_shapes(a: float, b: float, steepness: float) -> None:
    """E[p] over Beta(a + 1, b) is (a + 1)/(a + 1 + b), E[1 - p] the rest, each to 1e-7."""
    nodes = _nodes(a, b, steepness)
    total = a + 1.0 + b

    assert (nodes.weights * nodes.p).sum() == pytest.approx((a + 1.0) / total, rel=1e-7)
    assert (nodes.weights * nodes.rest).sum() == pytest.approx(b / total, rel=1e-7)


@given(usual, usual, st.floats(0.1, 5.0))
def test_moments_and_logarithms_are_exact_to_1e_10_for_usual_shapes(
    a: float, b: float, power: float
) -> None:
    """E[p^k] is a ratio of beta functions for any k, E[ln p] a difference of digammas."""
    nodes = _nodes(a, b)

    assert (nodes.weights * nodes.p**power).sum() == pytest.approx(_moment(a, b, power), rel=1e-10)
    mean_log = digamma(a + 1) - digamma(a + 1 + b)
    assert (nodes.weights * np.log(nodes.p)).sum() == pytest.approx(mean_log, rel=1e-10)


@given(small, usual | small, st.floats(0.1, 5.0))
def test_moments_of_small_shapes_are_exact_to_1e_7(a: float, b: float, power: float) -> None:
    """The left side is long there, and nodes are far apart: 5.3e-8 was the worst of 120,000."""
    nodes = _nodes(a, b)

    assert (nodes.weights * nodes.p**power).sum() == pytest.approx(_moment(a, b, power), rel=2e-7)


def _moment(a: float, b: float, power: float) -> float:
    return float(np.exp(betaln(a + 1 + power, b) - betaln(a + 1, b)))


def test_left_side_is_followed_down_as_far_as_a_steep_function_counts() -> None:
    """E[1/(p + e)] over Beta(1.001, 1) with e = 1e-13: 3 of 10,000 parts lie below 1e-15."""
    nodes = _nodes(1e-3, 1.0, 1e13)

    def in_log_p(y: float) -> float:
        return 1.001 * exp(1.001 * y) / (exp(y) + 1e-13)

    expected = sum(quad(in_log_p, low, low + 10)[0] for low in range(-60, 0, 10))
    found = (nodes.weights / (nodes.p + 1e-13)).sum()
    assert found == pytest.approx(expected, rel=1e-7)
    assert found != pytest.approx(
        sum(quad(in_log_p, low, low + 2)[0] for low in range(-34, 0, 2)), rel=1e-5
    )


def test_pairs_are_independent_of_one_another() -> None:
    """The nodes of a pair are the same alone, in company, and when taken."""
    a, b, steepness = np.array([0.5, 3.0]), np.array([2.0, 700.0]), np.array([10.0, 1.0])

    both = BetaNodes.of(a, b, steepness)

    taken = both.take(np.array([1, 1, 0]))
    alone = _nodes(3.0, 700.0)
    assert taken.p[0] == pytest.approx(alone.p[0], rel=1e-14)
    assert taken.weights[1] == pytest.approx(alone.weights[0], rel=1e-12)
    assert taken.rest[2].tolist() == both.rest[0].tolist()
