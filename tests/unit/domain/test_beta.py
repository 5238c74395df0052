"""The closed form of the lower quantile, against scipy's exact one."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import beta

from ckm_stream.domain.beta import LEAST_COUNT, lower_decile

COUNTS = [LEAST_COUNT, 0.6, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.5, 7.0, 12.0, 30.0, 1e2, 1e3, 1e4, 1e5]


@pytest.mark.parametrize(
    ("least", "tolerance"), [(LEAST_COUNT, 0.018), (1.0, 0.0065), (2.0, 0.001)]
)
def test_lower_decile_is_close_to_the_exact_one(least: float, tolerance: float) -> None:
    """Within the stated distance of scipy's, wherever both counts are at least *least*."""
    counts = [each for each in COUNTS if each >= least]
    grid = [(a, b) for a in counts for b in counts]
    exact = beta.ppf(0.1, *np.array(grid).T)

    worst = max(abs(lower_decile(a, b) - e) for (a, b), e in zip(grid, exact, strict=True))

    assert worst <= tolerance


@pytest.mark.parametrize("other", COUNTS)
def test_lower_decile_rises_with_acceptances_and_falls_with_refusals(other: float) -> None:
    """Strictly monotone in both counts."""
    rising = [lower_decile(a, other) for a in COUNTS]
    falling = [lower_decile(other, b) for b in COUNTS]

    assert all(earlier < later for earlier, later in pairwise(rising))
    assert all(earlier > later for earlier, later in pairwise(falling))


def test_more_evidence_of_the_same_rate_makes_surer() -> None:
    """Half of 4, of 40 and of 400: the lower tenth nears one half."""
    assert lower_decile(2.0, 2.0) < lower_decile(20.0, 20.0) < lower_decile(200.0, 200.0) < 0.5
