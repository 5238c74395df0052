"""
What a customer is worth in money: CLV = Σ C_t·(1 + d)^-t, the margin expected over a horizon.

Prices are made in bulk, when they are read or an epoch is written: 0.2 us a customer among many,
but half a millisecond for one alone, for the curves behind them are the same. No worker prices
while it folds events. The company that a customer is priced in moves a price by 1e-9 of it:
store prices rounded to minor units.
"""

from typing import Final

import numpy as np

from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import MOST_WEEKS, FloatArray, Histories, Spends
from ckm_stream.lifetime.model import BuyingModel, Schedule

#: A period t is four weeks, a choice: payments count as made at its end, so at 10 % a year prices
#: lie 0.4 % below those of payments discounted to the day. The last period may be shorter.
PERIOD_WEEKS: Final = 4

_WEEKS_PER_YEAR: Final = 365.25 / 7

_HIGHEST_DISCOUNT: Final = 10.0


def lifetime_value(  # noqa: PLR0913 -- who is priced, by which models, on which terms
    histories: Histories,
    spends: Spends,
    *,
    buying: BuyingModel,
    spend: GammaGamma,
    margin: float,
    annual_discount: float,
    horizon_weeks: int,
) -> FloatArray:
    """
    Return what one customer of each row is expected to bring, in the spends' unit of money, >= 0.

    Args:
        histories: Who is priced, as of the end of their observation.
        spends: Of the same rows, the number and mean of **all** their spends, the first included:
            with repeat spends alone the ranking is clearly worse.
        buying: Expected purchases.
        spend: Expected spend per purchase.
        margin: Share of a spend that is earned, 0..1.
        annual_discount: d per year, 0..10; 0.1 makes what comes in a year worth 1/1.1.
        horizon_weeks: How far to look, 0..``MOST_WEEKS``.

    Raises:
        ConfigurationError: If a term is outside its range.
        FitError: If the rows of *spends* are not as many as those of *histories*.
    """
    if not 0.0 <= margin <= 1.0:
        raise ConfigurationError(f"margin is {margin}, not a share of the spend from 0 to 1")
    if len(spends) != len(histories):
        raise FitError(
            f"{len(spends)} rows of spends for {len(histories)} histories; give one for each"
        )
    purchases = buying.weighted_purchases(histories, discounting(annual_discount, horizon_weeks))
    return margin * purchases * spend.expected_spend(spends.transactions, spends.mean)


def discounting(annual_discount: float, horizon_weeks: int) -> Schedule:
    """
    Return the schedule under which purchases add up at what they are worth today.

    Σ_t v_t·(E[Y(e_t)] - E[Y(e_t-1)]), with e_t the periods' ends and v_t = (1 + d)^-e_t, is
    Σ_t (v_t - v_t+1)·E[Y(e_t)], whose weights are all positive.

    Raises:
        ConfigurationError: If *annual_discount* or *horizon_weeks* is outside its range.
    """
    if not 0.0 <= annual_discount <= _HIGHEST_DISCOUNT:
        raise ConfigurationError(
            f"annual discount is {annual_discount}, not within 0 to {_HIGHEST_DISCOUNT:g};"
            " 0.1 is ten per cent"
        )
    if not 0 <= horizon_weeks <= MOST_WEEKS:
        raise ConfigurationError(
            f"horizon of {horizon_weeks} weeks is not within 0 to {MOST_WEEKS:g}"
        )
    ends = np.append(np.arange(PERIOD_WEEKS, horizon_weeks, PERIOD_WEEKS), horizon_weeks)
    worth = (1.0 + annual_discount) ** (-ends / _WEEKS_PER_YEAR)
    return Schedule.of(ends.astype(np.float64), worth - np.append(worth[1:], 0.0))
