"""Forward decay: exact sums, and what they are worth later."""

from collections.abc import Callable
from fractions import Fraction
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.decay import (
    beta_mean,
    damping,
    exposure_s,
    normalised_entropy,
    total_of,
    weight,
)

H = 1_000

ages = st.integers(0, 400 * H)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1e16, 1.0, 1.0], 1e16), ([0.1] * 10, 0.9999999999999999), ([1e16, 1.0, -1e16], 0.0)],
)
def test_total_is_added_from_left_to_right(values: list[float], expected: float) -> None:
    """Each step rounds, as in C; a compensated sum would say 1e16 + 2, 1.0 and 1.0."""
    assert total_of(values) == expected


def test_total_goes_on_from_its_start() -> None:
    """As if the start were the first value; 0.0 without any."""
    assert total_of([1.0, 1.0], 1e16) == 1e16
    assert repr(total_of([])) == "0.0"


def test_weight_at_the_landmark_is_one_in_fixed_point() -> None:
    """w(L) = 2^52, and each half-life later it is doubled exactly."""
    assert weight(0, H) == 1 << 52
    assert weight(3 * H, H) == 1 << 55


@given(ages)
def test_weight_doubles_exactly_with_each_half_life(age_s: int) -> None:
    """w(t + H) = 2·w(t) as integers."""
    assert weight(age_s + H, H) == 2 * weight(age_s, H)


@given(ages, ages)
def test_weight_never_falls_with_time(one: int, other: int) -> None:
    """A newer event weighs at least as much as an older one."""
    older, newer = sorted((one, other))

    assert weight(older, H) <= weight(newer, H)


@given(st.lists(st.tuples(ages, st.integers(-(10**6), 10**9)), min_size=1, max_size=8), ages)
def test_sum_is_read_within_an_ulp_of_the_exact_quotient(
    events: list[tuple[int, int]], silence_s: int
) -> None:
    """S·(1/w) is S / w(now) as rational numbers, to 2^-52."""
    now_s = max(at for at, _ in events) + silence_s
    total = sum(value * weight(at, H) for at, value in events)

    read = total * damping(now_s, H)

    exact = Fraction(total, weight(now_s, H))
    assert abs(Fraction(read) - exact) <= abs(exact) / 2**51


def test_sum_is_worth_half_after_a_half_life() -> None:
    """10 now are 10, 5 and 2.5 after one and two half-lives."""
    total = 10 * weight(7 * H + 123, H)

    assert [total * damping(7 * H + 123 + n * H, H) for n in range(3)] == [10.0, 5.0, 2.5]


def test_sum_fades_to_nothing_without_an_error() -> None:
    """Ten thousand half-lives later a sum is worth 0."""
    assert weight(0, H) * damping(10_000 * H, H) == 0.0


@pytest.mark.parametrize("function", [weight, damping])
def test_no_instant_before_the_landmark_is_accepted(function: Callable[[int, int], float]) -> None:
    """An age below 0 is refused, and not shifted the wrong way."""
    with pytest.raises(ValueError, match="before the landmark"):
        function(-1, H)


def test_exposure_is_age_at_first_and_saturates_at_mean_lifetime() -> None:
    """A second after one second, H/ln 2 in the end, 0 before the first time."""
    assert exposure_s(100, 101, H) == pytest.approx(1.0, rel=1e-3)
    assert exposure_s(0, H, H) == pytest.approx(H / log(2) / 2)
    assert exposure_s(0, 1000 * H, H) == pytest.approx(H / log(2))
    assert exposure_s(100, 50, H) == 0.0


def test_beta_mean_returns_to_the_prior_as_evidence_ages() -> None:
    """(a + s)/(a + b + s + f): 3 of 4 over a prior of 1 in 2 is 4 in 6."""
    assert beta_mean(3.0, 1.0, 1.0, 1.0) == pytest.approx(4 / 6)
    assert beta_mean(0.0, 0.0, 1.0, 3.0) == 0.25


def test_entropy_of_equal_shares_is_one_and_of_one_bin_is_least() -> None:
    """All bins alike are the most diverse; the more one bin holds, the less."""
    assert normalised_entropy([5.0] * 16, 16) == pytest.approx(1.0)
    assert normalised_entropy([100.0], 16) < normalised_entropy([10.0], 16) < 1.0


def test_entropy_is_that_of_the_smoothed_shares() -> None:
    """Two bins of 1 and 3 among four: by hand from (c + 0.25)/(W + 1)."""
    shares = [1.25 / 5, 3.25 / 5, 0.25 / 5, 0.25 / 5]
    expected = -sum(share * log(share) for share in shares) / log(4)

    assert normalised_entropy([1.0, 3.0], 4) == pytest.approx(expected)
