"""
Which dead letters of a partition are back in their topics, as a committed offset can say it.

All before the offset are; behind it, ranges in the offset's metadata. So a record that was left
where it is does not hide the ones behind it, and none of these is put back twice (promise P8).
"""

from bisect import bisect_right
from typing import Final

from ckm_stream.errors import ConfigurationError

#: Kafka's default of ``offset.metadata.max.bytes``; all characters here are ASCII.
_MOST_METADATA: Final = 4096
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class PutBack:
    """Offsets of one partition, as disjoint ranges in ascending order."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []  # each the first offset behind its range

    @classmethod
    def of(cls, offset: int | None, metadata: str | None) -> "PutBack":
        """
        Return what was committed; None and None if nothing was.

        Raises:
            ConfigurationError: If the metadata is not from here: another program commits too.
        """
        made = cls()
        if offset:
            made.add(0, offset)
        at = offset or 0
        try:
            for part in filter(None, (metadata or "").split(",")):
                gap, length = (int(each, 36) for each in part.split("."))
                made.add(at + gap, at + gap + length)
                at += gap + length
        except ValueError as error:
            raise ConfigurationError(
                "the replay's consumer group holds progress that this program did not write; "
                "delete the group, and replay again"
            ) from error
        return made

    def __contains__(self, offset: int) -> bool:
        place = bisect_right(self._firsts, offset) - 1
        return place >= 0 and offset < self._ends[place]

    def add(self, first: int, end: int) -> None:
        """Add the offsets from *first* up to, but not including, *end*; none if that is before."""
        if first >= end:
            return
        left = bisect_right(self._ends, first - 1)
        right = bisect_right(self._firsts, end)
        if left < right:
            first = min(first, self._firsts[left])
            end = max(end, self._ends[right - 1])
        self._firsts[left:right] = [first]
        self._ends[left:right] = [end]

    @property
    def next_offset(self) -> int:
        """The first offset that is not put back."""
        return self._ends[0] if self._firsts and self._firsts[0] == 0 else 0

    def metadata(self) -> str:
        """
        Return the ranges behind ``next_offset``: gap and length in base 36, each from the last.

        Raises:
            ConfigurationError: If they do not fit into an offset's metadata.
        """
        at, parts = self.next_offset, []
        for first, end in zip(self._firsts, self._ends, strict=True):
            if first >= at and end > at:
                parts.append(f"{_base36(first - at)}.{_base36(end - first)}")
                at = end
        text = ",".join(parts)
        if len(text) > _MOST_METADATA:
            raise ConfigurationError(
                f"the progress of the replay is in {len(parts)} pieces, too many to remember; "
                "replay with a wider filter, so that fewer records are left in between"
            )
        return text


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
