"""
The unit that a changelog ends with: those whom nobody may have been told of (promises P1, P5).

Under at_least_once a unit's states are durable before the updates that tell of them. A worker that
dies in between leaves a changelog whose last states were not announced. Units are written one after
the other, so it is the last one's at most: each of its states carries its mark, and whoever comes
next announces them before it does anything else.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import takewhile
from typing import Any, Final

from ckm_stream.pipeline.records import Headers

HEADER: Final = "ckm.unit"
_MARK_BYTES: Final = 8


def mark_of(offsets: Mapping[str, int]) -> Headers:
    """
    Return the headers of a unit's states; *offsets* are where it ends in each source topic.

    Some offset has moved since the unit before it, so that one has another mark.
    """
    ends = repr(sorted(offsets.items())).encode()
    return ((HEADER, blake2b(ends, digest_size=_MARK_BYTES).digest()),)


class LastUnits:
    """The keys of each partition's last unit, as far as its changelog has been read."""

    def __init__(self) -> None:
        self._units: dict[int, tuple[bytes, list[bytes]]] = {}

    def note(self, partition: int, records: Sequence[Any]) -> None:
        """Take in consecutive records of the changelog."""
        if not records:
            return
        run_at_end = getattr(records, "run_at_end", None)
        mark, keys = _run_at_end(records) if run_at_end is None else run_at_end(HEADER.encode())
        if mark is None:  # written as one with its updates, in a transaction
            self._units.pop(partition, None)
            return
        if len(keys) == len(records):
            before, earlier = self._units.get(partition, (b"", []))
            if before == mark:
                keys += earlier
        self._units[partition] = (mark, keys)

    def keys(self, partition: int) -> list[bytes]:
        """Return whose states the partition's changelog ends with, if they may be untold."""
        _, keys = self._units.get(partition, (b"", []))
        return sorted(set(keys))

    def forget(self, partition: int) -> None:
        """Note that they have been told, or that the partition is somebody else's."""
        self._units.pop(partition, None)


def _run_at_end(records: Sequence[Any]) -> tuple[bytes | None, list[bytes]]:
    mark = _read(records[-1].headers)
    same = takewhile(lambda record: _read(record.headers) == mark, reversed(records))
    return mark, [record.key for record in same]


def _read(headers: Iterable[tuple[str, bytes]]) -> bytes | None:
    return next((value for name, value in headers if name == HEADER), None)
