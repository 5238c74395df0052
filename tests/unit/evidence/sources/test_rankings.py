"""Precision at R over several populations, with intervals."""

import numpy as np
import pytest

from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sources.rankings import RANKINGS, best_gains, curves_of, judge_rankings
from ckm_stream.evidence.sources.reading import Judged
from ckm_stream.evidence.sources.results import SourceRanking
from tests.support.judged import judged

NONE = Resampling(count=0)
FALLING = np.arange(10.0, 0.0, -1.0)


def flags(*places: int, of: int = 10) -> np.ndarray:
    """Return who is a key source."""
    return np.isin(np.arange(of), places)


def by_name(populations: list[Judged], resampling: Resampling = NONE) -> dict[str, SourceRanking]:
    """Return the rankings as they were judged."""
    return {each.name: each for each in judge_rankings(populations, resampling)}


def test_hits_are_added_up_over_populations_of_different_scale() -> None:
    """2 of 2 and 1 of 4 are 3 of 6, though the second population scores a thousand times higher."""
    one = judged(FALLING, flags(0, 1))
    other = judged(1_000 * FALLING, flags(0, 7, 8, 9))

    found = by_name([one, other])["total"].precision_at_r

    assert list(found) == ["planted", "geometric", "least"]
    for each in found.values():
        assert each.value == pytest.approx(0.5)


def test_each_ranking_is_of_its_own_scores() -> None:
    """Contacts find the others here, and money that nobody spent finds what chance finds."""
    population = judged(FALLING, flags(0, 1), contacts=-FALLING)

    found = by_name([population])

    assert list(found) == [each.name for each in RANKINGS]
    precision = {name: each.precision_at_r["planted"].value for name, each in found.items()}
    assert precision["total"] == precision["value"] == precision["total_epoch_0"] == 1.0
    assert precision["contacts"] == 0.0
    assert precision["spend"] == pytest.approx(0.2)


def test_a_lead_is_told_by_the_interval_of_the_difference() -> None:
    """Equal rankings differ by nothing on any resample, and the total leads contacts on each."""
    chance = np.random.default_rng(1)
    truth = chance.random(400) < 0.1
    scores = truth + chance.normal(0.0, 0.4, 400)
    population = judged(scores, truth, contacts=chance.random(400))

    found = by_name([population, population], Resampling(count=200, seed=3))

    total, value, contacts = (found[name] for name in ("total", "value", "contacts"))
    measured = total.precision_at_r["planted"]
    assert measured.value is not None
    assert measured.low is not None
    assert measured.high is not None
    assert 0 < measured.low < measured.value < measured.high < 1
    assert total.total_lead is None
    assert value.total_lead is not None
    assert value.total_lead["planted"] == Measured(0.0, 0.0, 0.0)
    assert contacts.total_lead is not None
    assert (contacts.total_lead["planted"].low or 0.0) > 0.3


def test_populations_are_resampled_one_by_one() -> None:
    """The interval of two equal halves is narrower than that of one by about the root of 2."""
    chance = np.random.default_rng(2)
    truth = chance.random(600) < 0.2
    population = judged(truth + chance.normal(0.0, 0.7, 600), truth)

    def width(populations: list[Judged]) -> float:
        found = by_name(populations, Resampling(count=400))["total"].precision_at_r["planted"]
        assert found.low is not None
        assert found.high is not None
        return found.high - found.low

    assert width([population]) / width([population] * 2) == pytest.approx(2**0.5, rel=0.2)


def test_without_any_key_source_nothing_is_measured() -> None:
    """Rather than a precision of 0."""
    found = by_name([judged(FALLING, flags())])["total"].precision_at_r["planted"]

    assert found == Measured(None)


def test_a_population_without_key_sources_has_no_part_in_the_curve() -> None:
    """Of the other one, all are found among the first fifth."""
    populations = [judged(FALLING, flags(0, 1)), judged(FALLING, flags())]

    curves = {each.name: each.gains for each in curves_of(populations)}

    assert curves["total"] == pytest.approx(best_gains(populations))
    assert curves["total"][10] == pytest.approx(0.5)
    assert curves["total"][20:] == pytest.approx([1.0] * 81)
    assert curves["spend"] == pytest.approx([place / 100 for place in range(101)])
