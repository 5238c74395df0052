"""Key sources found in populations that nobody has seen while the scores were made."""

from dataclasses import replace
from operator import ge

import pytest

from ckm_stream.domain.choices import DimensionWeights
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.scoring import score_profile
from ckm_stream.errors import ConfigurationError, FitError
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.sources.classes import count_suspects
from ckm_stream.evidence.sources.evaluation import evaluate_sources
from ckm_stream.evidence.sources.plan import SourcesPlan
from ckm_stream.evidence.sources.results import SourceRanking, SourcesEvaluation
from ckm_stream.evidence.sources.truths import HONEST
from ckm_stream.population.fit import fit_epoch
from ckm_stream.population.weights import Comparisons
from tests.support.populations import POLICY, simulated

FEW = Resampling(count=40, seed=5)
NONE = Resampling(count=0)
SMALL = SourcesPlan(customers=160, populations=2, seed=60)
UNSEEN = SourcesPlan(customers=1_000, populations=3, seed=770_001)


@pytest.fixture(scope="module")
def unseen() -> SourcesEvaluation:
    """Give what was found on populations of seeds that nothing was tried on."""
    return evaluate_sources(UNSEEN, resampling=FEW)


def precision(ranking: SourceRanking, truth: str = "planted") -> float:
    """Return precision at R."""
    value = ranking.precision_at_r[truth].value
    assert value is not None
    return value


def test_key_sources_are_found_by_every_truth(unseen: SourcesEvaluation) -> None:
    """Out of sample, and with the lower end of the interval too."""
    total = unseen.rankings[0]

    for truth in unseen.truths:
        bar = next(each for each in unseen.bars if each.name == f"precision_at_r_{truth.name}")
        assert bar.holds
        assert bar.figure == precision(total, truth.name)
        assert (total.precision_at_r[truth.name].low or 0.0) > 0.42


def test_the_total_finds_more_than_any_part_of_it(unseen: SourcesEvaluation) -> None:
    """Than one side alone, contacts or money: by more than chance, and by every truth."""
    for each in unseen.rankings:
        if each.name in {"value", "willingness", "absorption", "contacts", "spend"}:
            assert each.total_lead is not None
            assert all((lead.low or 0.0) > 0.0 for lead in each.total_lead.values())


def test_no_epoch_believes_a_bot_a_liar_or_a_newcomer(unseen: SourcesEvaluation) -> None:
    """Out of sample, in sample, or knowing no population; and there are such."""
    assert [count_suspects(each) for each in unseen.classes] == [0, 0, 0]
    assert min(unseen.simulated.roles[role] for role in ("bot", "liar", "newcomer")) > 50


def test_acceptance_rates_are_off_by_little_more_than_chance(unseen: SourcesEvaluation) -> None:
    """
    Shrunk as if evidence had not aged, they were off by 0.03 more than chance.

    So few customers cannot tell an error of a hundredth: chance alone makes 0.009 of it here. What
    larger plans measure is in docs/evidence.md.
    """
    fitted = unseen.calibration.rates[0]

    assert fitted.ece < fitted.ece_by_chance + 0.005


def test_shrunk_rates_tell_more_than_raw_ones_and_than_one_for_all(
    unseen: SourcesEvaluation,
) -> None:
    """Closer to later answers than raw rates, and they tell customers apart."""
    rates = {each.name: each for each in unseen.calibration.rates}

    assert rates["fitted"].ece < rates["epoch_0"].ece
    assert rates["fitted"].ece < 0.6 * rates["raw"].ece
    assert rates["fitted"].ece_by_chance < 0.015
    assert (rates["fitted"].auc.low or 0.0) > 0.7
    assert next(each for each in unseen.bars if each.name == "willingness_auc").holds
    assert unseen.calibration.answers > 30_000


@pytest.mark.parametrize(
    ("customers", "events_per_customer", "seed"),
    [
        pytest.param(3_000, 20.0, 1025, id="liar adopted by luck"),
        pytest.param(800, 20.0, 1057, id="liar hardly judged"),
        pytest.param(800, 40.0, 1015, id="newcomer and liar"),
        pytest.param(800, 40.0, 1016, id="newcomer by epoch 0"),
        pytest.param(800, 40.0, 1037, id="newcomer of ten days by epoch 0"),
        pytest.param(800, 20.0, 1028, id="two liars by epoch 0"),
        pytest.param(800, 20.0, 1051, id="liar by epoch 0"),
    ],
)
def test_who_is_planted_is_not_believed(
    customers: int, events_per_customer: float, seed: int
) -> None:
    """Neither by an epoch fitted to them nor by epoch 0; yet some are high on all sides."""
    population = simulated(customers, seed, events_per_customer)
    zero = epoch_zero(POLICY)
    own = fit_epoch(population.population, POLICY, epoch_id=1, before=zero).epoch
    would_be = 0
    for epoch in (own, zero):
        for name, persona in population.personas.items():
            score = score_profile(
                population.facts[name], as_of_s=population.as_of_s, epoch=epoch, policy=POLICY
            )
            if persona.role not in HONEST:
                sides = (score.value, score.willingness, score.absorption)
                would_be += all(map(ge, sides, epoch.high))
                assert score.source_class is not SourceClass.KEY_SOURCE
    assert would_be > 0


def test_the_same_plan_gives_the_same_figures_and_another_seed_others() -> None:
    """Intervals included."""
    first, again = (evaluate_sources(SMALL, resampling=FEW) for _ in range(2))
    other = evaluate_sources(replace(SMALL, seed=90), resampling=FEW)

    assert first == again
    assert first.calibration.rates[0].ece != other.calibration.rates[0].ece


def test_every_population_is_judged_by_the_epoch_of_another() -> None:
    """The first one last; each customer is in the tables once."""
    found = evaluate_sources(SMALL, resampling=NONE)

    assert found.simulated.seeds == (61, 60)
    assert sum(found.simulated.roles.values()) == 320
    for each in found.classes:
        assert sum(sum(counts.values()) for counts in each.by_role.values()) == 320
    other, own, _ = found.classes
    assert other.by_role != own.by_role
    assert (found.simulated.start, found.simulated.end) == ("2024-07-01", "2026-01-01")


def test_without_resamples_there_are_no_intervals() -> None:
    """And figures all the same."""
    found = evaluate_sources(SMALL, resampling=NONE)

    measured = found.rankings[0].precision_at_r["planted"]
    assert measured.value is not None
    assert measured.low is None
    assert found.calibration.rates[0].auc.low is None


def test_the_choices_of_the_scoring_count() -> None:
    """Comparisons change what the epochs weigh, a policy what all of them do."""
    matter = ((1.0, 9.0, 9.0), (1 / 9, 1.0, 1.0), (1 / 9, 1.0, 1.0))
    weights = Policy(dimension_weights=DimensionWeights(value=98, willingness=1, absorption=1))

    plain = evaluate_sources(SMALL, resampling=NONE)
    compared = evaluate_sources(SMALL, comparisons=Comparisons(dimensions=matter), resampling=NONE)
    weighed = evaluate_sources(SMALL, policy=weights, resampling=NONE)

    def curves(found: SourcesEvaluation) -> dict[str, tuple[float, ...]]:
        return {each.name: each.gains for each in found.curves}

    assert curves(compared)["total"] != curves(plain)["total"]
    assert curves(compared)["total_epoch_0"] == curves(plain)["total_epoch_0"]
    assert curves(weighed)["total_epoch_0"] != curves(plain)["total_epoch_0"]
    assert curves(weighed)["total"] == pytest.approx(curves(plain)["value"], abs=0.2)


def test_a_population_that_cannot_be_fitted_is_refused() -> None:
    """As it is where the service fits one."""
    with pytest.raises(FitError, match="50 customers is too small"):
        evaluate_sources(replace(SMALL, customers=50))


def test_a_landmark_in_the_midst_of_the_events_is_refused_with_the_setting() -> None:
    """Before anything is simulated."""
    late = Policy(landmark_s=1_735_689_600)

    with pytest.raises(ConfigurationError, match=r"2024-07-01.*CKM__SCORING__LANDMARK_S"):
        evaluate_sources(SMALL, policy=late)
