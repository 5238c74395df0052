"""
Rankings of customers that need no model: sums, counts and scores of what they bought.

A ranking is a number for each customer, higher for one who should come first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.cohort import DAYS_A_WEEK, Cohort, Window, split
from ckm_stream.evidence.measures import Order, top_share
from ckm_stream.evidence.purchases import Purchases

#: A month to a year, each about twice the one before.
HALF_LIVES_WEEKS: Final = (4, 8, 13, 26, 52)
_QUINTILES: Final = 5
_EARLIER_PART: Final = 3


def decayed_sum(cohort: Cohort, half_life_weeks: float) -> Numbers:
    """
    Return what each customer has spent, each amount halved for every half-life since, >= 0.

    It is the service's ``DecayedSum`` of amounts, read on calibration's last day, in float64.
    """
    worth = cohort.amount * np.exp2(-cohort.age_days / (half_life_weeks * DAYS_A_WEEK))
    return np.maximum(np.bincount(cohort.customer, worth, cohort.size), 0.0)


def rfm(cohort: Cohort) -> Numbers:
    """
    Return the RFM score, 3 to 15: quintiles of recency, frequency and money, with equal weights.

    Recency is the time since the last transaction (shorter is better), frequency the number of
    transactions, money the spend in calibration. Equal customers share the quintile of their mean
    rank.

    Source:
        Hughes: Strategic Database Marketing, 1994.
    """
    silence = cohort.age_weeks - cohort.recency_weeks
    parts = (-silence, frequency(cohort), total_spend(cohort))
    return np.asarray(np.sum([_quintile(each) for each in parts], axis=0))


def _quintile(values: Numbers) -> Numbers:
    """Return 1 to 5 for each value, 5 for the highest fifth."""
    _, kind, count = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(count) - (count - 1) / 2  # from 1, halves among ties
    return np.ceil(_QUINTILES * mean_rank / len(values))[kind]


def frequency(cohort: Cohort) -> Numbers:
    """Return each customer's days of purchase in calibration, >= 1."""
    return cohort.transactions.astype(np.float64)


def total_spend(cohort: Cohort) -> Numbers:
    """Return what each customer spent in calibration, >= 0."""
    return cohort.spend


@dataclass(frozen=True, slots=True)
class Earlier:
    """
    The last third of calibration as a horizon of its own: what may be learnt before the real one.

    Attributes:
        cohort: The customers up to its start, and what they did in it.
        shares: For each of ``HALF_LIVES_WEEKS``: share of its spend held by the top tenth.
        half_life_weeks: The half-life with the highest share; the longest of equal ones.
    """

    cohort: Cohort
    shares: tuple[float, ...]
    half_life_weeks: int

    def forecast(self, cohort: Cohort, earlier_scores: Numbers, scores: Numbers) -> Numbers:
        """
        Return the money to expect of each customer of *cohort*: its score times a ratio.

        The ratio is that of the earlier window, spend in it over scores before it, stretched to
        the length of the cohort's horizon.
        """
        stretch = cohort.window.horizon_days / self.cohort.window.horizon_days
        total = earlier_scores.sum()
        ratio = self.cohort.later_spend.sum() / total * stretch if total > 0 else 0.0
        return scores * ratio


def earlier_window(purchases: Purchases, cohort: Cohort) -> Earlier:
    """
    Choose the half-life on the last third of the cohort's calibration.

    Nothing after calibration's last day is looked at.

    Raises:
        ConfigurationError: If calibration is too short, or too thin, to be split.
    """
    last_day = cohort.window.last_day
    days = (last_day - cohort.first_day + 1) // _EARLIER_PART
    try:
        earlier = split(purchases, Window(last_day - days, max(days, 1)))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"calibration is too short to choose a half-life on its last third: {error}"
        ) from error
    shares = tuple(
        float(top_share(Order.of(decayed_sum(earlier, weeks)), earlier.later_spend))
        for weeks in HALF_LIVES_WEEKS
    )
    _, chosen = max(zip(shares, HALF_LIVES_WEEKS, strict=True))
    return Earlier(cohort=earlier, shares=shares, half_life_weeks=chosen)
