"""
One epoch from one population: priors, then tables, then thresholds, each upon the one before.

Two passes over the customers: evidence first, because indicators are shrunk to the priors that it
tells. Nothing here depends on the customers' order but the last bits of the priors; what is fitted
is published, so all workers use the same numbers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from ckm_stream.domain.choices import Prior, Priors
from ckm_stream.domain.epoch import NEVER_S, Epoch, FittedModel, epoch_zero
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.indicators import read_evidence
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.quantiles import Quantiles
from ckm_stream.errors import FitError
from ckm_stream.population.employees import EmployeeContacts, learn_rates
from ckm_stream.population.moments import Learnt, Moments, learn_rate, learn_share
from ckm_stream.population.network import Referrals
from ckm_stream.population.readings import Readings, median_of
from ckm_stream.population.thresholds import high_from
from ckm_stream.population.topics import FirstMentions
from ckm_stream.population.weights import Comparisons, choose_weights, entropy_weights

#: Customers, and customers with a class, that an epoch is fitted to at the least.
FEWEST_CUSTOMERS: Final = 100
FEWEST_KNOWN: Final = 30

#: Priors of rates: their mean is a/b, in events a year and a week; that of a share is a/(a + b).
RATES: Final = frozenset({"new_categories", "contact_frequency"})

#: Every customer with its id, read anew by each call.
Customers = Callable[[], Iterable[tuple[str, Facts]]]


@dataclass(frozen=True, kw_only=True)
class Population:
    """
    What an epoch is learnt from, as of one instant.

    ``as_of_s`` is at or after the newest event of any customer, in Unix seconds; ``employees``
    are as of then, ``models`` are those that could be fitted.
    """

    customers: Customers
    as_of_s: int
    employees: Iterable[EmployeeContacts] = ()
    models: tuple[FittedModel, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diagnostics:
    """How an epoch came about: what it rests on, and what was not learnt for want of it."""

    customers: int
    customers_known: int
    with_evidence: tuple[int, ...]
    priors: Mapping[str, Learnt]
    consistency_ratios: Mapping[str, float]
    entropy_weights: tuple[float, ...]
    thresholds_kept: tuple[bool, bool, bool]


@dataclass(frozen=True)
class Fitted:
    """An epoch that is not in force yet, and how it came about."""

    epoch: Epoch
    diagnostics: Diagnostics = field(repr=False)


def fit_epoch(
    population: Population,
    policy: Policy,
    *,
    epoch_id: int,
    before: Epoch,
    comparisons: Comparisons | None = None,
) -> Fitted:
    """
    Learn an epoch from a population; it is effective from never until it is activated.

    Args:
        population: All customers as of one instant.
        policy: The choices behind state and reading.
        epoch_id: The new epoch's number, > that of any before.
        before: The epoch in force; its thresholds stay where they still fit.
        comparisons: Weights as comparisons in pairs; the policy's numbers where there are none.

    Raises:
        FitError: If there are too few customers, or too few with evidence for a class.
        ConfigurationError: If comparisons contradict one another.
    """
    zero = epoch_zero(policy)
    weights = choose_weights(comparisons or Comparisons(), zero)
    referrals, mentions = Referrals(), FirstMentions()
    learnt = _learn_priors(population, policy, referrals, mentions)
    motivation, rates = learn_rates(population.employees, policy.priors.employee_motivation)
    learnt["employee_motivation"] = motivation
    believed = replace(
        zero,
        priors=Priors(**{name: each.prior for name, each in learnt.items()}),
        employee_rates=rates,
        as_of_s=population.as_of_s,
        network=referrals.network(learnt["referred_buyers"].prior, policy.money),
    )
    readings = _read(population, believed, policy)
    scale = readings.quantiles()
    sides = readings.dimensions(scale, weights.within)
    if len(sides[0]) < FEWEST_KNOWN:
        raise FitError(
            f"only {len(sides[0])} of {readings.customers} customers have evidence enough for a "
            f"class on all three dimensions, and {FEWEST_KNOWN} are needed; wait for more events"
        )
    kept = before.high if isinstance(before.scale, Quantiles) else (None, None, None)
    value, willingness, absorption = map(high_from, sides, kept)
    epoch = Epoch(
        epoch_id=epoch_id,
        effective_from_s=NEVER_S,
        scale=scale,
        within=weights.within,
        between=weights.between,
        high=(value, willingness, absorption),
        reference=tuple(scale.normalise_all(median_of(readings.values()))),
        priors=believed.priors,
        employee_rates=rates,
        as_of_s=population.as_of_s,
        customers=readings.customers,
        models=population.models,
        network=believed.network,
        topics=mentions.tables(),
    )
    diagnostics = Diagnostics(
        customers=readings.customers,
        customers_known=len(sides[0]),
        with_evidence=tuple(readings.with_evidence),
        priors=learnt,
        consistency_ratios=weights.consistency_ratios,
        entropy_weights=entropy_weights(map(scale.normalise_all, readings.values())),
        thresholds_kept=(
            value == kept[0],
            willingness == kept[1],
            absorption == kept[2],
        ),
    )
    return Fitted(epoch, diagnostics)


def _learn_priors(
    population: Population, policy: Policy, referrals: Referrals, mentions: FirstMentions
) -> dict[str, Learnt]:
    """Learn from everybody's evidence; the same pass notes who sent whom, and spoke of what."""
    moments = {each.name: Moments() for each in fields(Priors)}
    customers = 0
    for customer_id, facts in population.customers():
        customers += 1
        referrals.add(customer_id, facts, as_of_s=population.as_of_s, policy=policy)
        mentions.add(facts.mentions)
        for name, pair in read_evidence(facts, population.as_of_s, policy).items():
            events, other = pair
            moments[name].add(events, other if name in RATES else events + other)
    if customers < FEWEST_CUSTOMERS:
        raise FitError(
            f"a population of {customers} customers is too small to fit, {FEWEST_CUSTOMERS} are "
            "needed; the epoch in force stays"
        )
    return {
        name: _learn(name, each, getattr(policy.priors, name)) for name, each in moments.items()
    }


def _learn(name: str, moments: Moments, known: Prior) -> Learnt:
    match name:
        case "new_categories":
            # More than one would let another purchase lower the growth potential.
            return learn_rate(moments, known, most=1.0)
        case "contact_frequency":
            return learn_rate(moments, known)
        case "acceptance_rate":
            return learn_share(moments, known, least=1.0)
        case "source_diversity":
            return _keep_strength(learn_share(moments, known), known)
        case _:
            return learn_share(moments, known)


def _keep_strength(learnt: Learnt, known: Prior) -> Learnt:
    """An entropy is no count of successes: of it the mean is learnt, not how customers differ."""
    mean = learnt.prior.a / (learnt.prior.a + learnt.prior.b)
    strength = known.a + known.b
    return learnt._replace(prior=Prior(a=mean * strength, b=(1.0 - mean) * strength))


def _read(population: Population, epoch: Epoch, policy: Policy) -> Readings:
    readings = Readings(epoch, as_of_s=population.as_of_s, policy=policy)
    for _, facts in population.customers():
        readings.add(facts)
    return readings
