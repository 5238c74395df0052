"""Token buckets."""

from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.gateway.rates import RateLimit
from tests.support.clock import Clock


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    """After the burst each request has to wait for its share of a second."""
    clock = Clock()
    limit = RateLimit(2.0, 3, monotonic=clock)

    assert [limit.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    clock.now_s += 0.5
    assert [limit.take("a"), limit.take("a")] == [0.0, 0.5]


def test_each_key_has_a_bucket_of_its_own() -> None:
    """One that is empty does not concern the others."""
    limit = RateLimit(1.0, 1, monotonic=Clock())

    assert [limit.take("a"), limit.take("b"), limit.take("a") > 0] == [0.0, 0.0, True]


@given(
    steps=st.lists(st.floats(0, 3), max_size=60),
    per_s=st.floats(0.1, 50),
    burst=st.integers(1, 20),
)
def test_never_more_than_the_burst_and_the_rate_allow(
    steps: list[float], per_s: float, burst: int
) -> None:
    """Whenever they come: so many in t seconds are at most burst + t * rate."""
    clock = Clock()
    begin = clock.now_s
    limit = RateLimit(per_s, burst, monotonic=clock)
    taken = 0
    for step in steps:
        clock.now_s += step
        while limit.take("a") == 0.0:
            taken += 1

    assert taken <= burst + (clock.now_s - begin) * per_s + 1e-6
