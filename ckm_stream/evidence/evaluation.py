"""
``evaluate``: every ranking made from calibration alone, and judged by the horizon.

Nothing that a ranking or a forecast uses comes from the horizon: half-life and ratios are learnt on
calibration's last third, models on calibration.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.cohort import DAYS_A_WEEK, Cohort, Window, split
from ckm_stream.evidence.judging import Candidate, Outcome, curve_of, gains_of, judge
from ckm_stream.evidence.measures import Order, top_share
from ckm_stream.evidence.models import Expectation, fit_models
from ckm_stream.evidence.purchases import Purchases
from ckm_stream.evidence.rankings import (
    HALF_LIVES_WEEKS,
    Earlier,
    decayed_sum,
    earlier_window,
    frequency,
    rfm,
    total_spend,
)
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.results import (
    Data,
    Evaluation,
    HalfLifeChoice,
    RankingResult,
    Weekly,
)

_SIMPLE: Final = (
    ("rfm", "RFM score", rfm),
    ("frequency", "Number of purchases", frequency),
    ("total_spend", "Total spend", total_spend),
)


def evaluate(
    purchases: Purchases, window: Window, resampling: Resampling | None = None
) -> Evaluation:
    """
    Evaluate rankings of customers on what they bought later.

    Args:
        purchases: What was bought, by whom and when.
        window: Where calibration ends, and how long the horizon is.
        resampling: For the intervals; 1,000 resamples if not given.

    Raises:
        ConfigurationError: If the data do not cover the window, or are too few to rank.
    """
    resampling = resampling or Resampling()
    cohort = split(purchases, window)
    earlier = earlier_window(purchases, cohort)
    days = _weekly_days(window.horizon_days)
    fits, expectations = fit_models(cohort, [day / DAYS_A_WEEK for day in days])
    simple = _simple_candidates(cohort, earlier)
    priced = [
        Candidate(each.name, each.title, each.spend, each.spend)
        for each in expectations
        if each.spend is not None
    ]
    candidates = [simple[0], *priced, *simple[1:]]
    outcome = Outcome(cohort.later_spend, cohort.later_transactions > 0)
    refused = tuple(
        RankingResult(each.name, each.title, refused=each.refused)
        for each in expectations
        if each.spend is None
    )
    return Evaluation(
        data=_data(purchases, cohort),
        half_life=_half_life(earlier),
        models=fits,
        rankings=(*judge(candidates, outcome, resampling), *refused),
        best_gains=gains_of(cohort.later_spend, outcome),
        curves=tuple(curve_of(each, outcome) for each in candidates),
        weekly=_weekly(cohort, days, expectations),
        resamples=resampling.count,
        seed=resampling.seed,
    )


def _simple_candidates(cohort: Cohort, earlier: Earlier) -> list[Candidate]:
    """Return the rankings without a model, the decayed sum first."""
    weeks = earlier.half_life_weeks

    def candidate(name: str, title: str, scores_of: Callable[[Cohort], Numbers]) -> Candidate:
        scores = scores_of(cohort)
        forecast = earlier.forecast(cohort, scores_of(earlier.cohort), scores)
        return Candidate(name, title, scores, forecast)

    decayed = candidate(
        "decayed_sum",
        f"Decayed sum, half-life {weeks} weeks",
        lambda whose: decayed_sum(whose, weeks),
    )
    return [decayed, *(candidate(*each) for each in _SIMPLE)]


def _data(purchases: Purchases, cohort: Cohort) -> Data:
    window = cohort.window
    return Data(
        file=purchases.name,
        lines=len(purchases.day),
        refunds=int((purchases.amount < 0).sum()),
        calibration_start=date.fromordinal(cohort.first_day),
        calibration_end=date.fromordinal(window.last_day),
        horizon_end=date.fromordinal(window.end),
        horizon_weeks=window.horizon_weeks,
        customers=cohort.size,
        repeat_customers=int((cohort.repeats > 0).sum()),
        later_customers=int((cohort.later_transactions > 0).sum()),
        later_purchases=int(cohort.later_transactions.sum()),
        later_spend=float(cohort.later_spend.sum()),
        best_top_decile_share=float(top_share(Order.of(cohort.later_spend), cohort.later_spend)),
    )


def _half_life(earlier: Earlier) -> HalfLifeChoice:
    window = earlier.cohort.window
    return HalfLifeChoice(
        start=date.fromordinal(window.last_day + 1),
        end=date.fromordinal(window.end),
        weeks=HALF_LIVES_WEEKS,
        top_decile_shares=earlier.shares,
        chosen_weeks=earlier.half_life_weeks,
    )


def _weekly_days(horizon_days: int) -> list[int]:
    """Return the days after calibration's end that weeks end on, 0 and the horizon's included."""
    return [*range(0, horizon_days, DAYS_A_WEEK), horizon_days]


def _weekly(cohort: Cohort, days: list[int], expectations: tuple[Expectation, ...]) -> Weekly:
    reached = np.cumsum(np.append(0, cohort.later_by_day))
    return Weekly(
        weeks=tuple(day / DAYS_A_WEEK for day in days),
        purchases=tuple(reached[days].tolist()),
        expected={each.name: each.purchases for each in expectations if each.purchases},
    )
