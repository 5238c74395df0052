"""
How good a prediction is, measured on what happened: rankings, probabilities and sums of money.

Customers with equal predictions are in no order, so whatever depends on their order is its expected
value over all of them: a part of such a group counts in proportion. On resamples, each measure is
an array with one value for each of them.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ckm_stream.evidence.arrays import Flags, Indices, Numbers


@dataclass(frozen=True, slots=True)
class Order:
    """
    Customers by a prediction, highest first; those with equal predictions form a group.

    Attributes:
        places: Customers in that order; int64[n].
        starts: Where in it each group starts; int64[groups].
        weights: How often each counts, in that order; float64[n], or [resamples, n].
    """

    places: Indices
    starts: Indices
    weights: Numbers

    @classmethod
    def of(cls, predictions: Numbers) -> Self:
        """
        Order customers by their predictions, each counting once.

        Raises:
            ValueError: If there is none, or one of them is not a number.
        """
        if not predictions.size or np.isnan(predictions).any():
            raise ValueError("a prediction for each customer is needed, and each a number")
        places = np.argsort(-predictions, kind="stable")
        falls = np.diff(predictions[places]) != 0
        starts = np.flatnonzero(np.concatenate(([True], falls)))
        return cls(places, starts, np.ones(len(places)))

    def drawn(self, counts: Numbers) -> "Order":
        """Return the same order with each customer *counts* times; float64[resamples, n]."""
        return Order(self.places, self.starts, np.take(counts, self.places, axis=-1))

    def customers(self) -> Numbers:
        """Return how many customers each group has; [..., groups]."""
        return self._by_group(self.weights)

    def sums(self, values: Numbers) -> Numbers:
        """Return the sum of each group's values, which are float64[n]; [..., groups]."""
        return self._by_group(self.weights * values[self.places])

    def _by_group(self, ordered: Numbers) -> Numbers:
        if len(self.starts) == len(self.places):
            return ordered
        return np.add.reduceat(ordered, self.starts, axis=-1)


def top_share(order: Order, held: Numbers, share: float = 0.1) -> Numbers:
    """
    Return the share of everything *held* that the first *share* of the customers hold.

    Args:
        order: Customers by prediction.
        held: What each holds, such as later spend, >= 0; float64[n].
        share: The first part of the customers, in [0, 1]; a tenth of 2,357 is 235.7 of them.

    Returns:
        A share in [0, 1] for each resample; not a number if nothing is held.
    """
    return gains(order, held, np.array([share]))[..., 0]


def gains(order: Order, held: Numbers, shares: Numbers) -> Numbers:
    """Return ``top_share`` for each of *shares*: the gains curve, from 0 to 1; [..., shares]."""
    customers, sums = order.customers(), order.sums(held)
    reached, held_by = np.cumsum(customers, axis=-1), np.cumsum(sums, axis=-1)
    first = [
        _held_by_first(customers, sums, reached, held_by, share * reached[..., -1:])
        for share in shares
    ]
    with np.errstate(invalid="ignore"):
        return np.stack(first, axis=-1) / held_by[..., -1:]


def gini(order: Order, held: Numbers) -> Numbers:
    """
    Return twice the area between the gains curve and the diagonal, for each resample.

    It is Σ sign(pᵢ - pⱼ)(hᵢ - hⱼ) over all pairs, divided by n·Σ h; in (-1, 1). Not a number if
    nothing is held.
    """
    customers, sums = order.customers(), order.sums(held)
    reached = np.cumsum(sums, axis=-1)
    under = (customers * (reached - sums / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * under / (customers.sum(axis=-1) * reached[..., -1]) - 1)


def normalised_gini(by_prediction: Numbers, best: Numbers) -> Numbers:
    """
    Return the Gini coefficient by a prediction over the best, that by what is held itself.

    Returns:
        1 for a perfect order, 0 for none, -1 for the reverse; not a number if all hold the same.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(best > 0, by_prediction / best, np.nan)


def area_under_curve(order: Order, positive: Flags | Numbers) -> Numbers:
    """
    Return the chance that a positive ranks above a negative, a tie counting half (ROC AUC).

    Args:
        order: Customers by prediction.
        positive: Who is positive, such as: bought at all, bool[n]; or which part of each, such as
            the share of an order's answers that were accepted, in [0, 1], float64[n].

    Returns:
        A number in [0, 1] for each resample; not a number without both kinds.

    Source:
        Mann, Whitney: Annals of Mathematical Statistics 18 (1947).
    """
    positives = order.sums(positive.astype(np.float64))
    negatives = order.customers() - positives
    reached = np.cumsum(negatives, axis=-1)
    pairs = reached[..., -1] * positives.sum(axis=-1)
    above = (positives * (reached[..., -1:] - reached + negatives / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(above / pairs)


def mean_absolute_error(
    forecasts: Numbers, actual: Numbers, counts: Numbers | None = None
) -> Numbers:
    """Return the mean of |forecast - actual| over customers, each counting *counts* times."""
    errors = np.abs(forecasts - actual)
    if counts is None:
        return np.asarray(errors.mean())
    return np.asarray((counts @ errors) / counts.sum(axis=-1))


def hits_at_r(order: Order, positive: Flags) -> tuple[Numbers, Numbers]:
    """
    Return how many of the first R are positive, R being how many positives there are.

    Their ratio is precision at R, which is recall at R too.

    Returns:
        The expected number over the order of ties, and R; each for each resample.
    """
    customers, sums = order.customers(), order.sums(positive.astype(np.float64))
    reached, held_by = np.cumsum(customers, axis=-1), np.cumsum(sums, axis=-1)
    wanted = held_by[..., -1:]
    return _held_by_first(customers, sums, reached, held_by, wanted), wanted[..., 0]


def precision_at(order: Order, positive: Flags, count: int | None = None) -> float:
    """
    Return the share of positives among the first *count*, expected over the order of ties.

    Args:
        order: Customers by prediction, each counting once.
        positive: Who is positive; bool[n].
        count: 1 to n; as many as there are positives (precision at R) if not given.

    Raises:
        ValueError: If *count*, given or not, is not 1 to n.
    """
    hits = positive.astype(np.float64)
    first = int(hits.sum()) if count is None else count
    if not 1 <= first <= len(hits):
        raise ValueError(f"the first {first} of {len(hits)} have no precision")
    return float(top_share(order, hits, first / len(hits)) * hits.sum() / first)


def calibration_error(
    probabilities: Numbers,
    positive: Flags | Numbers,
    bins: int = 10,
    *,
    weights: Numbers | None = None,
) -> float:
    """
    Return the expected calibration error (ECE) over bins of equal mass.

    The mean over bins of |mean probability - share of positives|, which ``calibration_bins`` gives.

    Source:
        Naeini, Cooper, Hauskrecht: AAAI 2015, with the bins of equal mass of Nguyen and O'Connor,
        EMNLP 2015.
    """
    predicted, came_true = calibration_bins(probabilities, positive, bins, weights=weights)
    return float(np.abs(predicted - came_true).mean())


def calibration_bins(
    probabilities: Numbers,
    positive: Flags | Numbers,
    bins: int = 10,
    *,
    weights: Numbers | None = None,
) -> tuple[Numbers, Numbers]:
    """
    Return the mean probability and the share of positives in each of several bins of equal mass.

    Customers with equal probabilities are spread evenly over the bins that they reach into.

    Args:
        probabilities: Predicted, in [0, 1]; float64[n].
        positive: What came true, bool[n]; or which share of what was predicted, in [0, 1],
            float64[n].
        bins: How many, >= 1; each has the same part of all weight.
        weights: What each counts, > 0, such as how often it was put to the test; float64[n]; 1 if
            not given.

    Returns:
        Two arrays, by rising probability; float64[bins] each.
    """
    order = Order.of(-probabilities)
    if weights is not None:
        order = order.drawn(weights)
    reached = np.cumsum(np.append(0.0, order.customers()))
    edges = np.linspace(0.0, reached[-1], bins + 1)

    def in_bins(values: Numbers) -> Numbers:
        sums = np.cumsum(np.append(0.0, order.sums(values)))
        return np.asarray(np.diff(np.interp(edges, reached, sums)) / np.diff(edges))

    return in_bins(probabilities), in_bins(positive.astype(np.float64))


def _held_by_first(
    customers: Numbers, sums: Numbers, reached: Numbers, held_by: Numbers, count: Numbers
) -> Numbers:
    """Return what the first *count* of the customers hold; [..., groups] and [..., 1] to [...]."""
    group = np.sum(reached < count, axis=-1, keepdims=True)
    # Rounding may put a count of everything a hair above everything.
    group = np.minimum(group, customers.shape[-1] - 1)
    of_group = [np.take_along_axis(each, group, axis=-1) for each in (customers, sums, reached)]
    group_customers, group_sum, group_end = of_group
    # A group that no one in a resample belongs to is reached by a count of 0 alone.
    part = np.maximum(group_end - count, 0.0) / np.maximum(group_customers, 1e-300)
    first = np.take_along_axis(held_by, group, axis=-1) - part * group_sum
    return np.asarray(first[..., 0])
