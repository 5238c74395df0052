"""Seeded chance: the same purpose gives the same numbers, another one unrelated numbers."""

import pytest

from ckm_stream.simulation.chance import blend, chance_for, draw_count, draw_one


def test_the_same_purpose_gives_the_same_numbers() -> None:
    """Two generators of one purpose never differ."""
    one, other = chance_for(7, 3, "events"), chance_for(7, 3, "events")

    assert [one.random() for _ in range(5)] == [other.random() for _ in range(5)]


def test_numbers_are_the_same_on_every_machine() -> None:
    """The first number of a purpose is pinned: a change would change every simulated customer."""
    assert chance_for(1, 2, "events").random() == pytest.approx(0.47226430597527014, abs=1e-15)


def test_neighbouring_purposes_share_nothing() -> None:
    """Another seed, customer or word gives another sequence."""
    purposes: list[tuple[int | str, ...]] = [(1, 2, "a"), (2, 1, "a"), (1, 2, "b"), (12, "a")]

    assert len({chance_for(*each).random() for each in purposes}) == len(purposes)


@pytest.mark.parametrize("mean", [0.0, 0.5, 4.0, 80.0])
def test_counts_have_the_mean_that_was_asked_for(mean: float) -> None:
    """The mean of 4,000 draws lies within five standard errors."""
    chance = chance_for("count", str(mean))
    counts = [draw_count(chance, mean) for _ in range(4000)]

    assert min(counts) >= 0
    assert sum(counts) / 4000 == pytest.approx(mean, abs=5 * (mean / 4000) ** 0.5)


def test_a_share_of_zero_is_never_drawn() -> None:
    """What has no share does not happen."""
    chance = chance_for("shares")

    assert {draw_one(chance, {"a": 1.0, "b": 0.0, "c": 2.0}) for _ in range(200)} == {"a", "c"}


def test_blending_goes_from_the_low_end_to_the_high_end() -> None:
    """0 gives the low end, 1 the high end, and they may be swapped."""
    assert (blend(2.0, 6.0, 0.0), blend(2.0, 6.0, 0.25), blend(6.0, 2.0, 1.0)) == (2.0, 3.0, 2.0)
