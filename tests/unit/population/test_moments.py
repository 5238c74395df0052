"""Priors learnt from all customers: planted ones are found again, and nothing is guessed."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.domain.beta import LEAST_COUNT
from ckm_stream.domain.choices import Prior
from ckm_stream.population.moments import (
    FEWEST,
    Rates,
    Shares,
    freshness,
    learn_rate,
    learn_share,
)

KNOWN = Prior(a=2.0, b=2.0)
HALF_LIFE_S = 1_000.0


def shares(a: float, b: float, *, customers: int = 20_000, seed: int = 1) -> Shares:
    """Draw customers whose shares are Beta(a, b), each with a handful of answers."""
    chance, drawn = Random(seed), Shares()
    for _ in range(customers):
        rate, n = chance.betavariate(a, b), chance.randrange(1, 12)
        drawn.add(sum(chance.random() < rate for _ in range(n)), n)
    return drawn


def aged(
    a: float, b: float, *, customers: int = 20_000, seed: int = 1, silent: float = 0.0
) -> tuple[Shares, list[tuple[float, float, float]]]:
    """
    Draw customers like those of ``shares``, known for up to four half-lives, with aged answers.

    *silent* of the refusals count half. Return with them each one's share, s and n.
    """
    chance, drawn, customers_drawn = Random(seed), Shares(), []
    for _ in range(customers):
        rate, known_s = chance.betavariate(a, b), chance.uniform(0.0, 4 * HALF_LIFE_S)
        s = n = 0.0
        for _ in range(chance.randrange(1, 20)):
            weight = 2.0 ** -(chance.uniform(0.0, known_s) / HALF_LIFE_S)
            if chance.random() < rate:
                s, n = s + weight, n + weight
            else:
                n += weight * (0.5 if chance.random() < silent else 1.0)
        drawn.add(s, n, freshness(known_s, HALF_LIFE_S))
        by_weight = rate / (rate + (1.0 - rate) * (1.0 - silent / 2))
        customers_drawn.append((by_weight, s, n))
    return drawn, customers_drawn


def best_strength(customers: list[tuple[float, float, float]], mean: float) -> float:
    """Return the k whose (m·k + s)/(k + n) is closest to the customers' own shares."""
    share, s, n = np.array(customers).T
    steps = np.arange(0.2, 40.0, 0.1)
    errors = [float(np.square((mean * k + s) / (k + n) - share).sum()) for k in steps]
    return float(steps[np.argmin(errors)])


@pytest.mark.parametrize(("a", "b"), [(1.5, 3.5), (8.0, 2.0), (0.9, 0.9), (30.0, 70.0)])
def test_a_planted_share_is_found_again(a: float, b: float) -> None:
    """20,000 customers tell mean and strength of the prior that they were drawn from."""
    prior, customers, is_learnt = learn_share(shares(a, b), KNOWN)

    assert (customers, is_learnt) == (20_000, True)
    assert prior.a / (prior.a + prior.b) == pytest.approx(a / (a + b), abs=0.01)
    assert prior.a + prior.b == pytest.approx(a + b, rel=0.25)


@settings(max_examples=6, deadline=None)
@given(
    a=st.floats(0.6, 6.0),
    b=st.floats(0.6, 6.0),
    silent=st.sampled_from([0.0, 0.6, 1.0]),
    seed=st.integers(0, 2**32),
)
def test_aged_evidence_is_weighed_as_foresees_best(
    a: float, b: float, silent: float, seed: int
) -> None:
    """The prior's strength is close to the one that comes closest to the customers' own shares."""
    drawn, customers = aged(a, b, customers=4_000, seed=seed, silent=silent)
    # Of the refusals' weight, those that were silent weigh half.
    refusal = (1.0 - silent + silent / 4) / (1.0 - silent + silent / 2)

    prior = learn_share(drawn, KNOWN, refusal=refusal).prior
    mean, strength = prior.a / (prior.a + prior.b), prior.a + prior.b

    assert mean == pytest.approx(drawn.s / drawn.n)
    assert strength == pytest.approx(max(1.0, best_strength(customers, mean)), rel=0.3, abs=0.3)


def test_evidence_that_has_aged_is_not_taken_for_fresh() -> None:
    """Taken for fresh, it would call customers more alike than they are."""
    old, fresh = Shares(), Shares()
    for _, s, n in aged(2.0, 4.0)[1]:
        old.add(s, n, 0.5)
        fresh.add(s, n)

    told, taken = (learn_share(each, KNOWN).prior for each in (old, fresh))

    assert told.a + told.b < 0.7 * (taken.a + taken.b)


def test_evidence_is_fresh_at_first_and_half_after_long() -> None:
    """Σw²/Σw of a steady stream of evidence, by its age."""
    ages_s = [0.5 * step for step in range(6_000)]
    weights = [2.0 ** -(each / HALF_LIFE_S) for each in ages_s]

    assert freshness(0.0, HALF_LIFE_S) == 1.0
    assert freshness(3_000.0, HALF_LIFE_S) == pytest.approx(
        sum(each * each for each in weights) / sum(weights), rel=1e-3
    )
    assert freshness(1e9, HALF_LIFE_S) == 0.5


@pytest.mark.parametrize("strength", [6.0, 24.0])
def test_pieces_that_speak_for_and_against_at_once_vary_less(strength: float) -> None:
    """Each piece is anywhere about its customer's share: the population tells how far."""
    chance, drawn = Random(4), Shares()
    for _ in range(20_000):
        share = chance.betavariate(0.4 * strength, 0.6 * strength)
        n = chance.randrange(1, 12)
        # A variance of a quarter of share·(1 - share).
        pieces = [chance.betavariate(3 * share, 3 * (1 - share)) for _ in range(n)]
        drawn.add(sum(pieces), n)

    graded, whole = (learn_share(drawn, KNOWN, refusal=each).prior for each in (None, 1.0))

    assert graded.a + graded.b == pytest.approx(strength / 4, rel=0.2)
    assert whole.a + whole.b > 2 * (graded.a + graded.b)


@pytest.mark.parametrize("refusal", [None, 1.0])
def test_one_piece_of_evidence_each_tells_no_differences(refusal: float | None) -> None:
    """The mean is learnt, the strength stays."""
    drawn = Shares()
    for number in range(100):
        drawn.add(float(number % 4 == 0), 1.0)

    prior = learn_share(drawn, KNOWN, refusal=refusal).prior

    assert (prior.a, prior.b) == pytest.approx((1.0, 3.0))


@pytest.mark.parametrize(("a", "b"), [(1.0, 20.0), (4.0, 26.0)])
def test_a_planted_rate_is_found_again(a: float, b: float) -> None:
    """Events in an exposure of 1 to 52 weeks tell the Gamma prior of their rates."""
    chance, rates = Random(2), Rates()
    for _ in range(20_000):
        rate, weeks = chance.gammavariate(a, 1 / b), chance.uniform(1, 52)
        events, left = 0, chance.expovariate(1.0)
        while left < rate * weeks:
            events += 1
            left += chance.expovariate(1.0)
        rates.add(events, weeks)

    prior = learn_rate(rates, KNOWN).prior

    assert prior.a / prior.b == pytest.approx(a / b, rel=0.05)
    assert prior.a == pytest.approx(a, rel=0.3)


def test_too_few_customers_leave_the_prior_as_it_was() -> None:
    """29 customers say too little, 30 are listened to."""
    few, enough = shares(8, 2, customers=FEWEST - 1), shares(8, 2, customers=FEWEST)

    rates = Rates()
    for _ in range(FEWEST - 1):
        rates.add(1.0, 10.0)

    assert learn_share(few, KNOWN) == (KNOWN, FEWEST - 1, False)
    assert learn_rate(rates, KNOWN) == (KNOWN, FEWEST - 1, False)
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
    drawn = Shares()
    for n in range(1, 200):
        drawn.add(always * n, n)

    prior = learn_share(drawn, KNOWN).prior

    assert abs(prior.a / (prior.a + prior.b) - always) < 0.001
    assert min(prior.a, prior.b) > 0.0


def test_the_acceptance_rate_keeps_both_counts_at_a_half() -> None:
    """Its lower quantile's closed form needs that, whatever the population says."""
    prior = learn_share(shares(0.2, 0.9), KNOWN, least=LEAST_COUNT).prior

    assert min(prior.a, prior.b) == pytest.approx(LEAST_COUNT)
    assert prior.a / (prior.a + prior.b) == pytest.approx(0.2 / 1.1, abs=0.02)


def test_a_rate_without_any_event_stays_as_it_was() -> None:
    """A rate of 0 in all exposure so far is no Gamma prior."""
    rates = Rates()
    for weeks in range(1, 100):
        rates.add(0.0, weeks)

    assert learn_rate(rates, KNOWN) == (KNOWN, 99, False)
