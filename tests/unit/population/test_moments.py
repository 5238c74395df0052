"""Priors learnt from all customers: planted ones are found again, and nothing is guessed."""

from random import Random

import pytest

from ckm_stream.domain.choices import Prior
from ckm_stream.population.moments import FEWEST, Moments, learn_rate, learn_share

KNOWN = Prior(a=2.0, b=2.0)


def shares(a: float, b: float, *, customers: int = 20_000, seed: int = 1) -> Moments:
    """Draw customers whose shares are Beta(a, b), each with a handful of answers."""
    chance, moments = Random(seed), Moments()
    for _ in range(customers):
        rate, n = chance.betavariate(a, b), chance.randrange(1, 12)
        moments.add(sum(chance.random() < rate for _ in range(n)), n)
    return moments


@pytest.mark.parametrize(("a", "b"), [(1.5, 3.5), (8.0, 2.0), (0.9, 0.9), (30.0, 70.0)])
def test_a_planted_share_is_found_again(a: float, b: float) -> None:
    """20,000 customers tell mean and strength of the prior that they were drawn from."""
    prior, customers, is_learnt = learn_share(shares(a, b), KNOWN)

    assert (customers, is_learnt) == (20_000, True)
    assert prior.a / (prior.a + prior.b) == pytest.approx(a / (a + b), abs=0.01)
    assert prior.a + prior.b == pytest.approx(a + b, rel=0.25)


def test_evidence_that_has_aged_is_not_taken_for_alikeness() -> None:
    """Halved by age, the same answers say the same mean; the strength stays within a half."""
    fresh, aged = shares(2.0, 4.0), Moments()
    chance = Random(1)
    for _ in range(20_000):
        rate, n = chance.betavariate(2.0, 4.0), chance.randrange(1, 12)
        weights = [2.0 ** -(chance.random() * 2) for _ in range(n)]
        hits = [weight for weight in weights if chance.random() < rate]
        aged.add(sum(hits), sum(weights))

    young, old = learn_share(fresh, KNOWN).prior, learn_share(aged, KNOWN).prior

    assert old.a / (old.a + old.b) == pytest.approx(young.a / (young.a + young.b), abs=0.01)
    assert old.a + old.b == pytest.approx(young.a + young.b, rel=0.5)


@pytest.mark.parametrize(("a", "b"), [(1.0, 20.0), (4.0, 26.0)])
def test_a_planted_rate_is_found_again(a: float, b: float) -> None:
    """Events in an exposure of 1 to 52 weeks tell the Gamma prior of their rates."""
    chance, moments = Random(2), Moments()
    for _ in range(20_000):
        rate, weeks = chance.gammavariate(a, 1 / b), chance.uniform(1, 52)
        events, left = 0, chance.expovariate(1.0)
        while left < rate * weeks:
            events += 1
            left += chance.expovariate(1.0)
        moments.add(events, weeks)

    prior = learn_rate(moments, KNOWN).prior

    assert prior.a / prior.b == pytest.approx(a / b, rel=0.05)
    assert prior.a == pytest.approx(a, rel=0.3)


def test_too_few_customers_leave_the_prior_as_it_was() -> None:
    """29 customers say too little, 30 are listened to."""
    few, enough = shares(8, 2, customers=FEWEST - 1), shares(8, 2, customers=FEWEST)

    assert learn_share(few, KNOWN) == (KNOWN, FEWEST - 1, False)
    assert learn_rate(few, KNOWN) == (KNOWN, FEWEST - 1, False)
    assert learn_share(enough, KNOWN).is_learnt


def test_customers_without_evidence_are_not_counted() -> None:
    """A thousand who were never asked change nothing."""
    asked = shares(8, 2, customers=100)
    before = learn_share(asked, KNOWN)
    for _ in range(1000):
        asked.add(0.0, 0.0)

    assert learn_share(asked, KNOWN) == before


@pytest.mark.parametrize("always", [0.0, 1.0])
def test_a_unanimous_population_gives_a_strong_prior_off_the_end(always: float) -> None:
    """Nobody has differed yet: the mean is near the end, and never on it."""
    moments = Moments()
    for n in range(1, 200):
        moments.add(always * n, n)

    prior = learn_share(moments, KNOWN).prior

    assert abs(prior.a / (prior.a + prior.b) - always) < 0.001
    assert min(prior.a, prior.b) > 0.0


def test_the_acceptance_rate_keeps_both_counts_at_one() -> None:
    """Its lower quantile's closed form needs that, whatever the population says."""
    prior = learn_share(shares(0.2, 0.9), KNOWN, least=1.0).prior

    assert min(prior.a, prior.b) >= 1.0
    assert prior.a / (prior.a + prior.b) == pytest.approx(0.2 / 1.1, abs=0.02)


def test_a_rate_without_any_event_stays_as_it_was() -> None:
    """A rate of 0 in all exposure so far is no Gamma prior."""
    moments = Moments()
    for weeks in range(1, 100):
        moments.add(0.0, weeks)

    assert learn_rate(moments, KNOWN) == (KNOWN, 99, False)
