"""
The bootstrap: how far a measure would move if other customers of the same kind had been seen.

Customers are drawn with replacement, as many as there are; each ranking is measured on the same
draws, so that differences between rankings can be compared too. Rankings are not fitted again: the
intervals are those of the measure on the horizon, with the predictions as they were made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Numbers

LEVEL: Final = 0.95
#: Weights of so many customers at once: 16 MB, which stays near the processor's caches.
_AT_ONCE: Final = 1 << 21


@dataclass(frozen=True, slots=True)
class Resampling:
    """
    How often and from which seed to resample.

    Attributes:
        count: How many resamples; 0 for none, and no intervals.
        seed: The same seed draws the same customers.
    """

    count: int = 1000
    seed: int = 1

    def weights(self, customers: int) -> Iterator[Numbers]:
        """Yield blocks of resamples: how often each customer is drawn; float64[block, n]."""
        chance = np.random.default_rng(self.seed)
        block = max(1, _AT_ONCE // customers)
        for start in range(0, self.count, block):
            rows = min(block, self.count - start)
            drawn = chance.integers(0, customers, (rows, customers))
            drawn += np.arange(rows)[:, None] * customers
            counts = np.bincount(drawn.ravel(), minlength=rows * customers)
            yield counts.reshape(rows, customers).astype(np.float64)


def interval(values: Numbers) -> tuple[float, float] | None:
    """
    Return the 95 % percentile interval of a measure's values on resamples.

    Returns:
        Low and high; None without values, or if a resample leaves the measure undefined: then
        there are too few customers of some kind for an interval to mean anything.

    Source:
        Efron, Tibshirani: An Introduction to the Bootstrap, 1993, chapter 13.
    """
    if not values.size or np.isnan(values).any():
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
