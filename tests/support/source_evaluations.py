"""An evaluation on simulated populations made by hand, for tests of what is said and drawn."""

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sources.results import (
    Bar,
    Calibration,
    Classes,
    RateResult,
    Simulated,
    SourceCurve,
    SourceRanking,
    SourcesEvaluation,
    TruthResult,
)
from ckm_stream.simulation.persona import Role

TRUTH_NAMES = ("planted", "geometric", "least")


def source_ranking(name: str, precision: float, lead: Measured | None) -> SourceRanking:
    """Return a ranking with this precision by each truth, and intervals around it."""
    found = Measured(precision, precision - 0.05, precision + 0.05)
    return SourceRanking(
        name=name,
        title=f"The {name}",
        precision_at_r=dict.fromkeys(TRUTH_NAMES, found),
        total_lead=None if lead is None else dict.fromkeys(TRUTH_NAMES, lead),
    )


def rate(name: str, ece: float) -> RateResult:
    """Return a way to tell rates that is too high for all groups."""
    predicted = tuple((place + 1) / 11 for place in range(10))
    return RateResult(
        name=name,
        title=f"Rate {name}",
        ece=ece,
        ece_by_chance=0.004,
        auc=Measured(0.74, 0.73, 0.75),
        predicted=predicted,
        accepted=tuple(each - ece for each in predicted),
    )


def classes(name: str, called: dict[Role, int]) -> Classes:
    """Return classes in which these are called key sources, and ten of each role unknown."""
    return Classes(
        name=name,
        title=f"Epoch {name}",
        by_role={
            role.value: dict.fromkeys((each.value for each in SourceClass), 0)
            | {"unknown": 10, "key_source": called.get(role, 0)}
            for role in Role
        },
        true_key_sources=40,
    )


def source_evaluation_by_hand() -> SourcesEvaluation:
    """Return an evaluation with a better, an equal, a worse and an uncompared ranking."""
    rankings = (
        source_ranking("total", 0.781, None),
        source_ranking("total_own_epoch", 0.79, Measured(-0.009, -0.03, 0.01)),
        source_ranking("value", 0.9, Measured(-0.119, -0.2, -0.05)),
        source_ranking("contacts", 0.02, Measured(0.761, 0.7, 0.8)),
        source_ranking("spend", 0.33, Measured(0.451)),
    )
    believed = {Role.KEY_SOURCE: 45, Role.LIAR: 2, Role.NEWCOMER: 1}
    return SourcesEvaluation(
        simulated=Simulated(
            seeds=(8, 9, 7),
            customers=2_000,
            events_per_customer=40.0,
            start="2024-07-01",
            end="2026-01-01",
            later_end="2029-01-03",
            roles={role.value: 1_000 + place for place, role in enumerate(Role)},
        ),
        truths=tuple(
            TruthResult(name, f"Truth {name}", 300 + place, 0.05 + place / 100)
            for place, name in enumerate(TRUTH_NAMES)
        ),
        rankings=rankings,
        best_gains=tuple(min(1.0, place / 5) for place in range(101)),
        curves=tuple(
            SourceCurve(each.name, tuple((place / 100) ** 0.5 for place in range(101)))
            for each in rankings
        ),
        calibration=Calibration(
            customers=5_900,
            answers=130_000,
            rates=(rate("fitted", 0.031), rate("raw", 0.102), rate("global_mean", 0.02)),
        ),
        classes=(classes("other", {Role.KEY_SOURCE: 45}), classes("zero", believed)),
        bars=(
            Bar("precision_at_r_planted", "Precision at R", 0.42, ">=", 0.781, holds=True),
            Bar("willingness_ece", "Calibration error", 0.01, "<=", 0.031, holds=False),
            Bar("precision_at_r_least", "Precision of another", 0.42, ">=", None, holds=False),
        ),
        resamples=1_000,
        seed=7,
    )
