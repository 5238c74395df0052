"""From consumed records to one batch for the store: which topic feeds which table."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.policy import Policy
from ckm_stream.snapshots.batch import Batch, Progress, SnapshotBatch
from ckm_stream.snapshots.rows import employee_row, profile_row


class BatchCollector(Protocol):
    """What collects consumed records for one transaction."""

    def add(self, topic: str, partition: int, records: Sequence[Any], *, expected: int) -> None:
        """Add consecutive records; *expected* is the store's position before the first one."""

    def batch(self) -> Batch:
        """Return what has been collected."""


class Steps:
    """How far each partition comes with a batch."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, int], Progress] = {}

    def add(self, topic: str, partition: int, *, expected: int, new: int) -> None:
        """Go on to *new*, from *expected* at first."""
        first = self._steps.get((topic, partition))
        self._steps[topic, partition] = Progress(
            topic=topic,
            partition=partition,
            expected=expected if first is None else first.expected,
            new=new,
        )

    def progress(self) -> list[Progress]:
        """Return one step for each partition."""
        return list(self._steps.values())


class Collector:
    """Collects the rows of one transaction."""

    def __init__(self, *, topics: Topics, outputs: OutputCodec, policy: Policy) -> None:
        self._outputs = outputs
        self._policy = policy
        self._batch = SnapshotBatch()
        self._steps = Steps()
        self._add: dict[str, Callable[[int, Any], None]] = {
            topics.profile_changelog: self._add_profile,
            topics.employee_changelog: self._add_employee,
            topics.score_updated: self._add_score,
            topics.knowledge_item: self._add_item,
        }

    @staticmethod
    def topics(topics: Topics) -> list[str]:
        """Return the physical names of the topics that the store keeps."""
        return [
            topics.profile_changelog,
            topics.employee_changelog,
            topics.score_updated,
            topics.knowledge_item,
        ]

    def add(self, topic: str, partition: int, records: Sequence[Any], *, expected: int) -> None:
        """Add consecutive records; *expected* is the store's position before the first one."""
        add = self._add[topic]
        for record in records:
            add(partition, record)
        self._steps.add(topic, partition, expected=expected, new=records[-1].offset + 1)

    def batch(self) -> SnapshotBatch:
        """Return what has been collected."""
        self._batch.progress[:] = self._steps.progress()
        return self._batch

    def _add_profile(self, partition: int, record: Any) -> None:  # noqa: ANN401 -- a Kafka client's record
        self._batch.profiles.append(
            profile_row(record.key.decode(), partition, record.offset, record.value, self._policy)
        )

    def _add_employee(self, partition: int, record: Any) -> None:  # noqa: ANN401 -- likewise
        self._batch.employees.append(
            employee_row(record.key.decode(), partition, record.offset, record.value, self._policy)
        )

    def _add_score(self, partition: int, record: Any) -> None:  # noqa: ANN401, ARG002 -- as above
        self._batch.scores.append(self._outputs.decode_score_update(record.value))

    def _add_item(self, partition: int, record: Any) -> None:  # noqa: ANN401, ARG002 -- as above
        self._batch.items.append(self._outputs.decode_item(record.value))
