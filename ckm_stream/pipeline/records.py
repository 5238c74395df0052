"""What goes into the application core and what comes out: records in, records out, counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, Self

from ckm_stream.codec.topics import Source
from ckm_stream.errors import Reason

Headers = Sequence[tuple[str, bytes]]


class SourceRecord(Protocol):
    """A record as a Kafka client hands it over; ``timestamp`` is in milliseconds."""

    @property
    def offset(self) -> int:
        """Offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds since the Unix epoch, as the producer or broker set it."""

    @property
    def key(self) -> bytes | None:
        """The key as it is."""

    @property
    def value(self) -> bytes | None:
        """The value as it is."""

    @property
    def headers(self) -> Headers:
        """Names and values."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive records of one partition of one source topic; never empty."""

    source: Source
    topic: str
    partition: int
    records: Sequence[SourceRecord]

    @property
    def next_offset(self) -> int:
        """The first offset that is not in this slice."""
        return self.records[-1].offset + 1

    def until(self, place: int) -> Self:
        """Return the slice of the first *place* records, of which there must be one."""
        return replace(self, records=self.records[:place])


class Rejection(NamedTuple):
    """A record of a source topic that was set aside, and why."""

    topic: str
    offset: int
    reason: Reason


class OutputRecord(NamedTuple):
    """A record to be written; without a partition it goes where its key hashes to."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(slots=True)
class Tally:
    """
    Counts of one unit, per source.

    The conservation law: consumed = applied + deduplicated + dead-lettered. Deduplicated are
    events whose id was seen (``duplicates``) and records applied before a restart
    (``redelivered``).
    """

    consumed: Counter[Source] = field(default_factory=Counter)
    applied: Counter[Source] = field(default_factory=Counter)
    duplicates: Counter[Source] = field(default_factory=Counter)
    redelivered: Counter[Source] = field(default_factory=Counter)
    dead_lettered: Counter[tuple[Source, Reason]] = field(default_factory=Counter)

    def unaccounted(self) -> int:
        """Return how many consumed records have no verdict; anything but 0 is a defect."""
        verdicts = (self.applied, self.duplicates, self.redelivered, self.dead_lettered)
        return self.consumed.total() - sum(counter.total() for counter in verdicts)


@dataclass(slots=True)
class Effects:
    """
    All that one unit writes, in the protocol's order; ``changelog`` is per table.

    ``offsets`` maps each source topic to the first offset not in the unit; ``rejections`` say, in
    the order of ``dead_letters``, what these are.
    """

    partition: int
    dead_letters: list[OutputRecord] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    updates: list[OutputRecord] = field(default_factory=list)
    items: list[OutputRecord] = field(default_factory=list)
    forwarded: list[OutputRecord] = field(default_factory=list)
    changelog: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
