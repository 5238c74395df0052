"""
``evaluate_sources``: key sources found, rates foreseen and deceivers seen through, in simulation.

An epoch is fitted to each population and judged on the next one, the last one's on the first, so
that no headline rests on what an epoch was fitted to. No more than three populations are in memory
at once.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.evidence.resampling import Resampling
from ckm_stream.evidence.sources.answers import Answers, later_answers, later_until_s
from ckm_stream.evidence.sources.bars import check_bars
from ckm_stream.evidence.sources.calibration import judge_rates
from ckm_stream.evidence.sources.classes import count_classes
from ckm_stream.evidence.sources.plan import SourcesPlan
from ckm_stream.evidence.sources.population import SimulatedPopulation, simulate_population
from ckm_stream.evidence.sources.rankings import best_gains, curves_of, judge_rankings
from ckm_stream.evidence.sources.reading import Epochs, Judged, judge_population
from ckm_stream.evidence.sources.results import Simulated, SourcesEvaluation, TruthResult
from ckm_stream.evidence.sources.truths import TRUTHS
from ckm_stream.population.fit import fit_epoch
from ckm_stream.population.weights import Comparisons
from ckm_stream.simulation.customers import SimulationPlan
from ckm_stream.simulation.persona import Role


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A population, its later answers, and the epoch that was fitted to it."""

    population: SimulatedPopulation
    answers: Answers
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class _Learning:
    """How an epoch is fitted to a population."""

    policy: Policy
    comparisons: Comparisons | None

    def fit(self, simulation: SimulationPlan) -> _Fitted:
        """Simulate a population, and fit an epoch to what is known of it."""
        population = simulate_population(simulation, self.policy)
        fitted = fit_epoch(
            population.population,
            self.policy,
            epoch_id=1,
            before=epoch_zero(self.policy),
            comparisons=self.comparisons,
        )
        return _Fitted(population, later_answers(simulation), fitted.epoch)


def evaluate_sources(
    plan: SourcesPlan,
    *,
    policy: Policy | None = None,
    comparisons: Comparisons | None = None,
    resampling: Resampling | None = None,
) -> SourcesEvaluation:
    """
    Evaluate the scores on simulated populations, whose truth is known.

    Args:
        plan: What to simulate.
        policy: The choices behind the scores; the defaults if not given.
        comparisons: Weights as comparisons in pairs; the policy's numbers where there are none.
        resampling: For the intervals; 1,000 resamples if not given.

    Raises:
        ConfigurationError: If a population cannot be simulated as planned, or comparisons
            contradict one another.
        FitError: If a population has too few customers, or too little is known of them.
    """
    policy = policy or Policy()
    resampling = resampling or Resampling()
    simulations = tuple(plan.simulations())
    _require_landmark(simulations[0], policy)
    populations = tuple(_judged(simulations, _Learning(policy, comparisons)))
    truths = _truths(populations)
    rankings = judge_rankings(populations, resampling)
    calibration = judge_rates(populations, resampling)
    classes = count_classes(populations)
    return SourcesEvaluation(
        simulated=_simulated(plan, simulations, populations),
        truths=truths,
        rankings=rankings,
        best_gains=best_gains(populations),
        curves=curves_of(populations),
        calibration=calibration,
        classes=classes,
        bars=check_bars(truths, rankings[0], calibration, classes),
        resamples=resampling.count,
        seed=resampling.seed,
    )


def _judged(simulations: Sequence[SimulationPlan], learning: _Learning) -> Iterator[Judged]:
    """Yield each population as it is judged, the first one last."""
    zero = epoch_zero(learning.policy)

    def judged(fitted: _Fitted, other: Epoch) -> Judged:
        epochs = Epochs(other=other, own=fitted.epoch, zero=zero)
        return judge_population(fitted.population, fitted.answers, epochs, learning.policy)

    first = before = learning.fit(simulations[0])
    for each in simulations[1:]:
        fitted = learning.fit(each)
        yield judged(fitted, before.epoch)
        before = fitted
    yield judged(first, before.epoch)


def _truths(populations: Sequence[Judged]) -> tuple[TruthResult, ...]:
    customers = sum(len(each.roles) for each in populations)
    counts = [
        sum(int(each.truths[place].sum()) for each in populations) for place in range(len(TRUTHS))
    ]
    return tuple(
        TruthResult(truth.name, truth.title, count, count / customers)
        for truth, count in zip(TRUTHS, counts, strict=True)
    )


def _simulated(
    plan: SourcesPlan, simulations: Sequence[SimulationPlan], populations: Sequence[Judged]
) -> Simulated:
    roles = Counter(role for each in populations for role in each.roles)
    first = simulations[0]
    return Simulated(
        seeds=tuple(each.seed for each in (*simulations[1:], first)),
        customers=plan.customers,
        events_per_customer=plan.events_per_customer,
        start=_day(first.start_s),
        end=_day(first.end_s),
        later_end=_day(later_until_s(first)),
        roles={role.value: roles[role] for role in Role},
    )


def _day(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()


def _require_landmark(simulation: SimulationPlan, policy: Policy) -> None:
    if policy.landmark_s > simulation.start_s:
        raise ConfigurationError(
            f"the landmark of the scoring lies after {_day(simulation.start_s)}, the first day of "
            "the simulated events; set CKM__SCORING__LANDMARK_S to an earlier instant"
        )
