"""
Avro's integers: zigzag varints, seven bits a byte, the lowest first.

A timestamp in microseconds of the years 1978 to 3111 takes exactly eight bytes; those have a way
of their own, three steps for all groups of bits, in half the time of the loop over the bytes.
"""

from functools import lru_cache
from typing import Final

#: Bits of a 64-bit integer's varint: ten bytes of seven.
_MAX_SHIFT: Final = 70
_INT_BITS: Final = 31
_LONG_BITS: Final = 63
#: A byte's bit that says that another one follows.
_MORE: Final = 0x80
#: That bit of eight bytes, and how it is in a number of exactly eight bytes.
_ALL_MORE: Final = 0x8080808080808080
_SEVEN_MORE: Final = 0x0080808080808080
#: The least zigzag numbers that take eight and nine bytes.
_EIGHT_BYTES: Final = 1 << 49
_NINE_BYTES: Final = 1 << 56


def read_long(data: bytes, position: int) -> tuple[int, int]:
    """
    Read a zigzag varint of at most ten bytes; return the number and the position behind it.

    Raises:
        ValueError: If it is longer, or the number does not fit 64 bits.
    """
    byte = data[position]
    number = byte & 0x7F
    shift = 7
    while byte & 0x80:
        position += 1
        byte = data[position]
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError("an integer has more than ten bytes")
    if number >> 64:
        raise ValueError("an integer has more than 64 bits")
    return (number >> 1) ^ -(number & 1), position + 1


def read_timestamp(data: bytes, position: int) -> tuple[int, int]:
    """Read a long, fast if it is microseconds of the years 1978 to 3111; see ``read_long``."""
    eight = int.from_bytes(data[position : position + 8], "little")
    if eight & _ALL_MORE == _SEVEN_MORE:
        eight = (eight & 0x007F007F007F007F) | (eight & 0x7F007F007F007F00) >> 1
        eight = (eight & 0x00003FFF00003FFF) | (eight & 0x3FFF00003FFF0000) >> 2
        eight = (eight & 0x000000000FFFFFFF) | (eight & 0x0FFFFFFF00000000) >> 4
        return (eight >> 1) ^ -(eight & 1), position + 8
    return read_long(data, position)


def read_int(data: bytes, position: int) -> tuple[int, int]:
    """
    Read a zigzag varint of 32 bits; return the number and the position behind it.

    Raises:
        ValueError: If the number has more bits.
    """
    number, position = read_long(data, position)
    if number >> _INT_BITS not in (0, -1):
        raise ValueError("an integer has more than 32 bits")
    return number, position


def read_size(data: bytes, position: int) -> tuple[int, int]:
    """
    Read the size of a string; return it and the position behind it.

    Raises:
        ValueError: If it is negative.
    """
    size, position = read_long(data, position)
    if size < 0:
        raise ValueError("a size is negative")
    return size, position


def read_block(data: bytes, position: int) -> tuple[int, int]:
    """Read the number of items of the next block of an array or map; 0 ends it."""
    items, position = read_long(data, position)
    if items < 0:
        _, position = read_size(data, position)  # the block's bytes, for readers that skip
        items = -items
    return items, position


# The same few numbers are written most often: half-lives, and the lengths of texts. Typed, because
# 64.0 is no integer.
@lru_cache(maxsize=1024, typed=True)
def write_long(number: int) -> bytes:
    """
    Return the zigzag varint of a 64-bit integer.

    Raises:
        ValueError: If it has more bits.
    """
    if number >> _LONG_BITS not in (0, -1):
        raise ValueError("an integer has more than 64 bits")
    zigzag = (number << 1) ^ (number >> _LONG_BITS)
    out = bytearray()
    while zigzag >= _MORE:
        out.append(zigzag & (_MORE - 1) | _MORE)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def write_timestamp(number: int) -> bytes:
    """Return the zigzag varint of a long, fast if it is microseconds of the years 1978 to 3111."""
    zigzag = (number << 1) ^ (number >> _LONG_BITS)
    if not _EIGHT_BYTES <= zigzag < _NINE_BYTES:
        return write_long(number)
    # The inverse of `read_timestamp`: groups of seven bits are moved apart in three steps.
    zigzag = (zigzag & 0x000000000FFFFFFF) | (zigzag & 0x00FFFFFFF0000000) << 4
    zigzag = (zigzag & 0x00003FFF00003FFF) | (zigzag & 0x0FFFC0000FFFC000) << 2
    zigzag = (zigzag & 0x007F007F007F007F) | (zigzag & 0x3F803F803F803F80) << 1
    return (zigzag | _SEVEN_MORE).to_bytes(8, "little")


def write_int(number: int) -> bytes:
    """
    Return the zigzag varint of a 32-bit integer.

    Raises:
        ValueError: If it has more bits.
    """
    if number >> _INT_BITS not in (0, -1):
        raise ValueError("an integer has more than 32 bits")
    return write_long(number)
