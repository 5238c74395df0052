"""
How much may be set aside before the cause is not the records' but a producer's, or ours.

One window per source topic and partition, over the records that its lane has taken in: no clock,
nothing written down. It refuses to judge across partitions, whose order to one another is chance,
and to go on once it has found too much (promise P7).
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from ckm_stream.domain.choices import FORBID_UNKNOWN
from ckm_stream.errors import DeadLetterLimitError, Reason
from ckm_stream.pipeline.records import Rejection, Slice


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """
    When to stop.

    Attributes:
        max_consecutive: Rejected records in a row that are set aside; 0 for any number.
        max_ratio: Share of the newest *window* records that are set aside; 1 for all of them.
        window: Records that the share is counted over, > 0. A younger window counts as if the
            records before it had been good, so one bad record among the first few stops nothing.
    """

    __pydantic_config__ = FORBID_UNKNOWN

    max_consecutive: int = 50
    max_ratio: float = 0.05
    window: int = 1000

    def __post_init__(self) -> None:
        """
        Refuse limits that mean nothing.

        Raises:
            ValueError: If a number is outside its range; the message names it.
        """
        checks = (
            (self.max_consecutive >= 0, "max_consecutive must be >= 0"),
            (0 <= self.max_ratio <= 1, "max_ratio must be within 0..1"),
            (self.window >= 1, "window must be >= 1"),
        )
        for holds, message in checks:
            if not holds:
                raise ValueError(message)

    @property
    def most_in_window(self) -> int:
        """Rejected records that the window may hold."""
        # 0.29 * 100 is 28.999..., and means 29.
        return int(self.max_ratio * self.window + 1e-6)


@dataclass(frozen=True, slots=True)
class Excess:
    """
    The first record that may not be set aside: its place in the slice, and what was found.

    ``found`` says how many were rejected and among how many; ``exceeded`` names the setting.
    """

    place: int
    found: str
    exceeded: str
    reasons: tuple[tuple[Reason, int], ...]


class RejectionWindow:
    """
    The newest records of one partition of one source topic: which of them were rejected.

    Its owner lives as long as the partition's assignment, and a record is never taken in twice.
    """

    def __init__(self, limits: DeadLetterLimits) -> None:
        self._limits = limits
        self._taken = 0
        self._in_a_row = 0
        self._last_rejected = -2
        #: Number of the record, counted from the window's beginning, and why it was rejected.
        self._rejected: deque[tuple[int, Reason]] = deque()

    def take(self, records: int, rejected: Sequence[tuple[int, Reason]] = ()) -> Excess | None:
        """
        Take in a slice of so many *records*, of which these places were *rejected*, ascending.

        Returns:
            None, or the first record too many; the window is of no use after that.
        """
        for place, reason in rejected:
            excess = self._reject(self._taken + place, reason)
            if excess is not None:
                found, exceeded = excess
                reasons = Counter(each for _, each in self._rejected).most_common()
                return Excess(place, found, exceeded, tuple(reasons))
        self._taken += records
        return None

    def _reject(self, number: int, reason: Reason) -> tuple[str, str] | None:
        limits, seen = self._limits, self._rejected
        while seen and seen[0][0] <= number - limits.window:
            seen.popleft()
        self._in_a_row = self._in_a_row + 1 if number == self._last_rejected + 1 else 1
        self._last_rejected = number
        seen.append((number, reason))
        if 0 < limits.max_consecutive < self._in_a_row:
            exceeded = f"CKM__DEAD_LETTERS__MAX_CONSECUTIVE={limits.max_consecutive}"
            return f"{self._in_a_row} records in a row", exceeded
        if limits.max_ratio < 1 and len(seen) > limits.most_in_window:
            exceeded = f"CKM__DEAD_LETTERS__MAX_RATIO={limits.max_ratio:g}"
            return f"{len(seen)} of the last {min(number + 1, limits.window)} records", exceeded
        return None


class Limiter:
    """The windows of one partition, one for each source topic."""

    def __init__(self, limits: DeadLetterLimits) -> None:
        self._limits = limits
        self._windows: dict[str, RejectionWindow] = {}

    def take(self, part: Slice, rejections: Sequence[Rejection]) -> Excess | None:
        """Take in a slice and what of it was rejected; return the first record too many, if any."""
        window = self._windows.get(part.topic)
        if window is None:
            window = self._windows[part.topic] = RejectionWindow(self._limits)
        if not rejections:
            return window.take(len(part.records))
        # By offset, because a transaction's end takes an offset too and is no record.
        places = {record.offset: place for place, record in enumerate(part.records)}
        rejected = [(places[each.offset], each.reason) for each in rejections]
        return window.take(len(part.records), rejected)


def limit_error(part: Slice, excess: Excess) -> DeadLetterLimitError:
    """Say where *part*'s lane stopped, why, and what to do; the record at that offset is left."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in excess.reasons)
    return DeadLetterLimitError(
        f"topic '{part.topic}' partition {part.partition} stops at offset "
        f"{part.records[excess.place].offset}: {excess.found} are rejected ({reasons}), more than "
        f"{excess.exceeded}; repair the producer, the schema or the registry, or raise "
        "CKM__DEAD_LETTERS__*, and start again: that record and all behind it were left in place"
    )
