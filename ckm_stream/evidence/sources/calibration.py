"""
Acceptance rates judged by later answers: is a rate of 0.3 accepted three times in ten?

Each customer counts as often as it was approached later. Rates are those of the service (W2's
posterior mean), the same without a population, the same without a prior, and one rate for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Indices, Numbers
from ckm_stream.evidence.measures import (
    Order,
    area_under_curve,
    calibration_bins,
    calibration_error,
)
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.sources.rankings import measured
from ckm_stream.evidence.sources.reading import Judged
from ckm_stream.evidence.sources.results import Calibration, RateResult

#: Resamples for the error by chance, which is known to a tenth of itself then.
_DRAWS: Final = 100


@dataclass(frozen=True, slots=True)
class _Tested:
    """Who was approached later: how often, what it counts, and the share that was accepted."""

    approaches: Indices
    weight: Numbers
    share: Numbers


def judge_rates(populations: Sequence[Judged], resampling: Resampling) -> Calibration:
    """Measure each way to tell acceptance rates on all later answers of all populations."""
    approaches = np.concatenate([each.answers.approaches for each in populations])
    weight = _joined(populations, lambda each: each.answers.weight)
    accepted = _joined(populations, lambda each: each.answers.accepted)
    asked = approaches > 0
    tested = _Tested(approaches[asked], weight[asked], accepted[asked] / weight[asked])
    rates = (
        ("fitted", "Shrunk to the fitted prior", lambda each: each.other.acceptance),
        ("epoch_0", "Shrunk to the prior of epoch 0", lambda each: each.zero.acceptance),
        ("raw", "Raw, not shrunk", _raw),
        ("global_mean", "One rate for all", _global_mean),
    )
    return Calibration(
        customers=len(tested.share),
        answers=int(tested.approaches.sum()),
        rates=tuple(
            _result(name, title, _joined(populations, rate)[asked], tested, resampling)
            for name, title, rate in rates
        ),
    )


def _result(
    name: str, title: str, predicted: Numbers, tested: _Tested, resampling: Resampling
) -> RateResult:
    bins = calibration_bins(predicted, tested.share, weights=tested.weight)
    return RateResult(
        name=name,
        title=title,
        ece=calibration_error(predicted, tested.share, weights=tested.weight),
        ece_by_chance=_ece_by_chance(predicted, tested, resampling.seed),
        auc=measured(*_aucs(predicted, tested, resampling)),
        predicted=tuple(bins[0].tolist()),
        accepted=tuple(bins[1].tolist()),
    )


def _aucs(predicted: Numbers, tested: _Tested, resampling: Resampling) -> tuple[float, Numbers]:
    """Return the AUC, and its values on resamples of the customers."""
    order = Order.of(predicted)
    drawn = [
        area_under_curve(order.drawn(counts * tested.weight), tested.share)
        for counts in resampling.weights(len(predicted))
    ]
    value = float(area_under_curve(order.drawn(tested.weight), tested.share))
    return value, np.concatenate(drawn) if drawn else np.empty(0)


def _ece_by_chance(predicted: Numbers, tested: _Tested, seed: int) -> float:
    """
    Return how far chance moves the gaps of the bins, on average: that much ECE is not an error.

    Customers are drawn anew, so both kinds of chance are in it: which answers they gave, and which
    of the customers who were told a rate like theirs were met.
    """
    gaps = _gaps(predicted, tested.share, tested.weight)
    drawn = [
        np.abs(_gaps(predicted, tested.share, row * tested.weight) - gaps).mean()
        for counts in Resampling(_DRAWS, seed).weights(len(predicted))
        for row in counts
    ]
    return float(np.mean(drawn))


def _gaps(predicted: Numbers, share: Numbers, weight: Numbers) -> Numbers:
    means, shares = calibration_bins(predicted, share, weights=weight)
    return means - shares


def _raw(population: Judged) -> Numbers:
    """Return raw rates; of who was never approached the rate is taken to be everybody's."""
    raw = population.raw_acceptance
    return np.where(np.isnan(raw), population.other.prior_acceptance, raw)


def _global_mean(population: Judged) -> Numbers:
    return np.full(len(population.roles), population.other.prior_acceptance)


def _joined(populations: Sequence[Judged], values: Callable[[Judged], Numbers]) -> Numbers:
    return np.concatenate([values(each) for each in populations])
