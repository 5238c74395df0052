"""
Where a value stands in a population: exact counts by logarithmic bins, then a frozen table.

The counts of any order and any parts of a population are the same, and so is the table: unlike
sketches that keep samples (KLL, t-digest), which depend on the order of what they see.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf, isfinite, log, nextafter
from typing import Final, Self

#: Values within 2 % of one another share a bin: 1,164 bins span ten decades.
BASE: Final = 1.02

_LN_BASE: Final = log(BASE)

#: Knots of a table lie about this far apart, so that no table has more than 514 of them.
_STEP: Final = 1.0 / 256


@dataclass(slots=True)
class _Bin:
    """How many values, the least and the greatest of them."""

    count: int
    least: float
    greatest: float


class LogHistogram:
    """The values of a population, >= 0, counted by bins; mergeable, and independent of order."""

    def __init__(self) -> None:
        self._bins: dict[int, _Bin] = {}
        #: How many values are exactly 0.
        self.zeros = 0

    def add(self, value: float) -> None:
        """
        Count *value*.

        Raises:
            ValueError: If it is negative, infinite or not a number.
        """
        if not (isfinite(value) and value >= 0):
            raise ValueError(f"a population's values must be finite and >= 0, not {value}")
        if value == 0:
            self.zeros += 1
        else:
            self._merge_bin(floor(log(value) / _LN_BASE), _Bin(1, value, value))

    def merge(self, other: Self) -> None:
        """Add the values of *other*."""
        self.zeros += other.zeros
        for place, part in other._bins.items():
            self._merge_bin(place, _Bin(part.count, part.least, part.greatest))

    def _merge_bin(self, place: int, part: _Bin) -> None:
        known = self._bins.get(place)
        if known is None:
            self._bins[place] = part
        else:
            known.count += part.count
            known.least = min(known.least, part.least)
            known.greatest = max(known.greatest, part.greatest)

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.zeros + sum(part.count for part in self._bins.values())

    def table(self) -> "QuantileTable":
        """
        Return the table of this population.

        Raises:
            ValueError: If there are no values.
        """
        total = self.count
        if not total:
            raise ValueError("a population without values has no quantiles")
        knots = [(0.0, 0.0)]
        below = self.zeros
        for place in sorted(self._bins):
            part = self._bins[place]
            # Half of those within the bin are below its middle: a value that many share stands
            # in the middle of them.
            middle = part.least + (part.greatest - part.least) / 2
            knots.append((middle, (below + part.count / 2) / total))
            below += part.count
        top = self._bins[max(self._bins)].greatest if self._bins else 1.0
        if top > knots[-1][0]:
            knots.append((top, 1.0))
        else:
            # One value is the greatest, and alone in its bin: who is above it is above all.
            knots.append((nextafter(top, inf), 1.0))
        values, shares = zip(*_thinned(knots), strict=True)
        return QuantileTable(values, shares)


@dataclass(frozen=True, slots=True)
class QuantileTable:
    """
    The share of a population below a value: a rising line through knots, from (0, 0) to 1.

    ``values`` rise strictly from 0, ``shares`` never fall and end at 1; both have two or more.
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        """
        Refuse what is no such line.

        Raises:
            ValueError: If the knots do not rise from (0, 0) to 1.
        """
        values, shares = self.values, self.shares
        pairs = zip(values, values[1:], shares, shares[1:], strict=False)
        if not (
            len(values) == len(shares) >= 2  # noqa: PLR2004 -- a line has two ends
            and values[0] == shares[0] == 0.0
            and shares[-1] == 1.0
            and isfinite(values[-1])
            and all(low < high and less <= more for low, high, less, more in pairs)
        ):
            raise ValueError("a quantile table's knots must rise from (0, 0) to a share of 1")

    def share_below(self, value: float) -> float:
        """Return the share of the population below *value* (>= 0), in [0, 1]: it never falls."""
        values = self.values
        above = bisect_right(values, value)
        if above == len(values):
            return 1.0
        low, less = values[above - 1], self.shares[above - 1]
        high, more = values[above], self.shares[above]
        # The other way round, less + fraction * (more - less), may round to above `more`.
        fraction = (value - low) / (high - low)
        return min(less + fraction * (more - less), more)

    def value_at(self, share: float) -> float:
        """Return the least value with *share* of the population below it."""
        shares = self.shares
        above = next(place for place, each in enumerate(shares) if each >= share)
        if above == 0:
            return 0.0
        less, more = shares[above - 1], shares[above]
        low, high = self.values[above - 1], self.values[above]
        return low + (share - less) / (more - less) * (high - low)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """The scale of an epoch that knows its population: a table for each indicator, V1 to A4."""

    tables: tuple[QuantileTable, ...]

    def normalise_all(self, values: Sequence[float]) -> list[float]:
        """Return all twelve, V1 to A4, as the shares of the population below them."""
        return [table.share_below(value) for table, value in zip(self.tables, values, strict=True)]


def _thinned(knots: Sequence[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    """Leave out knots for as long as no share moves by more than a step."""
    kept = [knots[0]]
    for knot, (_, share_after) in pairwise(knots[1:]):
        if share_after - kept[-1][1] > _STEP:
            kept.append(knot)
    kept.append(knots[-1])
    return kept
