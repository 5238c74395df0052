"""Measures against their definitions, written out over all pairs and all orders of ties."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.evidence.arrays import Flags, Numbers
from ckm_stream.evidence.measures import (
    Order,
    area_under_curve,
    calibration_bins,
    calibration_error,
    gains,
    gini,
    hits_at_r,
    mean_absolute_error,
    normalised_gini,
    precision_at,
    top_share,
)

#: Few different values, so that ties are common.
Population = list[tuple[int, int]]
populations = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=30)
few = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=5)


def arrays(population: Population) -> tuple[Numbers, Numbers]:
    """Return predictions and what is held."""
    predicted, held = np.array(population, dtype=np.float64).T
    return predicted, held


def shares_over_all_orders(predicted: Numbers, held: Numbers, share: float) -> float:
    """Return the mean share of the first, over every order that the predictions allow."""
    count = share * len(held)
    found = []
    for order in permutations(range(len(held))):
        if all(predicted[a] >= predicted[b] for a, b in pairwise(order)):
            parts = np.clip(count - np.arange(len(held)), 0.0, 1.0)
            found.append(parts @ held[list(order)] / held.sum())
    return float(np.mean(found))


@given(few, st.floats(0.0, 1.0))
def test_top_share_is_its_mean_over_all_orders_of_ties(
    population: Population, share: float
) -> None:
    """Equal customers share what they hold; the last one counts in part."""
    predicted, held = arrays(population)
    if not held.any():
        assert np.isnan(top_share(Order.of(predicted), held, share))
        return

    found = top_share(Order.of(predicted), held, share)

    assert found == pytest.approx(shares_over_all_orders(predicted, held, share), abs=1e-12)


@given(populations)
def test_normalised_gini_is_over_all_pairs(population: Population) -> None:
    """Σ sign(p - q)(h - k) / Σ |h - k|; not a number if all hold the same."""
    predicted, held = arrays(population)
    differences = held[:, None] - held
    agreed = (np.sign(predicted[:, None] - predicted) * differences).sum()
    most = np.abs(differences).sum()

    found = normalised_gini(gini(Order.of(predicted), held), gini(Order.of(held), held))

    if most:
        assert found == pytest.approx(agreed / most, abs=1e-12)
    else:
        assert np.isnan(found)


@given(populations)
def test_area_under_curve_is_over_all_pairs(population: Population) -> None:
    """How often a positive ranks above a negative, ties half; not a number without both."""
    predicted, held = arrays(population)
    positive = held > 1
    pairs = [
        np.sign(mine - other) / 2 + 0.5
        for mine in predicted[positive]
        for other in predicted[~positive]
    ]

    found = area_under_curve(Order.of(predicted), positive)

    if pairs:
        assert found == pytest.approx(np.mean(pairs), abs=1e-12)
    else:
        assert np.isnan(found)


@given(few, st.integers(1, 5))
def test_precision_is_its_mean_over_all_orders_of_ties(population: Population, count: int) -> None:
    """Hits among the first, by the number of the first."""
    predicted, held = arrays(population)
    positive = held > 1
    count = min(count, len(held))
    if not positive.any():
        return

    found = precision_at(Order.of(predicted), positive, count)

    share = shares_over_all_orders(predicted, positive.astype(float), count / len(held))
    assert found == pytest.approx(share * positive.sum() / count, abs=1e-12)


@given(populations)
def test_precision_at_r_is_recall_at_r(population: Population) -> None:
    """As many are taken as there are positives: both divide by the same number."""
    predicted, held = arrays(population)
    positive = held > 1
    order = Order.of(predicted)
    if not positive.any():
        with pytest.raises(ValueError, match="the first 0 of"):
            precision_at(order, positive)
        return

    share = positive.sum() / len(positive)

    assert precision_at(order, positive) == pytest.approx(
        float(top_share(order, positive.astype(float), share))
    )


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9]), st.booleans()), min_size=1),
    st.integers(1, 7),
)
def test_calibration_error_is_that_of_equal_bins(
    population: list[tuple[float, bool]], bins: int
) -> None:
    """With each customer cut into as many parts as there are bins, all bins are whole."""
    probabilities = np.array([probability for probability, _ in population])
    came_true = np.array([outcome for _, outcome in population])
    evened = np.array([came_true[probabilities == each].mean() for each in probabilities])
    order = np.argsort(probabilities)
    parts = np.repeat(order, bins).reshape(bins, len(population))
    gaps = np.abs(probabilities[parts].mean(axis=1) - evened[parts].mean(axis=1))

    found = calibration_error(probabilities, came_true, bins)

    assert found == pytest.approx(gaps.mean(), abs=1e-12)


def test_calibration_error_by_hand() -> None:
    """Two bins of two: |0.15 - 0| and |0.85 - 0.5|."""
    probabilities = np.array([0.1, 0.8, 0.2, 0.9])
    came_true = np.array([False, True, False, False])

    assert calibration_error(probabilities, came_true, 2) == pytest.approx((0.15 + 0.35) / 2)


def measured(predicted: Numbers, held: Numbers) -> list[float]:
    """Return every measure of an order."""
    order, positive = Order.of(predicted), held > 1
    values: list[Numbers] = [
        top_share(order, held, 0.3),
        normalised_gini(gini(order, held), gini(Order.of(held), held)),
        area_under_curve(order, positive),
    ]
    return [float(value) for value in values]


@given(populations, st.randoms(use_true_random=False))
def test_measures_depend_on_neither_scale_nor_order_of_customers(
    population: Population, chance: object
) -> None:
    """A rising function of the predictions ranks alike, and so does a shuffled table."""
    shuffled = list(population)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    predicted, held = arrays(shuffled)

    moved = measured(np.exp(3 * predicted) - 7, held)

    assert moved == pytest.approx(measured(*arrays(population)), abs=1e-12, nan_ok=True)


@given(populations)
def test_the_reverse_order_is_as_bad_as_the_order_is_good(population: Population) -> None:
    """Gini changes its sign, and the areas add up to 1."""
    predicted, held = arrays(population)
    order, reverse = Order.of(predicted), Order.of(-predicted)

    assert gini(reverse, held) == pytest.approx(-gini(order, held), abs=1e-12, nan_ok=True)
    rest = 1.0 - area_under_curve(reverse, held > 1)
    assert area_under_curve(order, held > 1) == pytest.approx(rest, abs=1e-12, nan_ok=True)


@given(populations)
def test_no_order_does_better_than_that_of_what_is_held(population: Population) -> None:
    """Perfect foresight is the upper bound, at every share of the customers."""
    predicted, held = arrays(population)
    if not held.any():
        return
    shares = np.linspace(0.0, 1.0, 11)

    curve, best = (gains(Order.of(each), held, shares) for each in (predicted, held))

    assert (best - curve >= -1e-12).all()
    assert (np.diff(curve) >= -1e-12).all()
    assert (curve[0], curve[-1]) == (0.0, pytest.approx(1.0))


@given(populations, st.data())
def test_a_customer_drawn_twice_counts_as_two(population: Population, data: st.DataObject) -> None:
    """A resample by counts is the table with its lines repeated; of one left out, without."""
    counts = np.array(
        [
            data.draw(
                st.lists(st.integers(0, 3), min_size=len(population), max_size=len(population))
            )
            for _ in range(2)
        ],
        dtype=np.float64,
    )
    counts[:, 0] += 1
    predicted, held = arrays(population)
    order, best = Order.of(predicted).drawn(counts), Order.of(held).drawn(counts)
    drawn = [
        top_share(order, held, 0.3),
        normalised_gini(gini(order, held), gini(best, held)),
        area_under_curve(order, held > 1),
        mean_absolute_error(predicted, held, counts),
    ]

    for row, times in enumerate(counts.astype(int)):
        repeated = np.repeat(predicted, times), np.repeat(held, times)
        expected = [*measured(*repeated), float(mean_absolute_error(*repeated))]
        found = [float(each[row]) for each in drawn]
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_measures_of_a_small_shop_by_hand() -> None:
    """Five customers; the second and third are ranked alike."""
    predicted = np.array([9.0, 5.0, 5.0, 2.0, 1.0])
    held = np.array([40.0, 0.0, 30.0, 20.0, 10.0])
    order = Order.of(predicted)

    assert top_share(order, held, 0.4) == pytest.approx((40 + 15) / 100)
    assert area_under_curve(order, held > 0) == pytest.approx((1 + 0.5 + 0 + 0) / 4)
    assert mean_absolute_error(predicted, held) == pytest.approx((31 + 5 + 25 + 18 + 9) / 5)
    positive: Flags = held >= 30
    assert precision_at(order, positive) == pytest.approx(0.75)


@pytest.mark.parametrize("predictions", [[], [1.0, np.nan]])
def test_no_order_comes_from_no_numbers(predictions: list[float]) -> None:
    """Not a number would sort anywhere."""
    with pytest.raises(ValueError, match="each a number"):
        Order.of(np.array(predictions))


@given(populations)
def test_hits_at_r_are_precision_at_r(population: Population) -> None:
    """Times R: how many there are to be found."""
    predicted, held = arrays(population)
    positive = held > 1

    hits, wanted = hits_at_r(Order.of(predicted), positive)

    assert wanted == positive.sum()
    if positive.any():
        expected = precision_at(Order.of(predicted), positive)
        assert hits / wanted == pytest.approx(expected, abs=1e-12)


@given(populations, st.data())
def test_hits_at_r_of_a_resample_are_those_of_customers_written_out(
    population: Population, data: st.DataObject
) -> None:
    """R too is that of the customers who were drawn."""
    predicted, held = arrays(population)
    positive = held > 1
    size = len(population)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    if not counts.any():
        return
    order = Order.of(predicted).drawn(np.array([counts, counts], dtype=np.float64))

    hits, wanted = hits_at_r(order, positive)

    written_out = Order.of(np.repeat(predicted, counts))
    expected = hits_at_r(written_out, np.repeat(positive, counts))
    np.testing.assert_allclose([hits, wanted], np.repeat(np.array([expected]).T, 2, 1), atol=1e-9)


@given(populations, st.integers(1, 7), st.data())
def test_a_weight_is_a_customer_that_counts_so_often(
    population: Population, bins: int, data: st.DataObject
) -> None:
    """In the bins, in the error, and in the area under the curve."""
    predicted, held = arrays(population)
    probabilities, positive = predicted / 4, held > 1
    size = len(population)
    counts = np.array(data.draw(st.lists(st.integers(1, 4), min_size=size, max_size=size)))
    repeated = np.repeat(probabilities, counts), np.repeat(positive, counts)
    weights = counts.astype(np.float64)

    found = calibration_bins(probabilities, positive, bins, weights=weights)

    np.testing.assert_allclose(found, calibration_bins(*repeated, bins), atol=1e-12)
    error = calibration_error(probabilities, positive, bins, weights=weights)
    assert error == pytest.approx(calibration_error(*repeated, bins), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=20))
def test_a_share_is_so_many_positives_of_those_who_count(population: Population) -> None:
    """A customer with 2 of 5 accepted is 2 positives and 3 negatives."""
    predicted, accepted = arrays(population)
    parts = accepted.astype(np.int64)
    written_out = np.concatenate([np.arange(5) < part for part in parts])
    weights, share = np.full(len(parts), 5.0), accepted / 5
    repeated = np.repeat(predicted / 4, 5)

    error = calibration_error(predicted / 4, share, 3, weights=weights)
    area = area_under_curve(Order.of(predicted).drawn(weights), share)

    assert error == pytest.approx(calibration_error(repeated, written_out, 3), abs=1e-12)
    expected = area_under_curve(Order.of(repeated), written_out)
    assert area == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(populations, st.integers(1, 7))
def test_bins_hold_everything_and_rise(population: Population, bins: int) -> None:
    """Each the same part of it, by rising probability."""
    predicted, held = arrays(population)
    probabilities, positive = predicted / 4, held > 1

    means, shares = calibration_bins(probabilities, positive, bins)

    assert means.mean() == pytest.approx(probabilities.mean(), abs=1e-12)
    assert shares.mean() == pytest.approx(positive.mean(), abs=1e-12)
    assert (np.diff(means) >= -1e-12).all()
