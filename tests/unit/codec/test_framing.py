"""Confluent's frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.codec.framing import frame, schema_id_of, split
from ckm_stream.errors import Reason, RejectedRecord


@given(st.integers(0, (1 << 32) - 1), st.binary(max_size=50))
def test_what_was_framed_is_split_again(schema_id: int, body: bytes) -> None:
    """A frame holds an id and a body, and gives both back."""
    assert split(frame(schema_id, body)) == (schema_id, body)


def test_frame_is_confluents() -> None:
    """The bytes are a zero, the id as big-endian int32, and the body."""
    assert frame(258, b"body") == b"\x00\x00\x00\x01\x02body"


@pytest.mark.parametrize(
    "value", [b"", b"\x00", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\x01x", b"{}"]
)
def test_value_without_a_frame_is_rejected(value: bytes) -> None:
    """Anything shorter than a frame, or with another first byte, is not framed."""
    with pytest.raises(RejectedRecord) as caught:
        schema_id_of(value)

    assert caught.value.reason is Reason.NOT_FRAMED


def test_a_long_value_without_a_frame_is_not_called_short() -> None:
    """Callers hand over the first bytes alone, so how many there are is not known here."""
    with pytest.raises(RejectedRecord) as caught:
        schema_id_of(b"not framed"[:5])

    assert str(caught.value).startswith("value starts with byte 110; ")
