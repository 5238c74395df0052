"""Avro's integers."""

from io import BytesIO

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ckm_stream.codec.varints import (
    read_block,
    read_int,
    read_long,
    read_size,
    read_timestamp,
    write_int,
    write_long,
    write_timestamp,
)


@given(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 62).map(lambda bits: 1 << bits))
@example(-(1 << 48))
@example((1 << 48) - 1)
@example(1 << 55)
@example((1 << 55) - 1)
@example(-(1 << 55))
def test_long_comes_back_from_its_varint(number: int) -> None:
    """All 64-bit integers are written as fastavro does, survive, and end where they end."""
    written = write_long(number)
    stream = BytesIO()
    fastavro.schemaless_writer(stream, "long", number)

    assert written == write_timestamp(number) == stream.getvalue()
    for read in (read_long, read_timestamp):
        assert read(b"#" + written + b"~", 1) == (number, 1 + len(written))


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_int_comes_back_from_its_varint(number: int) -> None:
    """All 32-bit integers survive."""
    written = write_int(number)

    assert read_int(written, 0) == (number, len(written))


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 200])
def test_long_of_more_than_64_bits_is_not_written(number: int) -> None:
    """The schema's limits are kept when writing."""
    with pytest.raises(ValueError, match="64 bits"):
        write_long(number)


@pytest.mark.parametrize("number", [1 << 31, -(1 << 31) - 1])
def test_int_of_more_than_32_bits_is_neither_written_nor_read(number: int) -> None:
    """The schema's limits are kept on both sides."""
    with pytest.raises(ValueError, match="32 bits"):
        write_int(number)
    with pytest.raises(ValueError, match="32 bits"):
        read_int(write_long(number), 0)


def test_varint_without_an_end_is_refused() -> None:
    """Ten bytes hold 64 bits; a longer varint is refused before it grows."""
    with pytest.raises(ValueError, match="ten bytes"):
        read_long(b"\x80" * 1000, 0)


def test_varint_of_more_than_64_bits_is_refused() -> None:
    """The tenth byte has room for one bit only."""
    with pytest.raises(ValueError, match="64 bits"):
        read_long(b"\xff" * 9 + b"\x02", 0)


def test_size_is_not_negative() -> None:
    """A string cannot have fewer than no bytes."""
    with pytest.raises(ValueError, match="negative"):
        read_size(write_long(-1), 0)


def test_negative_block_count_has_the_blocks_size_behind_it() -> None:
    """The size is for readers that skip; the count is its absolute value."""
    assert read_block(write_long(-3) + write_long(100) + b"items", 0) == (3, 3)
    assert read_block(write_long(3) + b"items", 0) == (3, 1)
