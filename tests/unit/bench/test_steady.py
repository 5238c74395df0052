"""The cost of events and slices is told apart by rates at which they differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.steady import Line, Point, fit

_RATES = [(0, 0), (500, 480), (1_000, 900), (2_500, 1_500), (5_000, 1_700)]


@given(idle=st.floats(0.001, 0.1), per_event=st.floats(1, 100), per_slice=st.floats(1, 1_000))
def test_a_line_is_found_again_from_points_on_it(
    idle: float, per_event: float, per_slice: float
) -> None:
    """Without noise, the fit is the truth."""
    line = Line(idle, per_event, per_slice)
    places = [Point(events, slices, 0.0) for events, slices in _RATES]
    points = [place._replace(cpu_share=line.cpu_share(place)) for place in places]

    assert fit(points) == pytest.approx(line, rel=1e-3)


def test_no_cost_is_negative() -> None:
    """Noise that asks for less than nothing per slice is given to the others."""
    points = [Point(0, 0, 0.02), Point(1_000, 900, 0.03), Point(2_000, 600, 0.06)]

    line = fit(points)

    assert min(line) >= 0
    assert line.cpu_us_per_slice == 0
