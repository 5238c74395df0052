"""An epoch learnt from a simulated population with known truth."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import pytest

from ckm_stream.domain.choices import DAY_S
from ckm_stream.domain.epoch import NEVER_S, Epoch, epoch_zero
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.quantiles import Quantiles
from ckm_stream.domain.score import Score, SourceClass
from ckm_stream.domain.scoring import score_profile
from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.evidence.sources.population import SimulatedPopulation
from ckm_stream.population.fit import FEWEST_CUSTOMERS, Fitted, fit_epoch
from ckm_stream.population.weights import Comparisons
from ckm_stream.simulation.persona import Role
from tests.support.populations import POLICY, simulated

ZERO = epoch_zero(POLICY)
FITTING = simulated(800, seed=5)


def fitted(
    population: SimulatedPopulation = FITTING, *, before: Epoch = ZERO, epoch_id: int = 1
) -> Fitted:
    """Fit with the policy's own weights."""
    return fit_epoch(population.population, POLICY, epoch_id=epoch_id, before=before)


def scores_of(population: SimulatedPopulation, epoch: Epoch) -> dict[str, Score]:
    """Return each customer's score."""
    return {
        customer: score_profile(facts, as_of_s=population.as_of_s, epoch=epoch, policy=POLICY)
        for customer, facts in population.facts.items()
    }


def scores(population: SimulatedPopulation, epoch: Epoch) -> dict[str, SourceClass]:
    """Return each customer's class."""
    return {name: each.source_class for name, each in scores_of(population, epoch).items()}


def test_a_fitted_epoch_waits_to_be_activated() -> None:
    """It says what it was learnt from, and no event is late enough for it."""
    epoch = fitted().epoch

    assert (epoch.epoch_id, epoch.effective_from_s) == (1, NEVER_S)
    assert (epoch.customers, epoch.as_of_s) == (800, FITTING.as_of_s)
    assert isinstance(epoch.scale, Quantiles)
    assert len(epoch.employee_rates) == 16


def test_three_in_ten_of_those_with_a_class_are_high_on_each_dimension() -> None:
    """The threshold is the 0.7 quantile."""
    epoch, scores = fitted().epoch, scores_of(FITTING, fitted().epoch).values()
    known = [each for each in scores if each.source_class is not SourceClass.UNKNOWN]
    sides = [(each.value, each.willingness, each.absorption) for each in known]

    assert len(known) == fitted().diagnostics.customers_known
    for place, high in enumerate(epoch.high):
        part = sum(side[place] >= high for side in sides) / len(known)
        assert part == pytest.approx(0.3, abs=0.005)


def test_who_has_just_come_sets_no_threshold() -> None:
    """A customer without a class is not counted among those that the quantile is of."""
    strict = replace(POLICY, known_after_s=500 * DAY_S)

    counted = fit_epoch(FITTING.population, strict, epoch_id=1, before=ZERO).diagnostics

    assert 30 < counted.customers_known < 0.9 * fitted().diagnostics.customers_known


def test_the_order_of_customers_plays_no_part() -> None:
    """Sums in another order differ in their last bits, and nothing else does."""
    turned = replace(FITTING, facts=dict(reversed(FITTING.facts.items())))

    one, other = fitted().epoch, fitted(turned).epoch

    assert one.high == pytest.approx(other.high)
    assert one.reference == pytest.approx(other.reference)
    assert one.priors.trust.a == pytest.approx(other.priors.trust.a)


def test_who_was_planted_to_deceive_does_not_become_a_key_source() -> None:
    """Bots, liars and newcomers are in no fitted population's key sources, of any seed."""
    for seed in (5, 6, 7):
        population = simulated(800, seed=seed)
        classes = scores(population, fitted(population).epoch)
        roles = {
            population.personas[customer].role
            for customer, each in classes.items()
            if each is SourceClass.KEY_SOURCE
        }

        assert roles <= {Role.KEY_SOURCE, Role.ORDINARY}
        assert Role.KEY_SOURCE in roles


def test_a_fit_ranks_better_than_no_knowledge_of_the_population() -> None:
    """Precision at R over three populations: the fit's above epoch 0's, and above 0.42."""

    def precision(epoch_of: dict[int, Epoch]) -> float:
        found = wanted = 0
        for seed, epoch in epoch_of.items():
            population = simulated(800, seed=seed)
            keys = {name for name, each in population.personas.items() if each.is_key_source}
            totals = {
                name: score_profile(
                    facts, as_of_s=population.as_of_s, epoch=epoch, policy=POLICY
                ).total
                for name, facts in population.facts.items()
            }
            best = sorted(totals, key=lambda name: -totals[name])[: len(keys)]
            found += len(keys & set(best))
            wanted += len(keys)
        return found / wanted

    seeds = (5, 6, 7)

    after = precision({seed: fitted(simulated(800, seed=seed)).epoch for seed in seeds})

    assert after > max(0.42, precision(dict.fromkeys(seeds, ZERO)))


def test_a_threshold_that_still_fits_stays() -> None:
    """Fitted again to nearly the same customers, no threshold moves; epoch 0's are never kept."""
    first = fitted()
    fewer = replace(FITTING, facts=dict(islice(FITTING.facts.items(), 780)))

    second = fitted(fewer, before=first.epoch, epoch_id=2)

    assert first.diagnostics.thresholds_kept == (False, False, False)
    assert any(second.diagnostics.thresholds_kept)
    for kept, ours, theirs in zip(
        second.diagnostics.thresholds_kept, second.epoch.high, first.epoch.high, strict=True
    ):
        assert (ours == theirs) is kept


def test_comparisons_in_pairs_set_the_weights() -> None:
    """What is compared is weighed by it, the rest by the policy."""
    comparisons = Comparisons(dimensions=((1, 2, 4), (1 / 2, 1, 2), (1 / 4, 1 / 2, 1)))

    epoch = fit_epoch(
        FITTING.population, POLICY, epoch_id=1, before=ZERO, comparisons=comparisons
    ).epoch

    assert epoch.between == pytest.approx((4 / 7, 2 / 7, 1 / 7))
    assert epoch.within == ZERO.within


def test_comparisons_that_contradict_one_another_are_refused_by_their_setting() -> None:
    """The message names the variable and the answer."""
    circle = ((1.0, 9.0, 1 / 9), (1 / 9, 1.0, 9.0), (9.0, 1 / 9, 1.0))

    with pytest.raises(
        ConfigurationError, match=r"CKM__EPOCH__COMPARISONS__DIMENSIONS.*contradict"
    ):
        fit_epoch(
            FITTING.population,
            POLICY,
            epoch_id=1,
            before=ZERO,
            comparisons=Comparisons(dimensions=circle),
        )


@pytest.mark.parametrize("customers", [0, FEWEST_CUSTOMERS - 1])
def test_a_population_that_is_too_small_is_refused(customers: int) -> None:
    """The epoch in force stays."""
    few = replace(FITTING, facts=dict(islice(FITTING.facts.items(), customers)))

    with pytest.raises(FitError, match=f"of {customers} customers is too small.*stays"):
        fitted(few)


def test_a_population_without_evidence_is_refused() -> None:
    """Thousands of customers who only ever bought once have no class yet."""
    bought = next(iter(simulated(2, seed=1).facts.values()))
    strangers: Iterable[tuple[str, Facts]] = [
        *((f"c{number}", Facts.empty()) for number in range(FEWEST_CUSTOMERS)),
        ("one", bought),
    ]

    with pytest.raises(FitError, match=r"of 101 customers have evidence enough"):
        fitted(replace(FITTING, facts=dict(strangers)))
