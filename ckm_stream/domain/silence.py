"""
When silence alone changes a class: found ahead of time, so that nobody sweeps over all customers.

Scores cool smoothly but for midnights, at which contacts grow a day older, and the beginnings of
epochs. So a class is looked at around these, and a change between two looks is searched for.
"""

from collections.abc import Callable, Iterable
from typing import Final

from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.score import SourceClass

#: A customer is looked at 1, 2, 4 … days after the last change, and at least so often after that.
LONGEST_LOOK_DAYS: Final = 32

ClassAt = Callable[[int], SourceClass]


def first_change(
    class_at: ClassAt, known: SourceClass, *, after_s: int, until_s: int, instants: Iterable[int]
) -> int | None:
    """
    Return the first second in (after_s, until_s] at which the class is not *known*; None if none.

    Args:
        class_at: The class as of a Unix second, if nothing happens until then.
        known: The class that was announced last.
        after_s: When it was announced, or the newest event if that is later.
        until_s: How far to look.
        instants: Where the class may change by a leap: looked at exactly.

    A change that is taken back between two midnights without a leap is not found.
    """
    same_s = after_s
    for at_s in sorted({each for each in instants if after_s < each < until_s} | {until_s}):
        if at_s > after_s and class_at(at_s) is not known:
            return _first_second(class_at, known, same_s, at_s)
        same_s = max(same_s, at_s)
    return None


def midnights(after_s: int, until_s: int, landmark_s: int) -> list[int]:
    """Return when days begin within (after_s, until_s), and the seconds before."""
    first = landmark_s + ((after_s - landmark_s) // DAY_S + 1) * DAY_S
    return [each for at_s in range(first, until_s, DAY_S) for each in (at_s - 1, at_s)]


def _first_second(class_at: ClassAt, known: SourceClass, same_s: int, other_s: int) -> int:
    while other_s - same_s > 1:
        middle_s = (same_s + other_s) // 2
        if class_at(middle_s) is known:
            same_s = middle_s
        else:
            other_s = middle_s
    return other_s


def next_look_s(changed_s: int, now_s: int) -> int:
    """
    Return the midnight to look next at a customer that changed last at a Unix second: > *now_s*.

    It depends on nothing else, so whoever looks, and after whatever restart, looks then.
    """
    changed_day = changed_s // DAY_S
    days = max(0, now_s // DAY_S - changed_day)
    if days >= LONGEST_LOOK_DAYS:
        look_days = (days // LONGEST_LOOK_DAYS + 1) * LONGEST_LOOK_DAYS
    else:
        look_days = 1 << days.bit_length()
    return (changed_day + look_days) * DAY_S
