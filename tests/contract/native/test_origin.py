"""Where forwarded events came from, in C and in Python: the same verdicts, the same notes."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.profile import Delivery
from ckm_stream.pipeline.origin import HEADER, advance

native = pytest.importorskip("ckm_stream.native.origin", reason="the compiled core is not built")

_NUMBERS: Final = st.one_of(
    st.integers(0, 7).map(str),
    st.integers(0, 10**20).map(str),
    st.text("0123456789 +-_", max_size=4),
)
_VALUES: Final = st.one_of(
    st.builds("{}:{}:{}".format, _NUMBERS, _NUMBERS, _NUMBERS).map(str.encode),
    st.builds("{}:{}:{}".format, st.integers(0, 5), st.integers(0, 3), st.integers(0, 9)).map(
        str.encode
    ),
    st.binary(max_size=8),
    st.sampled_from([b"", b"1", b"1:", b"1:2", b"1:2:", b"1:2:3:", b"1:2:3\n", b":2:3", b"1::3"]),
)
_HEADERS: Final = st.lists(
    st.tuples(st.sampled_from([HEADER, HEADER, "other", ""]), _VALUES), max_size=3
)


@given(st.lists(_HEADERS, max_size=12))
def test_any_headers_have_the_verdict_of_the_reference(
    records: list[list[tuple[str, bytes]]],
) -> None:
    """Whether they name an origin or look like it, and whatever was noted before."""
    delivery = Delivery(version=0, partition=0, applied=[-1])
    origins: dict[int, int] = {}
    for headers in records:
        assert native.advanced(origins, headers) == advance(delivery, headers)
        assert origins == delivery.origins
