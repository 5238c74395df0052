"""
DayBits: a bitmap of days since the landmark, merged by OR.

Several contacts on one day are one, so nobody's willingness grows by calling ten times a day.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Final

from ckm_stream.domain.decay import total_of

DAY_S: Final = 86_400

# Up to this many days are picked one by one; beyond, the whole bitmap is walked at C speed.
_SPARSE_DAYS: Final = 16
_DIGITS_TO_FLAGS: Final = bytes.maketrans(b"01", b"\x00\x01")


def day_of(t_s: int, landmark_s: int) -> int:
    """Return the number of whole days from the landmark to *t_s*."""
    return (t_s - landmark_s) // DAY_S


def set_days(bits: int) -> list[int]:
    """Return the days of the bitmap, last to first."""
    days = []
    while bits:
        day = bits.bit_length() - 1
        days.append(day)
        bits ^= 1 << day
    return days


def repeat_count(bits: int) -> int:
    """Return x, the number of days after the first; 0 for an empty bitmap."""
    return max(0, bits.bit_count() - 1)


def decayed_days(bits: int, today: int, decay: Sequence[float]) -> float:
    """
    Return Σ decay[age in days] over the bitmap's days.

    Args:
        bits: Days since the landmark.
        today: Day that ages count back from; a later day has age 0.
        decay: Worth by age; days older than the table are worth nothing.
    """
    if bits.bit_count() > _SPARSE_DAYS:
        return _decayed_many(bits, today, decay)
    # Without the days that are worth nothing the numbers are short: the landmark is years ago.
    oldest = max(0, today - len(decay) + 1)
    bits >>= oldest
    newest = today - oldest
    worth = 0.0
    while bits:
        day = bits.bit_length() - 1
        worth += decay[newest - day if day < newest else 0]
        bits ^= 1 << day
    return worth


def _decayed_many(bits: int, today: int, decay: Sequence[float]) -> float:
    later = (bits >> (today + 1)).bit_count()
    bits &= (2 << today) - 1
    oldest = max(0, today - len(decay) + 1)
    bits >>= oldest
    newest_age = today - oldest + 1 - bits.bit_length()
    flags = f"{bits:b}".encode().translate(_DIGITS_TO_FLAGS)
    return total_of(compress(decay[newest_age:], flags), later * decay[0])
