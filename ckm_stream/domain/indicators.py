"""
The twelve indicators, read from the facts at an instant: pure numbers in their own units.

Each comes with its effective evidence count: how many pieces of evidence, at today's weight,
stand behind it. No indicator depends on the order in which events came.
"""

from math import fsum
from typing import Final

from ckm_stream.domain.beta import lower_decile
from ckm_stream.domain.choices import WEEK_S
from ckm_stream.domain.days import DAY_S, day_of, decayed_days
from ckm_stream.domain.decay import beta_mean, exposure_s, normalised_entropy, total_of
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.sketch import BINS, counter_estimate
from ckm_stream.domain.slots import (
    ACCEPTED_TWICE,
    BENEFIT,
    CATEGORIES,
    COMPLEMENTARY,
    CONFIRMED,
    DECLINED_TWICE,
    DISTRUST,
    EMPLOYEES,
    IN_FORM,
    ITEM_VALUE,
    ITEMS,
    MILLE,
    NET_MARGIN,
    NO_BENEFIT,
    NOT_COMPLEMENTARY,
    ORDERS,
    OUT_OF_FORM,
    REFERRALS,
    REFERRED_MARGIN,
    REFUTED,
    REWARDS_OFFERED,
    REWARDS_REDEEMED,
    SOURCES,
    TRUST,
)

_YEAR_S: Final = 365.25 * DAY_S
_EPSILON: Final = 0.25
_SOURCE_SLOTS: Final = tuple(range(SOURCES, SOURCES + BINS))
_EMPLOYEE_SLOTS: Final = tuple(range(EMPLOYEES, EMPLOYEES + BINS))
_NONE: Final = (0.0, 0.0)

Reading = tuple[float, float, float, float]


def read_value(facts: Facts, now_s: int, policy: Policy) -> tuple[Reading, Reading]:
    """
    Return V1 to V4 and their evidence counts.

    V1 to V3 are in minor units of money, decayed; V4 in units of a wholly new, adopted item.
    """
    get = facts.sums.get
    d1, d2, d3, d4 = policy.dampings(now_s)[:4]
    base = get(NET_MARGIN, 0)
    growth, growth_n = _growth(facts, now_s, d2, policy) if facts.first_in_category else _NONE
    networking, networking_n = _networking(facts, d3, policy) if facts.referred else _NONE
    learning = get(ITEM_VALUE, 0)
    if learning:
        prior = policy.priors.credibility
        credibility = beta_mean(get(CONFIRMED, 0) * d4, get(REFUTED, 0) * d4, prior.a, prior.b)
        worth = learning * d4 / MILLE * credibility
    else:
        worth = 0.0
    return (
        (base * d1 if base > 0 else 0.0, growth, networking, worth),
        (get(ORDERS, 0) * d1, growth_n, networking_n, get(ITEMS, 0) * d4),
    )


def _growth(facts: Facts, now_s: int, damping: float, policy: Policy) -> tuple[float, float]:
    """
    Return the margin in new categories plus that expected of further ones, and the evidence.

    The margin of a further category is the whole margin over (1 + new ones), its rate
    (a + new)/(b + years since the first purchase). Then, with a <= 1, one more purchase lowers
    neither their product nor the sum; the plain mean margin of an order would fall with each
    small order.
    """
    get = facts.sums.get
    new_from_s = facts.first_purchase_s + policy.new_category_after_s
    in_new = total = 0
    ages_s = []
    for key, first_s in facts.first_in_category.items():
        # Floored for each: a category that was only given back may not pull the others down.
        margin = max(0, get(CATEGORIES + key, 0))
        if first_s > new_from_s:
            ages_s.append(now_s - first_s)
            in_new += margin
        total += margin
    new = len(ages_s)
    prior = policy.priors.new_categories
    years = max(0, now_s - facts.first_purchase_s) / _YEAR_S
    expected = (prior.a + new) / (prior.b + years) * (total * damping) / (1 + new)
    growth = in_new * damping + expected
    if not new:
        return growth, 0.0
    half_life_s = policy.half_lives.growth_potential
    # fsum: the result may not depend on the order in which categories were first seen.
    return growth, fsum([2.0 ** (-age_s / half_life_s) for age_s in ages_s])


def _networking(facts: Facts, damping: float, policy: Policy) -> tuple[float, float]:
    """Return the referrer's part of the margin that referrals bring, and the evidence."""
    prior = policy.priors.referred_buyers
    money = policy.money
    referred = counter_estimate(facts.referred)
    buyers = counter_estimate(facts.referred_buyers)
    margin = max(0.0, facts.sums.get(REFERRED_MARGIN, 0) * damping)
    mean_margin = (money.referred_margin + margin) / (1.0 + buyers)
    share = (prior.a + buyers) / (prior.a + prior.b + referred)
    evidence = facts.sums.get(REFERRALS, 0) * damping
    return share * referred * mean_margin * money.referrer_share, evidence


def read_willingness(facts: Facts, now_s: int, policy: Policy) -> tuple[Reading, Reading]:
    """
    Return W1 to W4 and their evidence counts.

    W1 is in weighted contacts per week, W2 the lower tenth of the acceptance rate, W3 and W4 are
    rates.
    """
    get = facts.sums.get
    priors = policy.priors
    half_lives = policy.half_lives
    d2, d3, d4 = policy.dampings(now_s)[5:8]
    contacts = contact_worth(facts, now_s, policy)
    known_since_s = facts.first_s if facts.first_s >= 0 else now_s
    weeks = exposure_s(known_since_s, now_s, half_lives.contact_frequency) / WEEK_S
    prior = priors.contact_frequency
    frequency = (prior.a + contacts) / (prior.b + weeks)

    prior = priors.acceptance_rate
    accepted = get(ACCEPTED_TWICE, 0) * d2 / 2
    declined = get(DECLINED_TWICE, 0) * d2 / 2
    acceptance = lower_decile(prior.a + accepted, prior.b + declined)

    trust = get(TRUST, 0) * d3
    if 0 <= facts.last_complaint_s < facts.last_purchase_s:
        # Who buys again after a complaint trusts again: one piece of evidence, decided at read.
        trust += 2.0 ** ((facts.last_purchase_s - now_s) / half_lives.trust)
    distrust = get(DISTRUST, 0) * d3

    redeemed = get(REWARDS_REDEEMED, 0)
    spurned = get(REWARDS_OFFERED, 0) - redeemed
    gain = redeemed * d4 + get(BENEFIT, 0) * d4 / MILLE
    no_gain = (spurned * d4 if spurned > 0 else 0.0) + get(NO_BENEFIT, 0) * d4 / MILLE
    believed, seen = priors.trust, priors.perceived_benefit
    return (
        (
            frequency,
            acceptance,
            beta_mean(trust, distrust, believed.a, believed.b),
            beta_mean(gain, no_gain, seen.a, seen.b),
        ),
        (contacts, accepted + declined, trust + distrust, gain + no_gain),
    )


def contact_worth(facts: Facts, now_s: int, policy: Policy) -> float:
    """Return Σ κ·2^(-age/H) over the days with a contact, each day at its highest κ."""
    reports, questions, chases = facts.contact_days
    today = day_of(now_s, policy.landmark_s)
    decay = policy.contact_decay
    kappas = policy.kappas
    worth = 0.0
    if reports:
        worth = kappas[0] * decayed_days(reports, today, decay)
    if questions:
        worth += kappas[1] * decayed_days(questions & ~reports, today, decay)
    if chases:
        worth += kappas[2] * decayed_days(chases & ~(reports | questions), today, decay)
    return worth


def mean_acceptance(facts: Facts, now_s: int, policy: Policy) -> float:
    """Return the posterior mean of the acceptance rate: shown, while its lower tenth ranks."""
    damping = policy.dampings(now_s)[5]
    prior = policy.priors.acceptance_rate
    accepted = facts.sums.get(ACCEPTED_TWICE, 0) * damping / 2
    declined = facts.sums.get(DECLINED_TWICE, 0) * damping / 2
    return beta_mean(accepted, declined, prior.a, prior.b)


def read_absorption(
    facts: Facts, now_s: int, epoch: Epoch, policy: Policy
) -> tuple[Reading, Reading]:
    """
    Return A1 to A4 and their evidence counts.

    A1 is an entropy in [0, 1] that thin evidence leaves near its prior, the others are rates.
    """
    get = facts.sums.get
    priors = policy.priors
    d1, d2, d3, d4 = policy.dampings(now_s)[8:]
    sources = [each * d1 for each in filter(None, map(get, _SOURCE_SLOTS))]
    seen = total_of(sources)
    # ε alone would make an unknown customer the most diverse of all: the entropy of nothing is 1.
    entropy = normalised_entropy(sources, BINS, _EPSILON) if sources else 0.0
    prior = priors.source_diversity
    diversity = (prior.a + seen * entropy) / (prior.a + prior.b + seen)

    fitting = get(COMPLEMENTARY, 0) * d2 / MILLE
    unfitting = get(NOT_COMPLEMENTARY, 0) * d2 / MILLE
    motivation, handled = _motivation(facts, d3, epoch, policy)
    in_form = get(IN_FORM, 0) * d4
    out_of_form = get(OUT_OF_FORM, 0) * d4
    fit, support = priors.complementarity, priors.it_support
    return (
        (
            diversity,
            beta_mean(fitting, unfitting, fit.a, fit.b),
            motivation,
            beta_mean(in_form, out_of_form, support.a, support.b),
        ),
        (seen, fitting + unfitting, handled, in_form + out_of_form),
    )


def _motivation(facts: Facts, damping: float, epoch: Epoch, policy: Policy) -> tuple[float, float]:
    """Return the note rate of the employees who serve this customer, and the contacts behind it."""
    get = facts.sums.get
    rates = epoch.employee_rates
    if not rates:
        prior = policy.priors.employee_motivation
        handled = sum(filter(None, map(get, _EMPLOYEE_SLOTS))) * damping
        return prior.a / (prior.a + prior.b), handled
    contacts = [get(slot, 0) * damping for slot in _EMPLOYEE_SLOTS]
    handled = total_of(contacts)
    total = handled + BINS * _EPSILON
    pairs = zip(contacts, rates, strict=True)
    return total_of((each + _EPSILON) / total * rate for each, rate in pairs), handled
