"""
What every model of buying answers, and the range that its parameters may lie in.

A model is a value: four numbers that a fit found. It answers with a finite number >= 0 for every
history that ``Histories`` admits, whatever its parameters, those on their bounds included.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, Self

import numpy as np

from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.lifetime.histories import MOST_WEEKS, FloatArray, Histories

#: A choice. Shapes below 0.001 or above 10,000 are a point mass, and 0.001 weeks are ten minutes,
#: 10,000 weeks two centuries: a fit that wants to go on from here found no such mixture.
LOWEST: Final = 1e-3
HIGHEST: Final = 1e4


class BuyingModel(Protocol):
    """A model of when customers buy and leave, as in "Buy 'til you die"."""

    NAME: ClassVar[str]
    PARAMETERS: ClassVar[tuple[str, ...]]

    def parameters(self) -> tuple[float, ...]:
        """Return the parameters in the order of ``PARAMETERS``."""
        ...

    def log_likelihood(self, histories: Histories) -> float:
        """Return ln L of all customers, each row as often as it has customers."""
        ...

    def probability_alive(self, histories: Histories) -> FloatArray:
        """Return for each row P(not yet left at T), in [0, 1]."""
        ...

    def expected_purchases(self, histories: Histories, weeks: float) -> FloatArray:
        """Return for each row E[Y(weeks) | x, t_x, T], purchase days in (T, T + weeks], >= 0."""
        ...

    def weighted_purchases(self, histories: Histories, schedule: "Schedule") -> FloatArray:
        """Return for each row Σ_k weight_k·E[Y(ends_k)], >= 0."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """
    Horizons from T and what the purchases expected until each of them count.

    Attributes:
        ends_weeks: Horizons, in (0, ``MOST_WEEKS``]; those that count nothing are left out.
        shares: weight·end over their sum, so that a sum over them is a mean.
        weeks: Σ weight·end: what one purchase a week, kept up to the end, would count.
    """

    ends_weeks: FloatArray
    shares: FloatArray
    weeks: float

    @classmethod
    def of(cls, ends_weeks: FloatArray, weights: FloatArray) -> Self:
        """
        Return the schedule of Σ_k weight_k·E[Y(end_k)].

        Raises:
            ConfigurationError: If an end is not in [0, ``MOST_WEEKS``] or a weight not in [0, 1].
        """
        if not (np.all((ends_weeks >= 0) & (ends_weeks <= MOST_WEEKS))):
            raise ConfigurationError(f"a horizon is not within 0 to {MOST_WEEKS:g} weeks")
        if not (np.all((weights >= 0) & (weights <= 1))):
            raise ConfigurationError("a horizon's weight is not within 0 to 1")
        worth = ends_weeks * weights
        kept = worth > 0
        weeks = float(worth.sum())
        return cls(ends_weeks[kept], worth[kept] / weeks if weeks else worth[kept], weeks)

    @classmethod
    def until(cls, weeks: float) -> Self:
        """Return the schedule of E[Y(weeks)]; raises as ``of`` does."""
        return cls.of(np.array([weeks], dtype=np.float64), np.ones(1))


def check_parameters(model: str, names: tuple[str, ...], values: tuple[float, ...]) -> None:
    """
    Let parameters pass that are within [``LOWEST``, ``HIGHEST``].

    Raises:
        FitError: If one is not, or is not a number.
    """
    for name, value in zip(names, values, strict=True):
        if not LOWEST <= value <= HIGHEST:
            raise FitError(
                f"{model}: {name} is {value}, but lies in {LOWEST:g}..{HIGHEST:g} by definition;"
                " take the parameters of an accepted fit"
            )
