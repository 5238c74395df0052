"""When events arrive and in which partitions: days, bursts, and customers who are busier."""

import numpy as np
from numpy.typing import NDArray

from bench.capacity.quantities import Load

Floats = NDArray[np.float64]

_DAY_S = 86_400.0
_HOUR_S = 3_600.0
# Customers placed one by one; the others are so many and so alike that they spread evenly.
_PLACED = 100_000


def intensity(load: Load, at_s: Floats) -> Floats:
    """
    Return the rate of arrivals over its mean.

    Args:
        load: Its peak, its hour, and the burst on the first day.
        at_s: Seconds since a midnight, any shape.

    Returns:
        Of the same shape, >= 0; without the burst it is 1 on average over a day.
    """
    phase = (at_s - load.peak_hour * _HOUR_S) * (2.0 * np.pi / _DAY_S)
    daily = 1.0 + (load.peak_to_mean - 1.0) * np.cos(phase)
    begin_s = load.burst_hour * _HOUR_S
    bursting = (at_s >= begin_s) & (at_s < begin_s + load.burst_s)
    return np.asarray(np.where(bursting, load.burst_factor, 1.0) * daily, dtype=np.float64)


def partition_shares(load: Load, partitions: int, rng: np.random.Generator) -> Floats:
    """
    Return each partition's share of the events, with customers placed by chance, as by a hash.

    Args:
        load: Number of customers, and the exponent of Zipf's law that their activity follows.
        partitions: How many, >= 1.
        rng: Chance.

    Returns:
        Shares, which sum to 1; shape (partitions,).
    """
    count = int(min(load.customers, _PLACED))
    weights = np.arange(1, count + 1, dtype=np.float64) ** -load.zipf_exponent
    placed = np.bincount(rng.integers(0, partitions, count), weights, minlength=partitions)
    rest = _power_sum(count, load.customers, load.zipf_exponent)
    shares = placed + rest / partitions
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _power_sum(after: int, until: float, exponent: float) -> float:
    """Return the sum of k**-exponent for after < k <= until, by its integral (midpoints)."""
    if until <= after:
        return 0.0
    power = 1.0 - exponent
    return float(((until + 0.5) ** power - (after + 0.5) ** power) / power)
