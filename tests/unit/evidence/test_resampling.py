"""The bootstrap: draws that repeat, and intervals as wide as theory says."""

import numpy as np
import pytest

from ckm_stream.evidence.measures import mean_absolute_error
from ckm_stream.evidence.resampling import Resampling, interval


@pytest.mark.parametrize(("customers", "count"), [(1, 3), (50, 7), (1_000_000, 3)])
def test_as_many_are_drawn_as_there_are(customers: int, count: int) -> None:
    """In every resample, however many fit into a block."""
    blocks = list(Resampling(count=count).weights(customers))

    drawn = np.concatenate(blocks)
    assert drawn.shape == (count, customers)
    assert (drawn.sum(axis=1) == customers).all()


def test_a_seed_draws_the_same_and_another_seed_others() -> None:
    """An interval can be reproduced."""
    one, same, other = (
        np.concatenate(list(Resampling(count=4, seed=seed).weights(100))) for seed in (1, 1, 2)
    )

    assert (one == same).all()
    assert (one != other).any()
    assert (one[0] != one[1]).any()


def test_each_customer_is_drawn_as_often_as_chance_has_it() -> None:
    """Counts are those of a fair lot: mean 1, variance 1 - 1/n."""
    counts = np.concatenate(list(Resampling(count=2_000, seed=3).weights(200)))

    assert counts.mean(axis=0) == pytest.approx(np.ones(200), abs=0.1)
    assert counts.var() == pytest.approx(1.0 - 1 / 200, rel=0.01)


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    """±1.96 standard errors, for errors that are far from normal."""
    errors = np.random.default_rng(5).exponential(10.0, 2_000)
    nothing = np.zeros(2_000)
    blocks = Resampling(count=2_000, seed=6).weights(2_000)

    ends = interval(
        np.concatenate([mean_absolute_error(errors, nothing, counts) for counts in blocks])
    )

    half = 1.96 * errors.std() / np.sqrt(2_000)
    expected = (errors.mean() - half, errors.mean() + half)
    assert ends == pytest.approx(expected, abs=0.15 * half)


def test_no_interval_without_resamples_or_with_an_undefined_one() -> None:
    """Where a resample may be without any buyer, an interval would mean nothing."""
    assert interval(np.array([])) is None
    assert interval(np.array([0.4, np.nan, 0.5])) is None
    assert interval(np.full(9, 0.5)) == (0.5, 0.5)


def test_no_resamples_are_none() -> None:
    """A count of 0 asks for no intervals."""
    assert list(Resampling(count=0).weights(10)) == []
