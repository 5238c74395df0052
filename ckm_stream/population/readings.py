"""
All customers' indicators as of one instant, and where each class begins among them.

Kept as plain numbers, 12 and a flag a customer (97 MB a million): states are decoded once.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ckm_stream.domain.epoch import INDICATORS, Epoch, Scale, means
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.quantiles import LogHistogram, Quantiles
from ckm_stream.domain.scoring import has_class, read_profile

_SIDES: Final = 3
_WIDTH: Final = len(INDICATORS)


class Readings:
    """The indicators of a population, V1 to A4, and who has a class."""

    def __init__(self, epoch: Epoch, *, as_of_s: int, policy: Policy) -> None:
        self._epoch = epoch
        self._as_of_s = as_of_s
        self._policy = policy
        self._values = array("d")
        self._has_class = bytearray()
        self.customers = 0
        #: How many customers there is any evidence of, by indicator.
        self.with_evidence = [0] * _WIDTH

    def add(self, facts: Facts) -> None:
        """Read a customer."""
        read = read_profile(facts, as_of_s=self._as_of_s, epoch=self._epoch, policy=self._policy)
        self._values.extend(read.values)
        for place, n in enumerate(read.evidence):
            self.with_evidence[place] += n > 0
        self._has_class.append(has_class(facts, read.sides(), self._as_of_s, self._policy))
        self.customers += 1

    def values(self) -> Iterator[tuple[float, ...]]:
        """Yield each customer's indicators, in the order that they were added in."""
        for start in range(0, len(self._values), _WIDTH):
            yield tuple(self._values[start : start + _WIDTH])

    def quantiles(self) -> Quantiles:
        """Return the scale on which each indicator is the share of these customers below it."""
        histograms = [LogHistogram() for _ in INDICATORS]
        for values in self.values():
            for histogram, value in zip(histograms, values, strict=True):
                histogram.add(value)
        return Quantiles(tuple(histogram.table() for histogram in histograms))

    def dimensions(self, scale: Scale, within: tuple[float, ...]) -> list[Sequence[float]]:
        """Return the three dimensions of the customers that have a class, each sorted."""
        sides = [array("d") for _ in range(_SIDES)]
        for values, counts in zip(self.values(), self._has_class, strict=True):
            if counts:
                for side, mean in zip(
                    sides, means(scale.normalise_all(values), within), strict=True
                ):
                    side.append(mean)
        return [array("d", sorted(side)) for side in sides]


def median_of(customers: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the median of each indicator; of an even number, the upper one."""
    columns = zip(*customers, strict=True)
    return tuple(sorted(column)[len(column) // 2] for column in columns)
