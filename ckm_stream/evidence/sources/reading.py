"""
A population as an epoch scores it: what rankings, classes and the acceptance rate are made of.

Scores are those of the service: the same facts, policy and epoch give the same numbers there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.indicators import mean_acceptance, read_evidence
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Score, SourceClass
from ckm_stream.domain.scoring import score_profile
from ckm_stream.evidence.arrays import Flags, Numbers
from ckm_stream.evidence.sources.answers import Answers
from ckm_stream.evidence.sources.population import SimulatedPopulation
from ckm_stream.evidence.sources.truths import TRUTHS
from ckm_stream.simulation.persona import Role


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What one epoch says of n customers.

    Attributes:
        total: Total score, in [0.01, 1]; float64[n].
        dimensions: Value, willingness and absorption, each in [0.01, 1]; float64[3, n].
        acceptance: Posterior mean of the acceptance rate (W2), in (0, 1); float64[n].
        prior_acceptance: Its prior mean: what is believed of everybody, in (0, 1).
        classes: Class of each.
    """

    total: Numbers
    dimensions: Numbers
    acceptance: Numbers
    prior_acceptance: float
    classes: tuple[SourceClass, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """
    A population that has been read by three epochs, beside its truth.

    Attributes:
        roles: What each of n customers was planted as.
        truths: Who is a key source by each truth, in the order of ``TRUTHS``; bool[n] each.
        other: As read by the epoch that another population was fitted with.
        own: As read by the epoch that was fitted to itself.
        zero: As read by epoch 0, which knows no population.
        raw_acceptance: Acceptance rate so far without a prior, not a number for who was never
            approached; float64[n].
        contacts: Touchpoints that each has started; float64[n].
        spend: What each has spent, in minor units; float64[n].
        answers: What each answered later.
    """

    roles: tuple[Role, ...]
    truths: tuple[Flags, ...]
    other: Reading
    own: Reading
    zero: Reading
    raw_acceptance: Numbers
    contacts: Numbers
    spend: Numbers
    answers: Answers


@dataclass(frozen=True, slots=True)
class Epochs:
    """The three epochs that a population is read by: another's, its own, and none."""

    other: Epoch
    own: Epoch
    zero: Epoch


def judge_population(
    population: SimulatedPopulation, answers: Answers, epochs: Epochs, policy: Policy
) -> Judged:
    """Read a population by three epochs, and set the truth beside it."""
    personas = tuple(population.personas.values())
    return Judged(
        roles=tuple(each.role for each in personas),
        truths=tuple(truth.holds(personas) for truth in TRUTHS),
        other=read_population(population, epochs.other, policy),
        own=read_population(population, epochs.own, policy),
        zero=read_population(population, epochs.zero, policy),
        raw_acceptance=_raw_acceptance(population, policy),
        contacts=_by_customer(population, population.contacts),
        spend=_by_customer(population, population.spend),
        answers=answers,
    )


def read_population(population: SimulatedPopulation, epoch: Epoch, policy: Policy) -> Reading:
    """Score every customer as of the population's instant."""
    as_of_s = population.as_of_s
    facts = [population.facts[each] for each in population.personas]
    scores = [score_profile(each, as_of_s=as_of_s, epoch=epoch, policy=policy) for each in facts]
    prior = epoch.priors.acceptance_rate
    return Reading(
        total=np.array([each.total for each in scores]),
        dimensions=_dimensions(scores),
        acceptance=np.array([mean_acceptance(each, as_of_s, epoch, policy) for each in facts]),
        prior_acceptance=prior.a / (prior.a + prior.b),
        classes=tuple(each.source_class for each in scores),
    )


def _dimensions(scores: Sequence[Score]) -> Numbers:
    rows = [(each.value, each.willingness, each.absorption) for each in scores]
    return np.array(rows, dtype=np.float64).T


def _raw_acceptance(population: SimulatedPopulation, policy: Policy) -> Numbers:
    rates = []
    for each in population.personas:
        evidence = read_evidence(population.facts[each], population.as_of_s, policy)
        accepted, declined = evidence["acceptance_rate"]
        known = accepted + declined
        rates.append(accepted / known if known else np.nan)
    return np.array(rates)


def _by_customer(population: SimulatedPopulation, counts: dict[str, int]) -> Numbers:
    return np.array([counts[each] for each in population.personas], dtype=np.float64)
