"""
From consumed records to a packed batch by compiled code; ``collect`` and ``packing`` say the same.

Of each customer and employee only the newest state of a batch is decoded. What the compiled code
does not take for plain goes through the Python codec, which makes it plain or says what is wrong.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import InvariantError
from ckm_stream.native.choices import Choices
from ckm_stream.native.item_rows import ItemRows
from ckm_stream.native.profile_rows import ProfileRows
from ckm_stream.native.score_rows import ScoreRows
from ckm_stream.snapshots.batch import (
    EMPLOYEES,
    ITEMS,
    PROFILES,
    SCORES,
    EmployeeRow,
    PackedBatch,
    Tombstone,
)
from ckm_stream.snapshots.collect import Steps
from ckm_stream.snapshots.packing import employee_copy, profile_copy
from ckm_stream.snapshots.rows import employee_row, profile_row
from ckm_stream.snapshots.staging import (
    STAGED_EMPLOYEE,
    STAGED_ITEM,
    STAGED_PROFILE,
    STAGED_SCORE,
)

#: The newest changelog record of each key, with its partition.
Newest = dict[bytes, tuple[int, Any]]


class CompiledCollector:
    """Collects the rows of one transaction into PostgreSQL."""

    def __init__(
        self, *, topics: Topics, outputs: OutputCodec, policy: Policy, choices: Choices
    ) -> None:
        self._outputs = outputs
        self._policy = policy
        self._choices = choices
        self._scores = ScoreRows(outputs.score_head)
        self._items = ItemRows(outputs.item_head)
        self._profiles: Newest = {}
        self._employees: Newest = {}
        self._steps = Steps()
        self._counts = dict.fromkeys((PROFILES, SCORES, ITEMS, EMPLOYEES), 0)
        self._kinds: dict[str, tuple[str, Callable[[int, Sequence[Any]], None]]] = {
            topics.profile_changelog: (PROFILES, self._add_profiles),
            topics.employee_changelog: (EMPLOYEES, self._add_employees),
            topics.score_updated: (SCORES, self._add_scores),
            topics.knowledge_item: (ITEMS, self._add_items),
        }

    def add(self, topic: str, partition: int, records: Sequence[Any], *, expected: int) -> None:
        """Add consecutive records; *expected* is the store's position before the first one."""
        kind, add = self._kinds[topic]
        add(partition, records)
        self._counts[kind] += len(records)
        self._steps.add(topic, partition, expected=expected, new=records[-1].offset + 1)

    def batch(self) -> PackedBatch:
        """Return what has been collected."""
        profiles, gone_profiles = self._packed_profiles()
        employees, gone_employees = self._packed_employees()
        return PackedBatch(
            progress=self._steps.progress(),
            rows={
                STAGED_PROFILE.name: profiles,
                STAGED_EMPLOYEE.name: employees,
                STAGED_SCORE.name: self._scores.rows(),
                STAGED_ITEM.name: self._items.rows(),
            },
            gone_profiles=gone_profiles,
            gone_employees=gone_employees,
            counts=self._counts,
        )

    def _add_profiles(self, partition: int, records: Iterable[Any]) -> None:
        _keep_newest(self._profiles, partition, records)

    def _add_employees(self, partition: int, records: Iterable[Any]) -> None:
        _keep_newest(self._employees, partition, records)

    def _add_scores(self, partition: int, records: Iterable[Any]) -> None:  # noqa: ARG002 -- one signature for all
        outputs = self._outputs
        for record in records:
            value = record.value
            if value is None or not self._scores.add(value):
                plain = outputs.encode_score_update(outputs.decode_score_update(value))
                if not self._scores.add(plain):
                    raise InvariantError("a score update is unreadable when compiled")

    def _add_items(self, partition: int, records: Iterable[Any]) -> None:  # noqa: ARG002 -- likewise
        outputs = self._outputs
        for record in records:
            value = record.value
            if value is None or not self._items.add(value):
                plain = outputs.encode_item(outputs.decode_item(value))
                if not self._items.add(plain):
                    raise InvariantError("a knowledge item is unreadable when compiled")

    def _packed_profiles(self) -> tuple[bytes, list[Tombstone]]:
        plain = ProfileRows(self._choices)
        others: list[bytes] = []
        gone: list[Tombstone] = []
        for key, (partition, record) in self._profiles.items():
            offset, state = record.offset, record.value
            if state is not None and plain.add(key, partition, offset, state):
                continue
            row = profile_row(key.decode(), partition, offset, state, self._policy)
            if isinstance(row, Tombstone):
                gone.append(row)
            else:
                others.append(profile_copy(row))
        return plain.rows() + b"".join(others), gone

    def _packed_employees(self) -> tuple[bytes, list[Tombstone]]:
        rows: list[EmployeeRow] = []
        gone: list[Tombstone] = []
        for key, (partition, record) in self._employees.items():
            row = employee_row(key.decode(), partition, record.offset, record.value, self._policy)
            if isinstance(row, Tombstone):
                gone.append(row)
            else:
                rows.append(row)
        return b"".join(map(employee_copy, rows)), gone


def _keep_newest(newest: Newest, partition: int, records: Iterable[Any]) -> None:
    for record in records:
        before = newest.get(record.key)
        if before is None or before[1].offset < record.offset:
            newest[record.key] = partition, record
