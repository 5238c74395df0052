"""Acceptance rates against answers whose rates are known."""

from dataclasses import replace

import numpy as np
import pytest

from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.sources.answers import Answers
from ckm_stream.evidence.sources.calibration import judge_rates
from ckm_stream.evidence.sources.reading import Judged
from ckm_stream.evidence.sources.results import RateResult
from tests.support.judged import judged, reading

NONE = Resampling(count=0)


def population(predicted: Numbers, rates: Numbers, *, asked: int = 30, seed: int = 1) -> Judged:
    """Return customers of these true rates who were told others, and were asked so often."""
    n = len(rates)
    accepted = np.random.default_rng(seed).binomial(asked, rates).astype(np.float64)
    answers = Answers(np.full(n, asked), np.full(n, float(asked)), accepted)
    made = judged(np.ones(n), np.zeros(n, dtype=bool), answers=answers)
    return replace(made, other=reading(np.ones(n), acceptance=predicted))


def rates_of(populations: list[Judged], resampling: Resampling = NONE) -> dict[str, RateResult]:
    """Return the ways to tell rates by their names."""
    return {each.name: each for each in judge_rates(populations, resampling).rates}


RATES = np.random.default_rng(5).beta(1.2, 1.8, 3_000)


def test_rates_that_are_right_are_off_by_chance_alone() -> None:
    """And the error that chance makes is told beside it; 90,000 answers make it small."""
    fitted = rates_of([population(RATES, RATES)])["fitted"]

    assert fitted.ece < 0.006
    assert fitted.ece == pytest.approx(fitted.ece_by_chance, abs=0.003)


def test_rates_that_are_wrong_are_off_by_how_wrong_they_are() -> None:
    """Told 0.8 of the rate and a tenth more."""
    told = 0.8 * RATES + 0.1

    fitted = rates_of([population(told, RATES)])["fitted"]

    assert fitted.ece == pytest.approx(np.abs(told - RATES).mean(), abs=0.005)
    gaps = np.array(fitted.predicted) - np.array(fitted.accepted)
    assert gaps[0] > 0.05
    assert gaps[-1] < -0.03
    assert fitted.predicted == tuple(sorted(fitted.predicted))


def test_one_rate_for_all_tells_nobody_apart() -> None:
    """Its AUC is exactly a half, and that of true rates far above it."""
    found = rates_of([population(RATES, RATES)], Resampling(count=50))

    assert found["global_mean"].auc.value == pytest.approx(0.5, abs=1e-12)
    right = found["fitted"].auc
    assert right.value is not None
    assert right.low is not None
    assert right.high is not None
    assert 0.7 < right.low < right.value < right.high


def test_a_raw_rate_of_who_was_never_asked_is_everybodys() -> None:
    """Which flatters raw rates; where one is known, it is taken as it is."""
    made = population(RATES, RATES)
    raw = np.where(np.arange(len(RATES)) % 2, RATES, np.nan)

    found = rates_of([replace(made, raw_acceptance=raw)])["raw"]

    middle = made.other.prior_acceptance
    expected = np.where(np.isnan(raw), middle, raw)
    assert np.mean(found.predicted) == pytest.approx(expected.mean())


def test_who_is_not_asked_later_counts_for_nothing() -> None:
    """However wrong the rate is that was told."""
    made = population(RATES, RATES)
    silent = population(np.full(500, 0.99), np.zeros(500), asked=0)

    both, alone = (judge_rates(each, NONE) for each in ([made, silent], [made]))

    assert both.rates[0].ece == pytest.approx(alone.rates[0].ece)
    assert (both.customers, both.answers) == (3_000, 90_000)


def test_an_answer_that_never_came_counts_half() -> None:
    """As in the rate: one accepted, two without answer make a rate of a half."""
    n = 100
    answers = Answers(np.full(n, 3), np.full(n, 2.0), np.full(n, 1.0))
    made = judged(np.ones(n), np.zeros(n, dtype=bool), answers=answers)
    told = replace(made, other=reading(np.ones(n), acceptance=np.full(n, 0.5)))

    assert rates_of([told])["fitted"].ece == pytest.approx(0.0, abs=1e-12)
