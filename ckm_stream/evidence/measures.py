"""
How good a prediction is, measured on what happened: rankings, probabilities and sums of money.

Customers with equal predictions are in no order, so whatever depends on their order is its expected
value over all of them: a part of such a group counts in proportion. All measures take weights, how
often each customer is in a resample, with any leading axes, and give one value for each resample.
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
    """

    places: Indices
    starts: Indices

    @classmethod
    def of(cls, predictions: Numbers) -> Self:
        """
        Order customers by their predictions.

        Raises:
            ValueError: If there is none, or one of them is not a number.
        """
        if not predictions.size or np.isnan(predictions).any():
            raise ValueError("a prediction for each customer is needed, and each a number")
        places = np.argsort(-predictions, kind="stable")
        falls = np.diff(predictions[places]) != 0
        return cls(places, np.flatnonzero(np.concatenate(([True], falls))))

    def sums(self, values: Numbers) -> Numbers:
        """Return the sum of each group, highest prediction first; [..., n] to [..., groups]."""
        ordered = np.take(values, self.places, axis=-1)
        if len(self.starts) == len(self.places):
            return ordered
        return np.add.reduceat(ordered, self.starts, axis=-1)


def top_share(
    order: Order, held: Numbers, share: float = 0.1, *, weights: Numbers | None = None
) -> Numbers:
    """
    Return the share of everything *held* that the first *share* of the customers hold.

    Args:
        order: Customers by prediction.
        held: What each holds, such as later spend, >= 0; float64[n].
        share: The first part of the customers, in [0, 1]; a tenth of 2,357 is 235.7 of them.
        weights: How often each customer counts; [..., n], once each if not given.

    Returns:
        A share in [0, 1] for each resample; not a number if nothing is held.
    """
    weights = _weights(order, weights)
    customers, sums = order.sums(weights), order.sums(weights * held)
    with np.errstate(invalid="ignore"):
        first = _held_by_first(customers, sums, share * customers.sum(axis=-1))
        return np.asarray(first / sums.sum(axis=-1))


def gains(order: Order, held: Numbers, shares: Numbers) -> Numbers:
    """Return ``top_share`` for each of *shares*: the gains curve, from 0 to 1."""
    return np.array([top_share(order, held, share) for share in shares])


def normalised_gini(
    order: Order, actual: Order, held: Numbers, *, weights: Numbers | None = None
) -> Numbers:
    """
    Return the Gini coefficient of *held* by prediction over that by the actual order.

    It is Σ sign(pᵢ - pⱼ)(hᵢ - hⱼ) / Σ |hᵢ - hⱼ| over all pairs: 1 for a perfect order, 0 for none,
    -1 for the reverse.

    Args:
        order: Customers by prediction.
        actual: Customers by what they hold: ``Order.of(held)``.
        held: What each holds, >= 0; float64[n].
        weights: As for ``top_share``.

    Returns:
        A number in [-1, 1] for each resample; not a number if all hold the same.
    """
    weights = _weights(order, weights)
    by_prediction, best = _gini(order, held, weights), _gini(actual, held, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(best > 0, by_prediction / best, np.nan)


def area_under_curve(order: Order, positive: Flags, *, weights: Numbers | None = None) -> Numbers:
    """
    Return the chance that a positive ranks above a negative, a tie counting half (ROC AUC).

    Args:
        order: Customers by prediction.
        positive: Who is positive, such as: bought at all; bool[n].
        weights: As for ``top_share``.

    Returns:
        A number in [0, 1] for each resample; not a number without both kinds.

    Source:
        Mann, Whitney: Annals of Mathematical Statistics 18 (1947).
    """
    weights = _weights(order, weights)
    positives = order.sums(weights * positive)
    negatives = order.sums(weights) - positives
    not_below = np.cumsum(negatives, axis=-1)
    pairs = negatives.sum(axis=-1) * positives.sum(axis=-1)
    above = (positives * (not_below[..., -1:] - not_below + negatives / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(above / pairs)


def mean_absolute_error(
    forecasts: Numbers, actual: Numbers, *, weights: Numbers | None = None
) -> Numbers:
    """Return the mean of |forecast - actual| over customers, in their unit, for each resample."""
    errors = np.abs(forecasts - actual)
    if weights is None:
        return np.asarray(errors.mean())
    return np.asarray((weights @ errors) / weights.sum(axis=-1))


def precision_at(order: Order, positive: Flags, count: int | None = None) -> float:
    """
    Return the share of positives among the first *count*, expected over the order of ties.

    Args:
        order: Customers by prediction.
        positive: Who is positive; bool[n].
        count: 1 to n; as many as there are positives (precision at R) if not given.

    Raises:
        ValueError: If *count*, given or not, is not 1 to n.
    """
    first = int(positive.sum()) if count is None else count
    if not 1 <= first <= len(positive):
        raise ValueError(f"the first {first} of {len(positive)} have no precision")
    hits = positive.astype(np.float64)
    return float(top_share(order, hits, first / len(hits)) * hits.sum() / first)


def calibration_error(probabilities: Numbers, positive: Flags, bins: int = 10) -> float:
    """
    Return the expected calibration error (ECE) over bins with equally many customers.

    The mean over bins of |mean probability - share of positives|. Customers with equal
    probabilities are spread evenly over the bins that they reach into.

    Args:
        probabilities: Predicted, in [0, 1]; float64[n].
        positive: What came true; bool[n].
        bins: How many, >= 1.

    Source:
        Naeini, Cooper, Hauskrecht: AAAI 2015, with the bins of equal mass of Nguyen and O'Connor,
        EMNLP 2015.
    """
    order = Order.of(probabilities)
    customers = order.sums(np.ones(len(probabilities)))
    edges = np.linspace(0.0, len(probabilities), bins + 1)
    reached = np.concatenate(([0.0], np.cumsum(customers)))

    def in_bins(values: Numbers) -> Numbers:
        return np.diff(np.interp(edges, reached, np.concatenate(([0.0], np.cumsum(values)))))

    gaps = in_bins(order.sums(probabilities)) - in_bins(order.sums(positive.astype(np.float64)))
    return float(np.abs(gaps).sum() / len(probabilities))


def _weights(order: Order, weights: Numbers | None) -> Numbers:
    return np.ones(len(order.places)) if weights is None else weights


def _gini(order: Order, held: Numbers, weights: Numbers) -> Numbers:
    """Return twice the area between the gains curve and the diagonal."""
    customers, sums = order.sums(weights), order.sums(weights * held)
    reached = np.cumsum(sums, axis=-1)
    under = (customers * (reached - sums / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * under / (customers.sum(axis=-1) * sums.sum(axis=-1)) - 1)


def _held_by_first(customers: Numbers, sums: Numbers, count: Numbers) -> Numbers:
    """Return what the first *count* customers hold; [..., groups] to [...]."""
    reached = np.cumsum(customers, axis=-1)
    group = np.sum(reached < count[..., None], axis=-1, keepdims=True)
    # Rounding may put a count of everything a hair above everything.
    group = np.minimum(group, customers.shape[-1] - 1)

    def of_group(values: Numbers) -> Numbers:
        return np.take_along_axis(values, group, axis=-1)[..., 0]

    missing = np.maximum(of_group(reached) - count, 0.0)
    part = missing / np.maximum(of_group(customers), 1e-300)
    return np.asarray(of_group(np.cumsum(sums, axis=-1)) - part * of_group(sums))
