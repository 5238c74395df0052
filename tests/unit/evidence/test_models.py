"""The lifetime models on a cohort: the papers' parameters, and refusals that stop nobody else."""

import numpy as np
import pytest

from ckm_stream.evidence.cohort import Cohort, Window, split
from ckm_stream.evidence.models import fit_models
from ckm_stream.evidence.purchases import read_purchases
from ckm_stream.evidence.results import ModelFit
from tests.support.shops import OPENED, SAMPLE, SAMPLE_WINDOW, made_up_shop, shop_of

#: Fader, Hardie, Lee 2005; Batislam, Denizel, Filiztekin 2007; Schmittlein, Morrison, Colombo 1987
#: as fitted by the former; Fader, Hardie 2013. Parameters and log-likelihood.
PUBLISHED = {
    "bg_nbd": ([0.2426, 4.4136, 0.7929, 2.4259], -9582.43),
    "mbg_nbd": ([0.5248, 6.1831, 0.8914, 1.6140], -9582.14),
    "pareto_nbd": ([0.5533, 10.5777, 0.6062, 11.6687], -9594.98),
    "gamma_gamma": ([6.2496, 3.7442, 15.4435], -4055.92),
}


@pytest.fixture(scope="module")
def sample() -> Cohort:
    """Give the sample's cohort at the end of September 1997."""
    return split(read_purchases(SAMPLE), SAMPLE_WINDOW)


def test_the_samples_parameters_are_the_published_ones(sample: Cohort) -> None:
    """Within 0.001 and, for likelihoods, 0.05."""
    fits = {fit.name: fit for fit in fit_models(sample, [])[0]}

    for name, (parameters, likelihood) in PUBLISHED.items():
        assert list(fits[name].parameters.values()) == pytest.approx(parameters, abs=1e-3)
        assert fits[name].log_likelihood == pytest.approx(likelihood, abs=0.05)
    assert (fits["gamma_gamma"].customers, fits["gamma_gamma_all"].customers) == (946, 2349)


def test_expected_purchases_add_up_over_weeks_and_customers(sample: Cohort) -> None:
    """Nothing at the start, more each week, and near the 1,882 days of purchase that came."""
    _, expectations = fit_models(sample, [0.0, 1.0, 13.0, 39.0])

    for each in expectations:
        assert each.purchases[0] == 0.0
        assert (np.diff(each.purchases) > 0).all()
        assert each.purchases[-1] == pytest.approx(1882, rel=0.2)


def test_expected_spend_is_money_of_the_right_size_for_each_customer(sample: Cohort) -> None:
    """Never below 0; in sum within a quarter of what was spent; best of all for the best ones."""
    _, expectations = fit_models(sample, [])

    for each in expectations:
        assert each.spend is not None
        assert (each.spend >= 0).all()
        assert each.spend.sum() == pytest.approx(sample.later_spend.sum(), rel=0.25)
        top = np.argsort(-each.spend)[: sample.size // 10]
        assert sample.later_spend[top].mean() > 3 * sample.later_spend.mean()


def test_too_few_customers_are_refused_with_the_reason() -> None:
    """By every model, each for itself."""
    shop = made_up_shop(3, customers=60)

    fits, expectations = fit_models(split(shop, Window(OPENED + 363, 364)), [52.0])

    for name in ("bg_nbd", "mbg_nbd", "pareto_nbd"):
        refused = {fit.name: fit for fit in fits}[name]
        assert refused.refused is not None
        assert "60 customers, but a fit needs 100" in refused.refused
        assert (refused.parameters, refused.log_likelihood) == ({}, None)
    assert all(each.spend is None and each.purchases == () for each in expectations)
    assert all(each.refused for each in expectations)


def test_a_shop_of_gifts_has_no_money_model_but_purchases() -> None:
    """Buying is still fitted; who names a price is told why there is none."""
    shop = made_up_shop(4, customers=500)
    gifts = [
        (customer, day, 0.0)
        for customer, day in zip(shop.customer.tolist(), shop.day.tolist(), strict=True)
    ]
    window = Window(OPENED + 363, 364)
    later = [(customer, window.end, 1.0) for customer in range(5)]

    fits, expectations = fit_models(split(shop_of([*gifts, *later]), window), [52.0])

    assert fit_of(fits, "gamma_gamma_all").refused is not None
    assert fit_of(fits, "mbg_nbd").refused is None
    mbg = {each.name: each for each in expectations}["mbg_nbd"]
    assert mbg.spend is None
    assert len(mbg.purchases) == 1
    assert mbg.refused is not None
    assert mbg.refused.startswith("Gamma-Gamma, all purchases: ")


def fit_of(fits: tuple[ModelFit, ...], name: str) -> ModelFit:
    """Return the fit of a name."""
    return next(fit for fit in fits if fit.name == name)
