"""The job that all peers do, in the Python of Quix Streams and stock Faust."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.job import announce, apply_touchpoint, new_state

_DAY_US = 86_400_000_000

EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 10**16)), min_size=1, max_size=12)


def sums_after(events: Sequence[tuple[int, int]]) -> list[float]:
    """Return the sums after events of (kind, time)."""
    state = new_state()
    for place, (kind, at) in enumerate(events):
        assert apply_touchpoint(state, kind, str(place), at)
    return state["sums"]


def test_an_event_halves_in_ninety_days() -> None:
    """The older of two events counts by half as of the newer one."""
    assert sums_after([(0, 1), (1, 90 * _DAY_US + 1)]) == pytest.approx([0.5, 1.0, 0.0, 0.0])


@given(events=EVENTS, chance=st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(
    events: list[tuple[int, int]], chance: object
) -> None:
    """A late event is decayed by how late it is."""
    other = list(events)
    chance.shuffle(other)  # type: ignore[attr-defined] # Hypothesis' Random

    assert sums_after(other) == pytest.approx(sums_after(events), rel=1e-9, abs=1e-12)


def test_an_event_is_counted_once_among_sixteen_others() -> None:
    """The sixteen latest ids are remembered; an older one is forgotten."""
    state = new_state()
    for place in range(17):
        assert apply_touchpoint(state, 0, str(place), _DAY_US)

    assert not apply_touchpoint(state, 0, "1", _DAY_US)
    assert apply_touchpoint(state, 0, "0", _DAY_US)
    assert sum(state["counts"]) == 18


def test_a_customer_is_announced_the_first_time_and_when_the_score_has_moved() -> None:
    """A call moves it by 0.005, a purchase by 0.0125: together by more than 0.01."""
    state = new_state()
    announced = []
    for place, kind in enumerate((2, 0, 2)):
        apply_touchpoint(state, kind, str(place), _DAY_US)
        announced.append(announce(state, str(place)))

    assert announced[0] == {"score": pytest.approx(0.5125, abs=1e-4), "count": 1, "event_id": "0"}
    assert announced[1] is None
    assert announced[2] == {"score": pytest.approx(0.53, abs=1e-3), "count": 3, "event_id": "2"}
