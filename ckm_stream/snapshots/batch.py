"""What the snapshot worker hands to the store at once: rows, and the offsets they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.score import ScoreUpdate

#: Anything that msgspec encodes as a JSON object.
Document = msgspec.Struct | Mapping[str, object]


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
