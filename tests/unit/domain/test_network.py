"""A table of what lies beyond the first step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.network import Network

IDS = st.integers(0, (1 << 64) - 1)


@given(st.dictionaries(IDS, st.floats(1e-9, 1e12)), IDS)
def test_what_is_in_the_table_is_found_and_nothing_else(
    known: dict[int, float], other: int
) -> None:
    """At either end as well."""
    network = Network(*zip(*sorted(known.items()), strict=True)) if known else Network()

    for own, value in known.items():
        assert network.beyond(own) == value
    assert network.beyond(other) == known.get(other, 0.0)


@pytest.mark.parametrize(
    ("ids", "values"),
    [
        ((1, 1), (1.0, 1.0)),
        ((2, 1), (1.0, 1.0)),
        ((1, 2), (1.0,)),
        ((1,), (0.0,)),
        ((1,), (-1.0,)),
        ((1,), (float("nan"),)),
        ((1,), (float("inf"),)),
    ],
)
def test_what_cannot_be_looked_up_in_is_refused(
    ids: tuple[int, ...], values: tuple[float, ...]
) -> None:
    """An id twice would be found by chance, and no customer is worth nothing or all there is."""
    with pytest.raises(ValueError, match="rising ids"):
        Network(ids, values)
