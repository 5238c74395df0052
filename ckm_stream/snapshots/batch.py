"""What the snapshot worker hands to the store at once: rows, and the offsets they stand for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import msgspec

from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.score import ScoreUpdate

#: Anything that msgspec encodes as a JSON object.
Document = msgspec.Struct | Mapping[str, object]

#: The kinds of records, as metrics name them.
PROFILES: Final = "profiles"
SCORES: Final = "scores"
ITEMS: Final = "items"
EMPLOYEES: Final = "employees"


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """The newest state of a customer; ``as_of`` is the newest event's time in microseconds."""

    customer_id: str
    partition: int
    changelog_offset: int
    version: int
    as_of: int
    simulated: bool
    about: Document
    for_: Document
    from_: Document
    state: bytes

    @property
    def key(self) -> str:
        """Whose it is."""
        return self.customer_id


@dataclass(frozen=True, slots=True)
class EmployeeRow:
    """The newest state of an employee; ``handled`` and ``noted`` are decayed counts."""

    employee_id: str
    partition: int
    changelog_offset: int
    version: int
    as_of: int
    handled: float
    noted: float
    note_rate: float
    state: bytes

    @property
    def key(self) -> str:
        """Whose it is."""
        return self.employee_id


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A changelog record without a value: *key*'s row goes, if it is older than this offset."""

    key: str
    changelog_offset: int


@dataclass(frozen=True, slots=True)
class Progress:
    """One topic partition's step; both offsets are the first one that is not in the store."""

    topic: str
    partition: int
    expected: int
    new: int


@dataclass(frozen=True, slots=True)
class SnapshotBatch:
    """Rows in the order of their topics, and the steps of the partitions that they came from."""

    profiles: list[ProfileRow | Tombstone] = field(default_factory=list)
    scores: list[ScoreUpdate] = field(default_factory=list)
    items: list[KnowledgeItem] = field(default_factory=list)
    employees: list[EmployeeRow | Tombstone] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many records of each kind came in."""
        return {
            PROFILES: len(self.profiles),
            SCORES: len(self.scores),
            ITEMS: len(self.items),
            EMPLOYEES: len(self.employees),
        }


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """
    A batch as PostgreSQL takes it: what a table is staged in, each row once.

    Attributes:
        progress: The steps of the partitions.
        rows: By the name of the staged table, tuples of COPY's binary format in a row.
        gone_profiles: Customers whose newest record has no value.
        gone_employees: Likewise.
        counts: How many records of each kind came in.
    """

    progress: list[Progress]
    rows: Mapping[str, bytes]
    gone_profiles: list[Tombstone]
    gone_employees: list[Tombstone]
    counts: Mapping[str, int]


Batch = SnapshotBatch | PackedBatch


class Keyed(Protocol):
    """A state of somebody, by its place in the changelog."""

    @property
    def key(self) -> str:
        """Whose it is."""

    @property
    def changelog_offset(self) -> int:
        """Where it is in the changelog."""


State = TypeVar("State", bound=Keyed)


def newest_of(states: Iterable[State | Tombstone]) -> tuple[list[State], list[Tombstone]]:
    """Return the newest state of each key, and the tombstones of those that have none any more."""
    newest: dict[str, State | Tombstone] = {}
    for state in states:
        before = newest.get(state.key)
        if before is None or before.changelog_offset < state.changelog_offset:
            newest[state.key] = state
    kept: list[State] = []
    gone: list[Tombstone] = []
    for state in newest.values():
        if isinstance(state, Tombstone):
            gone.append(state)
        else:
            kept.append(state)
    return kept, gone
