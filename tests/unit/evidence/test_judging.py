"""Rankings judged: good ones are told from bad ones, and chance from neither."""

import numpy as np
import pytest

from ckm_stream.evidence.arrays import Numbers
from ckm_stream.evidence.judging import Candidate, Outcome, curve_of, gains_of, judge
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.results import Measured, RankingResult

CUSTOMERS = 1_000
RESAMPLING = Resampling(count=200, seed=4)


@pytest.fixture
def outcome() -> Outcome:
    """Give what a thousand customers spent later: one in three of them anything."""
    chance = np.random.default_rng(2)
    spend = chance.gamma(0.5, 60.0, CUSTOMERS) * (chance.random(CUSTOMERS) < 1 / 3)
    spend = np.round(spend, 2)
    return Outcome(spend=spend, bought=spend > 0)


def candidate(name: str, scores: Numbers) -> Candidate:
    """Return a ranking that forecasts its scores."""
    return Candidate(name, name.title(), scores, scores)


def value_of(measured: Measured | None) -> float:
    """Return a value that is there."""
    assert measured is not None
    assert measured.value is not None
    return measured.value


def interval_of(measured: Measured | None) -> tuple[float, float]:
    """Return an interval that is there."""
    assert measured is not None
    assert measured.low is not None
    assert measured.high is not None
    return measured.low, measured.high


def test_perfect_foresight_is_perfect(outcome: Outcome) -> None:
    """Gini and AUC of 1 with no width, an error of 0, and nothing above it."""
    (result,) = judge([candidate("oracle", outcome.spend)], outcome, RESAMPLING)

    assert value_of(result.normalised_gini) == pytest.approx(1.0)
    assert interval_of(result.normalised_gini) == pytest.approx((1.0, 1.0))
    assert value_of(result.auc) == 1.0
    assert value_of(result.mean_absolute_error) == 0.0
    assert value_of(result.top_decile_share) == pytest.approx(gains_of(outcome.spend, outcome)[10])
    assert result.decayed_sum_lead is None


def test_a_lot_is_worth_nothing(outcome: Outcome) -> None:
    """The control: a tenth of the spend, Gini 0 and AUC 1/2 lie in the intervals."""
    lots = np.random.default_rng(9).random(CUSTOMERS)

    (result,) = judge([candidate("lot", lots)], outcome, RESAMPLING)

    assert_within(result, top_decile_share=0.1, normalised_gini=0.0, auc=0.5)


def test_one_score_for_all_is_exactly_a_lot(outcome: Outcome) -> None:
    """Ties are broken by nobody: not by the order of the file either."""
    (result,) = judge([candidate("same", np.ones(CUSTOMERS))], outcome, RESAMPLING)

    assert value_of(result.top_decile_share) == pytest.approx(0.1)
    assert value_of(result.normalised_gini) == pytest.approx(0.0, abs=1e-12)
    assert value_of(result.auc) == 0.5


def assert_within(result: RankingResult, **expected: float) -> None:
    """Assert that the intervals hold these values."""
    for name, value in expected.items():
        low, high = interval_of(getattr(result, name))
        assert low < value < high, name


def test_rankings_are_compared_on_the_same_customers(outcome: Outcome) -> None:
    """A little noise costs little, and the interval of the difference tells it from chance."""
    chance = np.random.default_rng(3)
    good = outcome.spend + chance.gamma(0.5, 10.0, CUSTOMERS)
    worse = good + chance.gamma(0.5, 60.0, CUSTOMERS)

    first, second, same = judge(
        [candidate("good", good), candidate("worse", worse), candidate("same", 2 * good)],
        outcome,
        RESAMPLING,
    )

    lead = value_of(first.top_decile_share) - value_of(second.top_decile_share)
    assert value_of(second.decayed_sum_lead) == pytest.approx(lead)
    low, high = interval_of(second.decayed_sum_lead)
    assert 0 < low < lead < high
    # Narrower than if the two had been measured on different customers.
    widths = [np.diff(interval_of(each.top_decile_share))[0] for each in (first, second)]
    assert high - low < np.hypot(*widths)
    assert interval_of(same.decayed_sum_lead) == pytest.approx((0.0, 0.0))


def test_without_resamples_there_are_values_and_no_intervals(outcome: Outcome) -> None:
    """Nothing is made up for them."""
    (result,) = judge([candidate("oracle", outcome.spend)], outcome, Resampling(count=0))

    assert value_of(result.auc) == 1.0
    assert result.auc == Measured(1.0)


def test_what_is_not_defined_is_not_measured() -> None:
    """If everybody buys, nobody ranks below; if all spend the same, there is no order."""
    everybody = Outcome(spend=np.full(60, 7.0), bought=np.ones(60, dtype=bool))

    (result,) = judge([candidate("any", np.arange(60.0))], everybody, RESAMPLING)

    assert (result.auc, result.normalised_gini) == (Measured(None), Measured(None))
    assert value_of(result.top_decile_share) == pytest.approx(0.1)


def test_tenths_hold_what_all_customers_hold(outcome: Outcome) -> None:
    """Means of ten tenths, times their size, are the sums, for spend and forecast."""
    scores = np.random.default_rng(3).gamma(1.0, 5.0, CUSTOMERS)

    curve = curve_of(candidate("any", scores), outcome)

    assert sum(curve.spend_by_decile) * CUSTOMERS / 10 == pytest.approx(outcome.spend.sum())
    assert sum(curve.forecast_by_decile) * CUSTOMERS / 10 == pytest.approx(scores.sum())
    assert list(curve.forecast_by_decile) == sorted(curve.forecast_by_decile, reverse=True)
    assert curve.forecast_by_decile[0] == pytest.approx(np.sort(scores)[-100:].mean())
    assert len(curve.gains) == 101
    assert curve.gains[::100] == pytest.approx((0.0, 1.0))


def test_a_forecast_of_nothing_has_tenths_of_nothing(outcome: Outcome) -> None:
    """Not of numbers that are none."""
    curve = curve_of(candidate("none", np.zeros(CUSTOMERS)), outcome)

    assert curve.forecast_by_decile == (0.0,) * 10
