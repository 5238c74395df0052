"""Lifetime models of an epoch: fitted, or refused with the old ones kept."""

from dataclasses import replace

import pytest

from ckm_stream.domain.epoch import FittedModel
from ckm_stream.lifetime.beta_geometric import BetaGeometric, ModifiedBetaGeometric
from ckm_stream.lifetime.fitting import AnyBuying
from ckm_stream.lifetime.histories import Spends, histories_of_weeks
from ckm_stream.lifetime.pareto import ParetoNBD
from ckm_stream.population.models import fit_models
from tests.support.cdnow import END_DAY, customers, exact_histories, weekly_cells

HISTORIES = histories_of_weeks(*weekly_cells(), end_day=END_DAY)
SPENDS = Spends.of(
    [len(each.days) for each in customers() if sum(each.cents)],
    [sum(each.cents) / len(each.days) for each in customers() if sum(each.cents)],
)
NAMES = ["bg_nbd", "mbg_nbd", "pareto_nbd", "gamma_gamma"]


def test_the_published_parameters_come_from_the_weekly_table() -> None:
    """Of the CDNOW sample: within what a week's coarseness costs, 0.02 of a log-likelihood."""
    found = fit_models(HISTORIES, SPENDS, before=())

    assert [each.name for each in found.models] == NAMES
    assert found.refused == {}
    kinds: list[type[AnyBuying]] = [BetaGeometric, ModifiedBetaGeometric, ParetoNBD]
    exact = exact_histories()
    likelihoods = [
        kind(*each.parameters).log_likelihood(exact)
        for kind, each in zip(kinds, found.models[:3], strict=True)
    ]
    assert likelihoods == pytest.approx([-9582.43, -9582.14, -9594.98], abs=0.03)
    assert found.models[0].parameters == pytest.approx((0.2426, 4.4136, 0.7929, 2.4259), rel=0.02)
    assert {each.customers for each in found.models} == {2357, len(SPENDS.mean)}


def test_without_buyers_every_model_is_refused_with_its_reason() -> None:
    """And there is none to price with."""
    found = fit_models(None, None, before=())

    assert found.models == ()
    assert list(found.refused) == NAMES
    assert "no customer has bought" in found.refused["pareto_nbd"]


def test_a_refused_fit_leaves_the_model_before() -> None:
    """Too few customers: the old parameters stay, and the reason is told."""
    few = Spends.of([2.0] * 5, [10.0, 20.0, 30.0, 40.0, 50.0])
    known = FittedModel("gamma_gamma", (6.25, 3.74, 15.44), -4055.9, 946)

    found = fit_models(HISTORIES, few, before=[known])

    assert found.models[-1] == known
    assert list(found.refused) == ["gamma_gamma"]


def test_a_fit_that_is_less_likely_than_what_is_in_use_cannot_be() -> None:
    """Fitted again to the same customers, each model is at least as likely as before."""
    first = fit_models(HISTORIES, SPENDS, before=())
    off = [
        replace(each, parameters=tuple(p * 1.3 for p in each.parameters)) for each in first.models
    ]

    again = fit_models(HISTORIES, SPENDS, before=off)

    assert again == first
