"""
The twelve indicators, read from the facts at an instant: pure numbers in their own units.

Each comes with its effective evidence count: how many pieces of evidence, at today's weight,
stand behind it. No indicator depends on the order in which events came.
"""

from math import fsum
from typing import Final, NamedTuple

from ckm_stream.domain.beta import lower_decile
from ckm_stream.domain.choices import WEEK_S, Money, Prior
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

#: Who is more often wrong than right teaches nothing, however much is told: with the mean alone,
#: a planted liar of 9 items and 3 refutations stood above two thirds of a population.
WORTHLESS_BELOW: Final = 0.5

_YEAR_S: Final = 365.25 * DAY_S
_EPSILON: Final = 0.25
_SOURCE_SLOTS: Final = tuple(range(SOURCES, SOURCES + BINS))
_EMPLOYEE_SLOTS: Final = tuple(range(EMPLOYEES, EMPLOYEES + BINS))
_NONE: Final = (0.0, 0.0)

Reading = tuple[float, float, float, float]

#: Evidence for and against; or, for a rate, events and the exposure that they fell into.
Pair = tuple[float, float]


def read_value(facts: Facts, now_s: int, epoch: Epoch, policy: Policy) -> tuple[Reading, Reading]:
    """
    Return V1 to V4 and their evidence counts.

    V1 to V3 are in minor units of money, decayed; V4 in units of a wholly new, adopted item.
    """
    get = facts.sums.get
    d1, d2, _, d4 = policy.dampings(now_s)[:4]
    priors = epoch.priors
    base = get(NET_MARGIN, 0)
    growth, growth_n = (
        _growth(facts, now_s, d2, priors.new_categories, policy)
        if facts.first_in_category
        else _NONE
    )
    networking, networking_n = _networking(facts, now_s, epoch, policy) if facts.referred else _NONE
    learning = get(ITEM_VALUE, 0)
    worth = 0.0
    if learning:
        credibility = _mean(_verdicts(facts, d4), priors.credibility)
        if credibility >= WORTHLESS_BELOW:
            worth = learning * d4 / MILLE * credibility
    return (
        (base * d1 if base > 0 else 0.0, growth, networking, worth),
        (get(ORDERS, 0) * d1, growth_n, networking_n, get(ITEMS, 0) * d4),
    )


def _mean(pair: Pair, prior: Prior) -> float:
    return beta_mean(*pair, prior.a, prior.b)


def _verdicts(facts: Facts, damping: float) -> Pair:
    """Return the items that turned out right and wrong."""
    get = facts.sums.get
    return get(CONFIRMED, 0) * damping, get(REFUTED, 0) * damping


def _growth(
    facts: Facts, now_s: int, damping: float, prior: Prior, policy: Policy
) -> tuple[float, float]:
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
    years = _years_bought(facts, now_s)
    expected = (prior.a + new) / (prior.b + years) * (total * damping) / (1 + new)
    growth = in_new * damping + expected
    if not new:
        return growth, 0.0
    half_life_s = policy.half_lives.growth_potential
    # fsum: the result may not depend on the order in which categories were first seen.
    return growth, fsum([2.0 ** (-age_s / half_life_s) for age_s in ages_s])


def _years_bought(facts: Facts, now_s: int) -> float:
    return max(0, now_s - facts.first_purchase_s) / _YEAR_S


class Referred(NamedTuple):
    """Whom a customer sent: how many, how many of them bought, at which margin, decayed."""

    customers: float
    buyers: float
    margin: float


def read_referred(facts: Facts, now_s: int, policy: Policy) -> Referred:
    """Return whom the customer sent; margin in minor units."""
    return Referred(
        counter_estimate(facts.referred),
        counter_estimate(facts.referred_buyers),
        max(0.0, facts.sums.get(REFERRED_MARGIN, 0) * policy.dampings(now_s)[2]),
    )


def networking_of(referred: Referred, prior: Prior, money: Money) -> float:
    """Return the referrer's part of the margin that those bring whom it sent, in minor units."""
    customers, buyers, margin = referred
    mean_margin = (money.referred_margin + margin) / (1.0 + buyers)
    share = (prior.a + buyers) / (prior.a + prior.b + customers)
    return share * customers * mean_margin * money.referrer_share


def _networking(facts: Facts, now_s: int, epoch: Epoch, policy: Policy) -> tuple[float, float]:
    """Return what referrals bring, at the first step and beyond it, and the evidence."""
    referred = read_referred(facts, now_s, policy)
    networking = networking_of(referred, epoch.priors.referred_buyers, policy.money)
    beyond = epoch.network.beyond(facts.network_id)
    if beyond:
        # Learnt once an epoch, so it cools from then on as the first step does.
        age_s = now_s - epoch.as_of_s
        networking += beyond * 2.0 ** (-age_s / policy.half_lives.networking_potential)
    return networking, facts.sums.get(REFERRALS, 0) * policy.dampings(now_s)[2]


def read_willingness(
    facts: Facts, now_s: int, epoch: Epoch, policy: Policy
) -> tuple[Reading, Reading]:
    """
    Return W1 to W4 and their evidence counts.

    W1 is in weighted contacts per week, W2 the lower tenth of the acceptance rate, W3 and W4 are
    rates.
    """
    priors = epoch.priors
    d2, d3, d4 = policy.dampings(now_s)[5:8]
    contacts = contact_worth(facts, now_s, policy)
    prior = priors.contact_frequency
    frequency = (prior.a + contacts) / (prior.b + _weeks_known(facts, now_s, policy))
    accepted, declined = _responses(facts, d2)
    prior = priors.acceptance_rate
    trust, distrust = _trust(facts, now_s, d3, policy)
    gain, no_gain = _gains(facts, d4)
    return (
        (
            frequency,
            lower_decile(prior.a + accepted, prior.b + declined),
            _mean((trust, distrust), priors.trust),
            _mean((gain, no_gain), priors.perceived_benefit),
        ),
        (contacts, accepted + declined, trust + distrust, gain + no_gain),
    )


def _weeks_known(facts: Facts, now_s: int, policy: Policy) -> float:
    """Return the exposure since the first event, in decayed weeks."""
    known_since_s = facts.first_s if facts.first_s >= 0 else now_s
    return exposure_s(known_since_s, now_s, policy.half_lives.contact_frequency) / WEEK_S


def _responses(facts: Facts, damping: float) -> Pair:
    """Return the approaches that were accepted and not."""
    get = facts.sums.get
    return get(ACCEPTED_TWICE, 0) * damping / 2, get(DECLINED_TWICE, 0) * damping / 2


def _trust(facts: Facts, now_s: int, damping: float, policy: Policy) -> Pair:
    """Return the signs of trust and of distrust."""
    get = facts.sums.get
    trust = get(TRUST, 0) * damping
    if 0 <= facts.last_complaint_s < facts.last_purchase_s:
        # Who buys again after a complaint trusts again: one piece of evidence, decided at read.
        trust += 2.0 ** ((facts.last_purchase_s - now_s) / policy.half_lives.trust)
    return trust, get(DISTRUST, 0) * damping


def _gains(facts: Facts, damping: float) -> Pair:
    """Return what the customer gained by sharing, and what was no gain."""
    get = facts.sums.get
    redeemed = get(REWARDS_REDEEMED, 0)
    spurned = get(REWARDS_OFFERED, 0) - redeemed
    gain = redeemed * damping + get(BENEFIT, 0) * damping / MILLE
    no_gain = (spurned * damping if spurned > 0 else 0.0) + get(NO_BENEFIT, 0) * damping / MILLE
    return gain, no_gain


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


def mean_acceptance(facts: Facts, now_s: int, epoch: Epoch, policy: Policy) -> float:
    """Return the posterior mean of the acceptance rate: shown, while its lower tenth ranks."""
    return _mean(_responses(facts, policy.dampings(now_s)[5]), epoch.priors.acceptance_rate)


def read_absorption(
    facts: Facts, now_s: int, epoch: Epoch, policy: Policy
) -> tuple[Reading, Reading]:
    """
    Return A1 to A4 and their evidence counts.

    A1 is an entropy in [0, 1] that thin evidence leaves near its prior, the others are rates.
    """
    priors = epoch.priors
    d1, d2, d3, d4 = policy.dampings(now_s)[8:]
    seen, entropy = _sources(facts, d1)
    prior = priors.source_diversity
    fitting, unfitting = _fit(facts, d2)
    motivation, handled = _motivation(facts, d3, epoch)
    in_form, out_of_form = _form(facts, d4)
    return (
        (
            (prior.a + seen * entropy) / (prior.a + prior.b + seen),
            _mean((fitting, unfitting), priors.complementarity),
            motivation,
            _mean((in_form, out_of_form), priors.it_support),
        ),
        (seen, fitting + unfitting, handled, in_form + out_of_form),
    )


def _sources(facts: Facts, damping: float) -> tuple[float, float]:
    """Return the touchpoints, and the normalised entropy of where they came from."""
    counts = [each * damping for each in filter(None, map(facts.sums.get, _SOURCE_SLOTS))]
    # ε alone would make an unknown customer the most diverse of all: the entropy of nothing is 1.
    entropy = normalised_entropy(counts, BINS, _EPSILON) if counts else 0.0
    return total_of(counts), entropy


def _fit(facts: Facts, damping: float) -> Pair:
    """Return the items that fitted what is known and were new, and those that did not."""
    get = facts.sums.get
    return (
        get(COMPLEMENTARY, 0) * damping / MILLE,
        get(NOT_COMPLEMENTARY, 0) * damping / MILLE,
    )


def _form(facts: Facts, damping: float) -> Pair:
    """Return the touchpoints that arrived structured and in time, and that did not."""
    get = facts.sums.get
    return get(IN_FORM, 0) * damping, get(OUT_OF_FORM, 0) * damping


def _motivation(facts: Facts, damping: float, epoch: Epoch) -> tuple[float, float]:
    """Return the note rate of the employees who serve this customer, and the contacts behind it."""
    get = facts.sums.get
    rates = epoch.employee_rates
    if not rates:
        prior = epoch.priors.employee_motivation
        handled = sum(filter(None, map(get, _EMPLOYEE_SLOTS))) * damping
        return prior.a / (prior.a + prior.b), handled
    contacts = [get(slot, 0) * damping for slot in _EMPLOYEE_SLOTS]
    handled = total_of(contacts)
    total = handled + BINS * _EPSILON
    pairs = zip(contacts, rates, strict=True)
    return total_of((each + _EPSILON) / total * rate for each, rate in pairs), handled


def read_evidence(facts: Facts, now_s: int, policy: Policy) -> dict[str, Pair]:
    """
    Return, by the names of ``Priors``, the evidence that each prior is mixed with.

    For rates of events they are events and exposure: weighted contacts and weeks, new categories
    and years, referred buyers and referred. What is not the customer's own (employees) is left
    out, and so is a prior that nothing of this customer's bears on.
    """
    dampings = policy.dampings(now_s)
    seen, entropy = _sources(facts, dampings[8])
    pairs = {
        "credibility": _verdicts(facts, dampings[3]),
        "contact_frequency": (
            contact_worth(facts, now_s, policy),
            _weeks_known(facts, now_s, policy),
        ),
        "acceptance_rate": _responses(facts, dampings[5]),
        "trust": _trust(facts, now_s, dampings[6], policy),
        "perceived_benefit": _gains(facts, dampings[7]),
        "source_diversity": (seen * entropy, seen * (1.0 - entropy)),
        "complementarity": _fit(facts, dampings[9]),
        "it_support": _form(facts, dampings[11]),
    }
    if facts.first_purchase_s >= 0:
        new_from_s = facts.first_purchase_s + policy.new_category_after_s
        new = sum(first_s > new_from_s for first_s in facts.first_in_category.values())
        pairs["new_categories"] = float(new), _years_bought(facts, now_s)
    if facts.referred:
        buyers = counter_estimate(facts.referred_buyers)
        pairs["referred_buyers"] = buyers, max(0.0, counter_estimate(facts.referred) - buyers)
    return pairs
