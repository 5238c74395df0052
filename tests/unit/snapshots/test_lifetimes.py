"""What a customer is expected to bring, by the models of an epoch."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ckm_stream.domain.choices import Money
from ckm_stream.domain.epoch import FittedModel, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.lifetime.beta_geometric import ModifiedBetaGeometric
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends
from ckm_stream.lifetime.pricing import lifetime_value
from ckm_stream.snapshots.lifetimes import price

WEEK_S = 7 * 86_400
START_S = 1_700_000_000
MBG = FittedModel("mbg_nbd", (0.5248, 6.1831, 0.8914, 1.6140), -9582.14, 2357)
PARETO = FittedModel("pareto_nbd", (0.5533, 10.5777, 0.6062, 11.6687), -9594.98, 2357)
BG = FittedModel("bg_nbd", (0.2426, 4.4136, 0.7929, 2.4259), -9582.0, 2357)
SPEND = FittedModel("gamma_gamma", (6.2496, 3.7442, 1544.35), -4055.92, 946)
EPOCH = replace(
    epoch_zero(Policy()),
    epoch_id=3,
    as_of_s=START_S + 39 * WEEK_S,
    models=(BG, MBG, PARETO, SPEND),
)
BOUGHT = {
    "purchase_days": 3,
    "order_amount": 9_000,
    "first_purchase_s": START_S,
    "last_purchase_s": START_S + 30 * WEEK_S,
}


def priced(about: dict[str, Any], **changes: Any) -> Any:
    """Price a customer whose newest event is the last purchase."""
    terms = {"newest_event_s": about["last_purchase_s"], "epoch": EPOCH, "money": Money()}
    return price(about, **terms | changes)


def test_a_customer_is_priced_by_the_likeliest_model_that_may_price() -> None:
    """MBG/NBD here: likelier than Pareto/NBD; BG/NBD holds one-time buyers for alive for good."""
    found = priced(BOUGHT)

    history = Histories.of([2.0], [30.0], [39.0])
    model = ModifiedBetaGeometric(*MBG.parameters)
    expected = lifetime_value(
        history,
        Spends.of([3.0], [3_000.0]),
        buying=model,
        spend=GammaGamma(*SPEND.parameters),
        margin=0.3,
        annual_discount=0.1,
        horizon_weeks=52,
    )
    assert (found.model, found.epoch_id, found.as_of_s) == ("mbg_nbd", 3, EPOCH.as_of_s)
    assert found.expected_margin == round(float(expected[0]))
    assert found.probability_alive == pytest.approx(float(model.probability_alive(history)[0]))
    assert found.expected_purchases == pytest.approx(
        float(np.squeeze(model.expected_purchases(history, 52.0)))
    )


def test_an_event_after_the_epoch_is_observed_too() -> None:
    """Observation ends with the newer of the two."""
    later_s = EPOCH.as_of_s + 4 * WEEK_S

    assert priced(BOUGHT, newest_event_s=later_s).as_of_s == later_s
    assert priced(BOUGHT, newest_event_s=later_s).probability_alive < (
        priced(BOUGHT).probability_alive
    )


def test_orders_of_one_day_are_one_purchase() -> None:
    """Hours between the first and the last order are no recency."""
    once = BOUGHT | {"purchase_days": 1, "last_purchase_s": START_S + 7_200}

    assert priced(once).expected_purchases < priced(BOUGHT).expected_purchases


@pytest.mark.parametrize(
    ("about", "epoch"),
    [
        (BOUGHT | {"purchase_days": 0, "order_amount": 0}, EPOCH),
        (BOUGHT | {"order_amount": 0}, EPOCH),
        (BOUGHT, replace(EPOCH, models=())),
        (BOUGHT, replace(EPOCH, models=(BG, SPEND))),
        (BOUGHT, replace(EPOCH, models=(MBG,))),
    ],
)
def test_what_no_model_can_price_has_no_price(about: dict[str, Any], epoch: Any) -> None:
    """Nobody who never paid, and nobody without a model of buying and one of spending."""
    assert priced(about, epoch=epoch) is None
