"""
Rankings of customers judged by known truths: how many of the key sources are among the first.

Each population is ranked by itself and the hits are added up, so that no population's scale
matters. Resamples draw customers within each population, the same for every ranking.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.measures import Order, gains, hits_at_r
from ckm_stream.evidence.resampling import Resampling, interval
from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sources.reading import Judged
from ckm_stream.evidence.sources.results import SourceCurve, SourceRanking
from ckm_stream.evidence.sources.truths import TRUTHS

_PERCENTILES: Final = np.linspace(0.0, 1.0, 101)
_VALUE, _WILLINGNESS, _ABSORPTION = range(3)


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking: its name, its title, and the scores that it ranks a population by."""

    name: str
    title: str
    scores: Callable[[Judged], Numbers]


RANKINGS: Final = (
    Ranking("total", "Total score", lambda each: each.other.total),
    Ranking("total_own_epoch", "Total score, epoch of its own", lambda each: each.own.total),
    Ranking("total_epoch_0", "Total score, epoch 0", lambda each: each.zero.total),
    Ranking("value", "Value alone", lambda each: each.other.dimensions[_VALUE]),
    Ranking("willingness", "Willingness alone", lambda each: each.other.dimensions[_WILLINGNESS]),
    Ranking("absorption", "Absorption alone", lambda each: each.other.dimensions[_ABSORPTION]),
    Ranking("contacts", "Number of contacts", lambda each: each.contacts),
    Ranking("spend", "Money spent", lambda each: each.spend),
)


def judge_rankings(
    populations: Sequence[Judged], resampling: Resampling
) -> tuple[SourceRanking, ...]:
    """Measure precision at R of each ranking by each truth; the first is what others lag behind."""
    parts = [
        _hits(each, replace(resampling, seed=resampling.seed + place))
        for place, each in enumerate(populations)
    ]
    hits = np.sum([hits for hits, _ in parts], axis=0)
    wanted = np.sum([wanted for _, wanted in parts], axis=0)
    with np.errstate(invalid="ignore"):
        precision = hits / wanted
    leads = precision[0] - precision
    return tuple(
        SourceRanking(
            name=ranking.name,
            title=ranking.title,
            precision_at_r=_by_truth(precision[place]),
            total_lead=_by_truth(leads[place]) if place else None,
        )
        for place, ranking in enumerate(RANKINGS)
    )


def curves_of(populations: Sequence[Judged]) -> tuple[SourceCurve, ...]:
    """Return the gains curve of each ranking: share of planted key sources by share of each."""
    return tuple(SourceCurve(each.name, _gains(populations, each.scores)) for each in RANKINGS)


def best_gains(populations: Sequence[Judged]) -> tuple[float, ...]:
    """Return the gains curve of who knows the truth."""
    return _gains(populations, lambda each: each.truths[0].astype(np.float64))


def _hits(population: Judged, resampling: Resampling) -> tuple[Numbers, Numbers]:
    """
    Return the hits and how many were wanted, as they are first, then on each resample.

    Returns:
        Two arrays, [rankings, truths, 1 + resamples] and [truths, 1 + resamples].
    """
    orders = [Order.of(each.scores(population)) for each in RANKINGS]
    blocks = []
    for counts in (np.ones((1, len(population.roles))), *resampling.weights(len(population.roles))):
        drawn = [each.drawn(counts) for each in orders]
        blocks.append([[hits_at_r(each, truth) for truth in population.truths] for each in drawn])
    # By ranking, truth, hits or wanted, and resample.
    found = np.concatenate([np.array(block) for block in blocks], axis=-1)
    return found[:, :, 0], found[0, :, 1]


def _by_truth(measures: Numbers) -> dict[str, Measured]:
    """Return each truth's measure, from [truths, 1 + resamples]."""
    return {
        truth.name: measured(values[0], values[1:])
        for truth, values in zip(TRUTHS, measures, strict=True)
    }


def measured(value: float, samples: Numbers) -> Measured:
    """Return a measure and its interval on resamples."""
    low, high = interval(samples) or (None, None)
    return Measured(None if np.isnan(value) else float(value), low, high)


def _gains(populations: Sequence[Judged], scores: Callable[[Judged], Numbers]) -> tuple[float, ...]:
    found = np.zeros(len(_PERCENTILES))
    wanted = 0.0
    for each in populations:
        truth = each.truths[0].astype(np.float64)
        if truth.any():
            found += gains(Order.of(scores(each)), truth, _PERCENTILES) * truth.sum()
            wanted += truth.sum()
    return tuple((found / max(wanted, 1.0)).tolist())
