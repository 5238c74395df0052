"""
The weights of an epoch: configured comparisons in pairs, or else the policy's own numbers.

Entropy weights are shown beside them and never used: a column of pure noise got 0.90 of the weight
from them (measured), because they reward spread, whatever it means.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from ckm_stream.domain.ahp import Matrix, Weighing, weigh
from ckm_stream.domain.choices import FORBID_UNKNOWN
from ckm_stream.domain.decay import total_of
from ckm_stream.domain.epoch import INDICATORS, Epoch
from ckm_stream.domain.score import Dimension
from ckm_stream.errors import ConfigurationError

_SIDES: Final = tuple(Dimension)


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """
    How many times as important one thing is as another, in rows and columns; none by default.

    Attributes:
        value: Of V1 to V4, 4 rows of 4.
        willingness: Of W1 to W4.
        absorption: Of A1 to A4.
        dimensions: Of value, willingness and absorption, 3 rows of 3.
    """

    __pydantic_config__ = FORBID_UNKNOWN

    value: tuple[tuple[float, ...], ...] = ()
    willingness: tuple[tuple[float, ...], ...] = ()
    absorption: tuple[tuple[float, ...], ...] = ()
    dimensions: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights within each dimension and between them, and the consistency of what was compared."""

    within: tuple[float, ...]
    between: tuple[float, float, float]
    consistency_ratios: dict[str, float]


def choose_weights(comparisons: Comparisons, otherwise: Epoch) -> Weights:
    """
    Return the weights of the comparisons; where nothing is compared, those of *otherwise*.

    Raises:
        ConfigurationError: If a matrix is malformed or contradicts itself; the message names the
            setting and the answer.
    """
    ratios: dict[str, float] = {}

    def weigh_named(group: str, names: Sequence[str], known: Sequence[float]) -> Sequence[float]:
        matrix: Matrix = getattr(comparisons, group)
        if not matrix:
            return known
        weighing = _weigh(matrix, names, group)
        ratios[group] = weighing.consistency_ratio
        return weighing.weights

    within: list[float] = []
    for side, dimension in enumerate(_SIDES):
        places = slice(4 * side, 4 * side + 4)
        names = [indicator.value for indicator in INDICATORS[places]]
        within += weigh_named(dimension.lower(), names, otherwise.within[places])
    names = [dimension.lower() for dimension in _SIDES]
    value, willingness, absorption = weigh_named("dimensions", names, otherwise.between)
    return Weights(tuple(within), (value, willingness, absorption), ratios)


def _weigh(matrix: Matrix, names: Sequence[str], group: str) -> Weighing:
    try:
        return weigh(matrix, names)
    except ValueError as error:
        raise ConfigurationError(
            f"setting CKM__EPOCH__COMPARISONS__{group.upper()} is not usable: {error}"
        ) from None


def entropy_weights(customers: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """
    Return what the entropy method would weigh the indicators with, within each dimension.

    Args:
        customers: Normalised indicators, in [0, 1], twelve of each.

    Source:
        Zeleny, Multiple Criteria Decision Making, 1982, after Shannon.
    """
    columns = [*zip(*customers, strict=True)]
    spreads = [_divergence(column) for column in columns]
    weights: list[float] = []
    for start in range(0, len(spreads), 4):
        part = spreads[start : start + 4]
        total = total_of(part)
        weights += [each / total if total else 0.25 for each in part]
    return tuple(weights)


def _divergence(column: Sequence[float]) -> float:
    """Return 1 - the normalised entropy of the shares that customers have of a column's sum."""
    total = total_of(column)
    if not total or len(column) < 2:  # noqa: PLR2004 -- of one customer there is no spread
        return 0.0
    entropy = -total_of(x / total * log(x / total) for x in column if x)
    return max(0.0, 1.0 - entropy / log(len(column)))
