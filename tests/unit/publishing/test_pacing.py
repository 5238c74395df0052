"""Handing out at a steady rate, on a clock of the test's own."""

from ckm_stream.publishing.pacing import at_rate
from tests.support.clock import Clock


def test_the_rate_holds_to_within_one_short_wait() -> None:
    """10,000 items at 1,000 a second take 10 s."""
    clock = Clock(100.0)

    times = [clock() for _ in at_rate(range(10_000), 1000.0, clock=clock, wait=clock.sleep)]

    assert abs(times[-1] - times[0] - 9.999) <= 0.005
    assert all(at >= 100.0 + number / 1000.0 - 0.0051 for number, at in enumerate(times))


def test_who_falls_behind_catches_up() -> None:
    """A pause of a second is made up for by handing out without waits."""
    clock = Clock(100.0)
    times = []

    for number in at_rate(range(100), 10.0, clock=clock, wait=clock.sleep):
        times.append(clock())
        if number == 20:
            clock.sleep(1.0)

    assert times[21:31] == [103.0] * 10
    assert abs(times[-1] - 109.9) <= 0.005


def test_without_a_rate_nobody_waits() -> None:
    """All items come at once."""
    clock = Clock(100.0)

    assert list(at_rate("abc", None, clock=clock, wait=clock.sleep)) == ["a", "b", "c"]
    assert clock() == 100.0
