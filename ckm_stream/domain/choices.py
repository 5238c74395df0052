"""
The numbers that SCORING.md calls choices, in small groups; ``policy`` puts them together.

All fields have their own defaults, so that one environment variable
(``CKM__SCORING__HALF_LIVES__TRUST=…``) changes one number and leaves its neighbours alone.
"""

from dataclasses import dataclass, fields
from typing import Final

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S

# Read by pydantic when a policy comes from the environment: a misspelt key is an error.
FORBID_UNKNOWN: Final = {"extra": "forbid"}


@dataclass(frozen=True, kw_only=True)
class PerIndicator:
    """One number for each indicator, in the order of ``Indicator``."""

    __pydantic_config__ = FORBID_UNKNOWN

    def values(self) -> tuple[float, ...]:
        """Return the twelve numbers, V1 to A4."""
        return tuple(getattr(self, each.name) for each in fields(self))


@dataclass(frozen=True, kw_only=True)
class HalfLives(PerIndicator):
    """Seconds after which a piece of evidence counts half; all > 0."""

    base_potential: int = 13 * WEEK_S
    growth_potential: int = 26 * WEEK_S
    networking_potential: int = 52 * WEEK_S
    learning_potential: int = 26 * WEEK_S
    contact_frequency: int = 13 * WEEK_S
    acceptance_rate: int = 26 * WEEK_S
    trust: int = 52 * WEEK_S
    perceived_benefit: int = 26 * WEEK_S
    source_diversity: int = 26 * WEEK_S
    complementarity: int = 26 * WEEK_S
    employee_motivation: int = 26 * WEEK_S
    it_support: int = 4 * WEEK_S


@dataclass(frozen=True, kw_only=True)
class SaturationPoints(PerIndicator):
    """
    z50 of the saturation z / (z + z50) in the indicator's unit; 0 takes a share in [0, 1] as is.

    Money is in minor units: a decayed margin of 2,000 (two orders of 35.00 at 30 %) is half way.
    """

    base_potential: float = 2_000.0
    growth_potential: float = 400.0
    networking_potential: float = 1_000.0
    learning_potential: float = 0.4
    contact_frequency: float = 0.08
    acceptance_rate: float = 0.0
    trust: float = 0.0
    perceived_benefit: float = 0.0
    source_diversity: float = 0.0
    complementarity: float = 0.0
    employee_motivation: float = 0.0
    it_support: float = 0.0


@dataclass(frozen=True, kw_only=True)
class References(PerIndicator):
    """What a median customer is taken to have before a population is known, in the same units."""

    base_potential: float = 600.0
    growth_potential: float = 100.0
    networking_potential: float = 0.0
    learning_potential: float = 0.1
    contact_frequency: float = 0.04
    acceptance_rate: float = 0.25
    trust: float = 0.5
    perceived_benefit: float = 0.5
    source_diversity: float = 0.5
    complementarity: float = 0.5
    employee_motivation: float = 0.3
    it_support: float = 0.7


@dataclass(frozen=True, kw_only=True)
class IndicatorWeights(PerIndicator):
    """Relative weights within a dimension; each dimension's four are divided by their sum."""

    base_potential: float = 0.40
    growth_potential: float = 0.15
    networking_potential: float = 0.15
    learning_potential: float = 0.30
    contact_frequency: float = 0.35
    acceptance_rate: float = 0.25
    trust: float = 0.20
    perceived_benefit: float = 0.20
    source_diversity: float = 0.30
    complementarity: float = 0.35
    employee_motivation: float = 0.15
    it_support: float = 0.20


@dataclass(frozen=True, kw_only=True)
class PerDimension:
    """One number for each dimension."""

    __pydantic_config__ = FORBID_UNKNOWN

    value: float
    willingness: float
    absorption: float

    def values(self) -> tuple[float, float, float]:
        """Return the three numbers: value, willingness, absorption."""
        return self.value, self.willingness, self.absorption


@dataclass(frozen=True, kw_only=True)
class DimensionWeights(PerDimension):
    """Relative exponents of the dimensions in the total; divided by their sum."""

    value: float = 0.4
    willingness: float = 0.3
    absorption: float = 0.3


@dataclass(frozen=True, kw_only=True)
class HighThresholds(PerDimension):
    """From which score on a dimension counts as high, before quantiles are known; in (0, 1)."""

    value: float = 0.40
    willingness: float = 0.50
    absorption: float = 0.55


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Pseudo-counts for (a) and against (b); for a rate, a events in b units of exposure."""

    __pydantic_config__ = FORBID_UNKNOWN

    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class Priors:
    """What is believed of a customer without evidence; the first epoch's fit replaces it."""

    __pydantic_config__ = FORBID_UNKNOWN

    #: New categories per year of exposure; a <= 1 keeps growth potential monotone in purchases.
    new_categories: Prior = Prior(a=0.5, b=1.0)
    #: Share of referred customers who buy.
    referred_buyers: Prior = Prior(a=1.0, b=3.0)
    #: Share of items that turn out to be right.
    credibility: Prior = Prior(a=3.0, b=1.0)
    #: Weighted contacts per week of exposure.
    contact_frequency: Prior = Prior(a=1.0, b=26.0)
    #: Both >= 0.5: the closed form of the lower quantile needs it.
    acceptance_rate: Prior = Prior(a=2.0, b=2.0)
    trust: Prior = Prior(a=2.0, b=2.0)
    perceived_benefit: Prior = Prior(a=2.0, b=2.0)
    #: Normalised entropy 0.3, with the weight of three events.
    source_diversity: Prior = Prior(a=0.9, b=2.1)
    complementarity: Prior = Prior(a=1.0, b=1.0)
    #: Usable notes per contact handled.
    employee_motivation: Prior = Prior(a=3.0, b=7.0)
    it_support: Prior = Prior(a=2.0, b=1.0)


@dataclass(frozen=True, kw_only=True)
class Money:
    """What money means where an event does not say it; in minor units of the one currency."""

    __pydantic_config__ = FORBID_UNKNOWN

    #: Margin of an order whose cost is not given, in thousandths of the amount.
    default_margin_permille: int = 300
    #: Cost of handling a call, and of opening a ticket.
    call_cost: int = 200
    ticket_cost: int = 300
    #: Margin expected of a referred buyer before any was seen.
    referred_margin: int = 1_000
    #: Share of a referred customer's margin that is credited to the referrer.
    referrer_share: float = 0.5
    #: By how much a payment in a year is worth less than one today, and how far lifetimes are
    #: priced ahead.
    annual_discount: float = 0.1
    horizon_weeks: int = 52
