"""What the snapshot worker collects for one transaction, and from where to where it leads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckm_stream.errors import ConfigurationError
from ckm_stream.snapshots.batch import Batch
from ckm_stream.snapshots.collect import BatchCollector


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive records of one partition of one topic that the store keeps."""

    lease: object
    topic: str
    partition: int
    records: Sequence[Any]


@dataclass(slots=True)
class Draft:
    """
    What will be one transaction.

    Attributes:
        lease: Under which it was read.
        positions: Where the partitions of the lease are after it.
        collector: Of its rows.
        end_of: Tells where a partition ended at the last fetch, if there was one.
        records: How many it holds.
        timestamps: Of the newest record of each partition, in Unix seconds.
    """

    lease: object
    positions: dict[tuple[str, int], int]
    collector: BatchCollector
    end_of: Callable[[tuple[str, int]], int | None]
    records: int = 0
    timestamps: dict[tuple[str, int], float] = field(default_factory=dict)
    _batch: Batch | None = None

    def take(self, part: Part) -> None:
        """
        Add what is new of *part*, unless it is of another lease.

        Raises:
            ConfigurationError: If the store is ahead of the topic, which must then be another one.
        """
        tp = (part.topic, part.partition)
        # A part without the lease was revoked while it was queued; its new owner reads it.
        if part.lease is not self.lease or tp not in self.positions:
            return
        expected, fresh = self.positions[tp], part.records
        if fresh[0].offset < expected:
            end = self.end_of(tp)
            if end is not None and end < expected:  # it was read from its beginning again
                raise made_anew(tp, expected, end)
            fresh = [record for record in fresh if record.offset >= expected]
        if fresh:
            self.collector.add(part.topic, part.partition, fresh, expected=expected)
            self.positions[tp] = fresh[-1].offset + 1
            self.records += len(fresh)
            self.timestamps[tp] = fresh[-1].timestamp / 1000

    def seal(self) -> Batch:
        """Return the batch; nothing is taken afterwards."""
        if self._batch is None:
            self._batch = self.collector.batch()
        return self._batch


def made_anew(tp: tuple[str, int], position: int, end: int) -> ConfigurationError:
    """Return the error of a store that is ahead of a topic."""
    return ConfigurationError(
        f"the store has read {tp[0]} partition {tp[1]} up to offset {position}, "
        f"but the topic ends at {end}: it was made anew; run `ckm rebuild`"
    )
