"""What an evaluation on simulated populations found, in sentences that need no statistics."""

from collections.abc import Iterable

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.results import Measured
from ckm_stream.evidence.sentences import percent
from ckm_stream.evidence.sources.classes import SUSPECT, count_suspects
from ckm_stream.evidence.sources.results import Bar, Classes, SourceRanking, SourcesEvaluation
from ckm_stream.simulation.persona import Role

_OUGHT = {">=": "at least", "<=": "at most", ">": "more than"}


def headline(evaluation: SourcesEvaluation) -> str:
    """Return how many key sources are among those whom the total score puts first."""
    truth = evaluation.truths[0]
    by_name = {each.name: each.precision_at_r[truth.name] for each in evaluation.rankings}
    found = by_name["total"]
    return (
        f"Of the {truth.key_sources:,} customers whom the total score puts first, "
        f"{percent(found.value)} are key sources{_between(found)}. Of customers drawn by lot it "
        f"would be {percent(truth.share)}, of those who spent most "
        f"{percent(by_name['spend'].value)}, of those who made most contacts "
        f"{percent(by_name['contacts'].value)}."
    )


def bars(evaluation: SourcesEvaluation) -> str:
    """Return which bars do not hold."""
    failed = [each for each in evaluation.bars if not each.holds]
    if not failed:
        return f"All {len(evaluation.bars)} bars hold."
    return f"Bars that do not hold: {'; '.join(map(describe, failed))}."


def describe(bar: Bar) -> str:
    """Return a bar with its figure and its limit."""
    figure = "not measured" if bar.figure is None else f"{bar.figure:.3g}"
    return f"{bar.title.lower()} is {figure} and ought to be {_OUGHT[bar.relation]} {bar.bar:g}"


def comparison(evaluation: SourcesEvaluation) -> list[str]:
    """Return which rankings found more or fewer key sources by more than chance."""
    truth = evaluation.truths[0].name
    kinds: dict[str, list[SourceRanking]] = {}
    for each in evaluation.rankings[1:]:
        lead = (each.total_lead or {})[truth]
        kinds.setdefault(_kind(lead), []).append(each)
    words = (
        ("better", "Found more key sources than the total score, by more than chance explains"),
        ("alike", "Not to be told apart from the total score on these populations"),
        ("worse", "Found fewer key sources, by more than chance explains"),
        ("unknown", "Not compared, because there are no intervals"),
    )
    return [f"{said}: {_titles(kinds[kind])}." for kind, said in words if kind in kinds]


def calibration(evaluation: SourcesEvaluation) -> str:
    """Return how far off the acceptance rates were, and how far raw rates."""
    judged = evaluation.calibration
    rates = {each.name: each for each in judged.rates}
    fitted, raw = rates["fitted"], rates["raw"]
    return (
        f"How readily a customer accepts an approach was held against {judged.answers:,} later "
        f"answers of {judged.customers:,} customers: the rate told of a group was off by "
        f"{_points(fitted.ece)} percentage points on average, where chance alone makes "
        f"{_points(fitted.ece_by_chance)}; raw rates, not shrunk, were off by {_points(raw.ece)}."
    )


def suspects(evaluation: SourcesEvaluation) -> list[str]:
    """Return for each epoch how many who deceive, or are new, were called key sources."""
    roles = evaluation.simulated.roles
    those = ", ".join(_count(roles[each.value], each) for each in SUSPECT)
    return [_suspects_of(each, those) for each in evaluation.classes]


def _suspects_of(classes: Classes, those: str) -> str:
    called = count_suspects(classes)
    key_sources = sum(each[SourceClass.KEY_SOURCE.value] for each in classes.by_role.values())
    counts = {role: classes.by_role[role.value][SourceClass.KEY_SOURCE.value] for role in SUSPECT}
    which = ", ".join(_count(count, role) for role, count in counts.items() if count)
    return (
        f"{classes.title}: of {those}, {f'{called} ({which})' if called else 'none'} came to be "
        f"called key sources; of the {key_sources:,} who did, {classes.true_key_sources:,} are."
    )


def _count(count: int, role: Role) -> str:
    return f"{count:,} {role.value}{'' if count == 1 else 's'}"


def _kind(lead: Measured) -> str:
    if lead.low is None or lead.high is None:
        return "unknown"
    if lead.low > 0:
        return "worse"
    return "better" if lead.high < 0 else "alike"


def _titles(rankings: Iterable[SourceRanking]) -> str:
    return ", ".join(each.title for each in rankings)


def _between(measured: Measured) -> str:
    if measured.low is None or measured.high is None:
        return ""
    return f" (95 % interval: {percent(measured.low)} to {percent(measured.high)})"


def _points(share: float) -> str:
    return f"{share * 100:.1f}"
