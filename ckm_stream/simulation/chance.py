"""
Seeded chance: random numbers that depend on what they are for, never on what was drawn before.

Each purpose gets a generator of its own, seeded by its name, so that customer 7 is the same
customer whether 10 or 1,000,000 are simulated. Nothing here is fit for security.
"""

import math
from collections.abc import Mapping
from random import Random
from typing import TypeVar

T = TypeVar("T")

_NORMAL_FROM = 50.0


def chance_for(*purpose: int | str) -> Random:
    """Return the generator for *purpose*; the same words give the same numbers on any machine."""
    # A string seed goes through SHA-512, so neighbours (seed 1, 2, …) have nothing in common and
    # the hash randomisation of the process plays no part.
    return Random("/".join(map(str, purpose)))  # noqa: S311 -- simulation, not security


def draw_count(chance: Random, mean: float) -> int:
    """
    Draw a Poisson count.

    Args:
        chance: The generator to draw from.
        mean: Expected count, >= 0; from 50 on the normal approximation is used.
    """
    if mean >= _NORMAL_FROM:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    floor = math.exp(-mean)
    count, product = 0, chance.random()
    while product > floor:
        count += 1
        product *= chance.random()
    return count


def draw_one(chance: Random, shares: Mapping[T, float]) -> T:
    """Draw one key of *shares* with a probability in proportion to its value (>= 0)."""
    return chance.choices(tuple(shares), weights=tuple(shares.values()))[0]


def blend(low: float, high: float, share: float) -> float:
    """Return the point *share* (0..1) of the way from *low* to *high*."""
    return low + (high - low) * share
