"""
What a customer is expected to bring, priced when it is asked for: no worker does it.

By the models of the newest epoch that was activated. Rankings never use them (SCORING): they
extrapolate money, and the decayed sums pick customers.
"""

from typing import Any, Final

from ckm_stream.domain.choices import Money
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import Epoch, FittedModel
from ckm_stream.domain.slots import MILLE
from ckm_stream.lifetime.beta_geometric import ModifiedBetaGeometric
from ckm_stream.lifetime.gamma_gamma import GammaGamma
from ckm_stream.lifetime.histories import Histories, Spends
from ckm_stream.lifetime.pareto import ParetoNBD
from ckm_stream.lifetime.pricing import lifetime_value
from ckm_stream.snapshots.stored import LifetimeValue

# Not BG/NBD: it holds every customer who bought once for alive, for good.
_BUYING: Final = {kind.NAME: kind for kind in (ModifiedBetaGeometric, ParetoNBD)}
_WEEK_S: Final = 7 * DAY_S


def price(
    about: dict[str, Any], *, newest_event_s: int, epoch: Epoch, money: Money
) -> LifetimeValue | None:
    """
    Return what a customer is expected to bring; None without purchases or without models.

    Args:
        about: The profile's section about the customer.
        newest_event_s: The customer's newest event, Unix seconds.
        epoch: Whose models price.
        money: Margin, discount and horizon.
    """
    known = {each.name: each for each in epoch.models}
    spending = known.get(GammaGamma.NAME)
    fitted = [known[name] for name in _BUYING if name in known]
    days, total = about["purchase_days"], about["order_amount"]
    if not (days and total and fitted and spending):
        return None
    likeliest: FittedModel = max(fitted, key=lambda each: each.log_likelihood)
    model = _BUYING[likeliest.name](*likeliest.parameters)
    as_of_s = max(epoch.as_of_s, newest_event_s)
    first_s, last_s = about["first_purchase_s"], about["last_purchase_s"]
    # Several orders on one day are one purchase, with no time between first and last.
    recency_weeks = (last_s - first_s) / _WEEK_S if days > 1 else 0.0
    history = Histories.of([days - 1], [recency_weeks], [(as_of_s - first_s) / _WEEK_S])
    margin = lifetime_value(
        history,
        Spends.of([days], [total / days]),
        buying=model,
        spend=GammaGamma(*spending.parameters),
        margin=money.default_margin_permille / MILLE,
        annual_discount=money.annual_discount,
        horizon_weeks=money.horizon_weeks,
    )
    return LifetimeValue(
        epoch_id=epoch.epoch_id,
        model=likeliest.name,
        as_of_s=as_of_s,
        horizon_weeks=money.horizon_weeks,
        probability_alive=float(model.probability_alive(history)[0]),
        expected_purchases=float(model.expected_purchases(history, money.horizon_weeks)[0]),
        expected_margin=round(float(margin[0])),
    )
