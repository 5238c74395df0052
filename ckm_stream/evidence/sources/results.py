"""
What an evaluation on simulated populations found, as plain values: for tables, JSON and reports.

Shares and rates are in [0, 1]; ``None`` stands for what could not be measured.
"""

from dataclasses import dataclass

from ckm_stream.evidence.results import Measured


@dataclass(frozen=True, slots=True)
class Simulated:
    """
    What was simulated.

    Attributes:
        seeds: Of the populations, in the order in which they were judged.
        customers: Of each population.
        events_per_customer: Mean number that was asked for.
        start: First day of event time, ISO 8601.
        end: Day after the last one: what all are judged as of.
        later_end: Day after the last answer.
        roles: How many customers of all populations were planted as what.
    """

    seeds: tuple[int, ...]
    customers: int
    events_per_customer: float
    start: str
    end: str
    later_end: str
    roles: dict[str, int]


@dataclass(frozen=True, slots=True)
class TruthResult:
    """
    A truth that rankings are to find: its name, its title, and how many are key sources by it.

    ``share`` is their part of all customers: the precision of a ranking by lot.
    """

    name: str
    title: str
    key_sources: int
    share: float


@dataclass(frozen=True, slots=True)
class SourceRanking:
    """
    How well a ranking found the key sources of each truth.

    Attributes:
        name: Its name, such as ``total``.
        title: Its name for people.
        precision_at_r: By truth: the share of key sources among the first R, where R is how many
            there are.
        total_lead: By truth: precision of the ranking ``total`` less this one's, on the same
            resamples; None for ``total`` itself.
    """

    name: str
    title: str
    precision_at_r: dict[str, Measured]
    total_lead: dict[str, Measured] | None


@dataclass(frozen=True, slots=True)
class SourceCurve:
    """Share of the planted key sources in the first 0 %, 1 % ... 100 % by a ranking's *name*."""

    name: str
    gains: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RateResult:
    """
    How well a way to tell acceptance rates foresaw later answers.

    Attributes:
        name: Its name, such as ``fitted``.
        title: Its name for people.
        ece: Expected calibration error over ten bins of equal mass.
        ece_by_chance: What it would be on average if each group's rate were exactly right: what
            so many customers and answers leave to chance.
        auc: Chance that an accepted approach was predicted a higher rate than a refused one.
        predicted: Mean predicted rate in each bin, lowest first.
        accepted: Share that was accepted there.
    """

    name: str
    title: str
    ece: float
    ece_by_chance: float
    auc: Measured
    predicted: tuple[float, ...]
    accepted: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    Acceptance rates against what customers answered later.

    Attributes:
        customers: Who was approached later.
        answers: How often, an approach without an answer included.
        rates: The ways to tell the rate, that of the service first.
    """

    customers: int
    answers: int
    rates: tuple[RateResult, ...]


@dataclass(frozen=True, slots=True)
class Classes:
    """
    Classes that an epoch gives, over all populations.

    Attributes:
        name: Which epoch: ``other``, ``own`` or ``zero``.
        title: Its name for people.
        by_role: Of each role, how many customers are in each class.
        true_key_sources: How many of the class ``key_source`` are planted key sources in truth.
    """

    name: str
    title: str
    by_role: dict[str, dict[str, int]]
    true_key_sources: int


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A bar that the scores have to reach.

    Attributes:
        name: Its name, such as ``willingness_ece``.
        title: What it is, for people.
        bar: The limit.
        relation: How the figure has to stand to it: ``>=``, ``<=`` or ``>``.
        figure: What was measured; None if it could not be.
        holds: Whether it does.
    """

    name: str
    title: str
    bar: float
    relation: str
    figure: float | None
    holds: bool


@dataclass(frozen=True, slots=True)
class SourcesEvaluation:
    """
    Everything that an evaluation on simulated populations found.

    Attributes:
        simulated: What was simulated.
        truths: What key sources are.
        rankings: The rankings, the total score out of sample first.
        best_gains: The gains curve of perfect knowledge.
        curves: That of each ranking.
        calibration: How well later answers were foreseen.
        classes: Classes out of sample, in sample, and by epoch 0.
        bars: Which bars hold.
        resamples: How many resamples the intervals come from.
        seed: Seed of the resamples.
    """

    simulated: Simulated
    truths: tuple[TruthResult, ...]
    rankings: tuple[SourceRanking, ...]
    best_gains: tuple[float, ...]
    curves: tuple[SourceCurve, ...]
    calibration: Calibration
    classes: tuple[Classes, ...]
    bars: tuple[Bar, ...]
    resamples: int
    seed: int
