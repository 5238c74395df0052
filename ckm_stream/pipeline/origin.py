"""
Where a forwarded event came from, so that one that is sent twice counts once (promise P1).

Under at_least_once a kill makes the successor forward again whatever the records since the last
commit forward; for one busy employee that can be more events than its list of seen ids holds. But
what one partition forwards to a key arrives in that partition's order: the greatest offset of each
origin that the key has taken in tells which events are repeated.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ckm_stream.codec.topics import Source
from ckm_stream.domain.profile import Delivery
from ckm_stream.pipeline.records import Headers

HEADER: Final = "ckm.origin"
FORWARDED: Final = frozenset({Source.REFERRAL, Source.EMPLOYEE})
_FORMAT: Final = re.compile(rb"([0-5]):(\d{1,4}):(\d{1,18})")
# Sources that a partition may forward from; what is kept of an origin is numbered with it, so it
# is part of the state's layout.
_SOURCES: Final = 6


class Origin(NamedTuple):
    """A record of a source topic."""

    source: Source
    partition: int
    offset: int

    def header(self) -> tuple[str, bytes]:
        """Return the header of what this record forwards."""
        return HEADER, b"%d:%d:%d" % (self.source, self.partition, self.offset)


def advance(delivery: Delivery, headers: Headers) -> bool:
    """
    Note in *delivery* the origin that *headers* name; False if the key is past it already.

    Without an origin, because somebody else wrote the record, nothing is noted: True.
    """
    origin = _read(headers)
    if origin is None:
        return True
    stream = origin.partition * _SOURCES + origin.source
    if origin.offset <= delivery.origins.get(stream, -1):
        return False
    delivery.origins[stream] = origin.offset
    return True


def _read(headers: Iterable[tuple[str, bytes]]) -> Origin | None:
    for name, value in headers:
        if name == HEADER and (match := _FORMAT.fullmatch(value)):
            source, partition, offset = map(int, match.groups())
            return Origin(Source(source), partition, offset)
    return None
