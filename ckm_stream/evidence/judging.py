"""Rankings judged by what their customers did later, each on the same resamples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Flags, Numbers
from ckm_stream.evidence.measures import (
    Order,
    area_under_curve,
    gains,
    gini,
    mean_absolute_error,
    normalised_gini,
    top_share,
)
from ckm_stream.evidence.resampling import Resampling, interval
from ckm_stream.evidence.results import Measured, RankingCurve, RankingResult

_PERCENTILES: Final = np.linspace(0.0, 1.0, 101)
_DECILES: Final = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A ranking to be judged.

    Attributes:
        name: Its name, such as ``decayed_sum``.
        title: Its name for people.
        scores: What it ranks by, higher first; float64[n].
        forecast: What it expects each customer to spend in the horizon; float64[n].
    """

    name: str
    title: str
    scores: Numbers
    forecast: Numbers


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What the customers did in the horizon.

    Attributes:
        spend: What each spent, >= 0; float64[n].
        bought: Who bought at all; bool[n].
    """

    spend: Numbers
    bought: Flags


def judge(
    candidates: Sequence[Candidate], outcome: Outcome, resampling: Resampling
) -> tuple[RankingResult, ...]:
    """Measure each candidate, with intervals; the first is what the others are compared with."""
    best = Order.of(outcome.spend)
    orders = [Order.of(each.scores) for each in candidates]
    pairs = list(zip(candidates, orders, strict=True))

    def measured(counts: Numbers | None = None) -> Numbers:
        """Return the measures, [candidates, 4, ...]."""
        limit = gini(best if counts is None else best.drawn(counts), outcome.spend)
        return np.stack([_measures(*pair, outcome, counts, limit) for pair in pairs])

    values = measured()
    drawn = [measured(counts) for counts in resampling.weights(len(outcome.spend))]
    samples = np.concatenate(drawn, axis=-1) if drawn else np.empty((*values.shape, 0))
    leads = (values[0, 0] - values[1:, 0], samples[0, 0] - samples[1:, 0])
    compared = (None, *map(_measured, *leads))
    return tuple(map(_result, candidates, values, samples, compared))


def curve_of(candidate: Candidate, outcome: Outcome) -> RankingCurve:
    """Return what the plots show of a candidate."""
    order = Order.of(candidate.scores)
    size = len(outcome.spend) / (len(_DECILES) - 1)

    def by_decile(values: Numbers) -> tuple[float, ...]:
        total = values.sum()
        shares = np.diff(gains(order, values, _DECILES)) if total > 0 else np.zeros(10)
        return tuple((shares * total / size).tolist())

    return RankingCurve(
        name=candidate.name,
        gains=gains_of(candidate.scores, outcome),
        forecast_by_decile=by_decile(candidate.forecast),
        spend_by_decile=by_decile(outcome.spend),
    )


def gains_of(scores: Numbers, outcome: Outcome) -> tuple[float, ...]:
    """Return the share of later spend held by the first 0 %, 1 % ... 100 % by *scores*."""
    return tuple(gains(Order.of(scores), outcome.spend, _PERCENTILES).tolist())


def _measures(
    candidate: Candidate, order: Order, outcome: Outcome, counts: Numbers | None, best: Numbers
) -> Numbers:
    order = order if counts is None else order.drawn(counts)
    return np.stack(
        [
            top_share(order, outcome.spend),
            normalised_gini(gini(order, outcome.spend), best),
            area_under_curve(order, outcome.bought),
            mean_absolute_error(candidate.forecast, outcome.spend, counts),
        ]
    )


def _result(
    candidate: Candidate, values: Numbers, samples: Numbers, lead: Measured | None
) -> RankingResult:
    share, coefficient, auc, error = map(_measured, values, samples)
    return RankingResult(
        name=candidate.name,
        title=candidate.title,
        top_decile_share=share,
        normalised_gini=coefficient,
        auc=auc,
        mean_absolute_error=error,
        decayed_sum_lead=lead,
    )


def _measured(value: np.float64, samples: Numbers) -> Measured:
    ends = interval(samples)
    low, high = ends if ends is not None else (None, None)
    return Measured(None if np.isnan(value) else float(value), low, high)
