"""A whole evaluation: the bars on the sample, and that nothing of the horizon is known before."""

from dataclasses import replace
from datetime import date

import msgspec
import numpy as np
import pytest

from ckm_stream.evidence.cohort import Window
from ckm_stream.evidence.evaluation import evaluate
from ckm_stream.evidence.purchases import read_purchases
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.results import Evaluation, RankingResult
from tests.support.shops import OPENED, SAMPLE, SAMPLE_WINDOW, made_up_shop

QUICK = Resampling(count=50)
NONE = Resampling(count=0)
WINDOW = Window(OPENED + 363, 364)
MODELS = ("bg_nbd", "mbg_nbd", "pareto_nbd")
MEASURES = ("top_decile_share", "normalised_gini", "auc", "mean_absolute_error")


@pytest.fixture(scope="module")
def sample() -> Evaluation:
    """Give the evaluation of the sample as the papers split it."""
    return evaluate(read_purchases(SAMPLE), SAMPLE_WINDOW, QUICK)


def ranking(evaluation: Evaluation, name: str) -> RankingResult:
    """Return the result of a ranking."""
    return next(each for each in evaluation.rankings if each.name == name)


def value(evaluation: Evaluation, name: str, measure: str) -> float:
    """Return a measure of a ranking that was made."""
    found = getattr(ranking(evaluation, name), measure).value
    assert found is not None
    return float(found)


def test_the_sample_meets_the_bars(sample: Evaluation) -> None:
    """Top-decile share .505 and Gini .70 by the decayed sum, an error of 29.5 by a model."""
    assert value(sample, "decayed_sum", "top_decile_share") >= 0.505
    assert value(sample, "decayed_sum", "normalised_gini") >= 0.70
    assert value(sample, "mbg_nbd", "mean_absolute_error") <= 29.5
    assert value(sample, "pareto_nbd", "mean_absolute_error") <= 29.5


def test_the_samples_figures_are_those_that_were_measured(sample: Evaluation) -> None:
    """To the last digit that is told, so that a change of method does not go unseen."""
    shares = {
        each.name: round(value(sample, each.name, "top_decile_share"), 3)
        for each in sample.rankings
    }

    assert shares == {
        "decayed_sum": 0.511,
        "bg_nbd": 0.497,
        "mbg_nbd": 0.499,
        "pareto_nbd": 0.500,
        "rfm": 0.478,
        "frequency": 0.458,
        "total_spend": 0.481,
    }
    assert value(sample, "mbg_nbd", "mean_absolute_error") == pytest.approx(29.36, abs=5e-3)
    assert value(sample, "decayed_sum", "normalised_gini") == pytest.approx(0.707, abs=5e-4)


def test_data_are_told_as_they_are(sample: Evaluation) -> None:
    """Days, customers and money of both parts."""
    data = sample.data

    assert data.file == "cdnow_sample.csv.gz"
    assert (data.lines, data.refunds) == (6919, 0)
    assert data.calibration_start == date(1997, 1, 1)
    assert (data.calibration_end, data.horizon_end) == (date(1997, 9, 30), date(1998, 6, 30))
    assert (data.customers, data.repeat_customers, data.later_customers) == (2357, 946, 684)
    assert (data.later_purchases, data.horizon_weeks) == (1882, 39.0)
    assert sample.half_life.start == date(1997, 7, 2)


def test_intervals_hold_their_values(sample: Evaluation) -> None:
    """Low, value, high; and they have a width."""
    for each in sample.rankings:
        for name in MEASURES:
            measured = getattr(each, name)
            assert measured.low < measured.value < measured.high


def test_weeks_end_with_everything_that_was_bought(sample: Evaluation) -> None:
    """From 0 purchases in week 0 to all of them in week 39, and so do the models' curves."""
    weekly = sample.weekly

    assert weekly.weeks == tuple(range(40))
    assert (weekly.purchases[0], weekly.purchases[-1]) == (0, 1882)
    assert list(weekly.purchases) == sorted(weekly.purchases)
    assert set(weekly.expected) == set(MODELS)
    assert all(len(curve) == 40 for curve in weekly.expected.values())


def test_a_result_survives_json(sample: Evaluation) -> None:
    """What is printed can be read back, to the bit."""
    assert msgspec.json.decode(msgspec.json.encode(sample), type=Evaluation) == sample


def test_the_same_data_and_seed_give_the_same_result() -> None:
    """And another seed moves the intervals alone."""
    shop = made_up_shop(1)
    one, same, other = (
        evaluate(shop, WINDOW, Resampling(count=20, seed=seed)) for seed in (1, 1, 2)
    )

    assert one == same
    assert without_intervals(one) == without_intervals(other)
    assert one.rankings != other.rankings


def without_intervals(evaluation: Evaluation) -> list[tuple[str, list[float]]]:
    """Return the measures of each ranking."""
    return [
        (each.name, [value(evaluation, each.name, measure) for measure in MEASURES])
        for each in evaluation.rankings
    ]


def test_currency_changes_errors_alone() -> None:
    """In cents everything ranks alike, and errors are a hundred times as high."""
    shop = made_up_shop(2)
    cents = replace(shop, amount=shop.amount * 100)

    one, other = (evaluate(each, WINDOW, NONE) for each in (shop, cents))

    for (_, mine), (_, others) in zip(
        without_intervals(one), without_intervals(other), strict=True
    ):
        assert others[:3] == pytest.approx(mine[:3], rel=1e-6)
        assert others[3] == pytest.approx(100 * mine[3], rel=1e-4)


def test_what_happens_in_the_horizon_changes_no_fit_and_no_forecast() -> None:
    """With later purchases exchanged between customers, only what they are judged by changes."""
    shop = made_up_shop(5)
    later = (shop.day > WINDOW.last_day) & (shop.customer < 400)
    customer = shop.customer.copy()
    customer[later] = np.random.default_rng(1).permutation(customer[later])
    other = replace(shop, customer=customer, amount=np.where(later, shop.amount * 3, shop.amount))

    one, exchanged = (evaluate(each, WINDOW, NONE) for each in (shop, other))

    assert one.models == exchanged.models
    assert one.half_life == exchanged.half_life
    for mine, others in zip(one.curves, exchanged.curves, strict=True):
        assert mine.forecast_by_decile == others.forecast_by_decile
    assert one.weekly.expected == exchanged.weekly.expected
    assert one.rankings != exchanged.rankings


def test_customers_who_differ_are_found_whatever_the_shop() -> None:
    """On shops that nobody looked at: far above a lot, and models near what was bought."""
    for seed in (11, 12, 13):
        found = evaluate(made_up_shop(seed, customers=1_000), WINDOW, NONE)

        for name in ("decayed_sum", *MODELS):
            assert value(found, name, "top_decile_share") > 0.3
            assert value(found, name, "normalised_gini") > 0.4
            assert value(found, name, "auc") > 0.7
        spent = found.data.later_spend / found.data.customers
        for name in MODELS:
            assert value(found, name, "mean_absolute_error") < 1.2 * spent
            assert found.weekly.expected[name][-1] == pytest.approx(
                found.data.later_purchases, rel=0.35
            )


def test_what_cannot_be_fitted_is_told_and_stops_nobody() -> None:
    """Sixty customers are too few for a model of buying, not for the sums."""
    found = evaluate(made_up_shop(3, customers=60), WINDOW, QUICK)

    for name in MODELS:
        refused = ranking(found, name)
        assert refused.refused is not None
        assert "but a fit needs 100" in refused.refused
        assert refused.top_decile_share is None
    assert [each.name for each in found.curves] == [
        "decayed_sum",
        "rfm",
        "frequency",
        "total_spend",
    ]
    assert found.weekly.expected == {}
    assert value(found, "decayed_sum", "top_decile_share") > 0.1
