"""
What a profile worker writes of simulated events: the records that a snapshot worker reads.

Made by the compiled core in this process, without Kafka, in units as a worker's lanes make them;
referrals and employee contacts that events cause are folded too. Equal arguments give equal
records.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple, cast

from bench.load import simulated_load
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.fold import EMPLOYEES, PROFILES
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Effects, Headers, Slice
from ckm_stream.pipeline.unit import Unit
from ckm_stream.settings import Settings
from ckm_stream.streaming.core import new_core, partitioner
from ckm_stream.streaming.schema import StockRecord

_RECENT = 1024

#: By topic and partition: records that wait for their unit.
Waiting = dict[int, dict[str, list[StockRecord]]]


class Written(NamedTuple):
    """A record as a worker writes it; the timestamp is in milliseconds."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    timestamp: int


def announced(events: int, customers: int, *, settings: Settings, unit: int) -> Iterator[Written]:
    """
    Yield what is written of so many events, unit by unit, *unit* events a partition.

    Within a unit a worker writes states last; topics are read side by side, so it does not matter.
    """
    topics = Topics(settings.kafka.topic_prefix)
    worker = _Worker(settings, topics)
    codec = EventCodec(open_schemas(settings), topics)
    partitions = settings.kafka.partitions
    partition_of = partitioner(partitions)
    waiting: Waiting = defaultdict(lambda: defaultdict(list))
    for taken, event in enumerate(simulated_load(events, customers), start=1):
        topic, key = codec.address(event)
        record = key, codec.encode(event), event.recorded_at // 1000, ()
        worker.queue(waiting, topic, partition_of(key), *record)
        if taken % (unit * partitions) == 0:
            yield from worker.fold(waiting)
    while waiting:
        yield from worker.fold(waiting)


class _Worker:
    """The core over tables in memory."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._topics = topics
        self._tables: dict[tuple[str, int], dict[bytes, bytes]] = defaultdict(dict)
        epoch = epoch_zero(settings.scoring)
        self._core, self._unit_type = new_core(
            settings,
            topics,
            load=lambda table, p, key: self._tables[table, p].get(key),
            epoch_at=lambda _: epoch,
        )
        self._recent: dict[int, RecentStates] = defaultdict(lambda: RecentStates(_RECENT))
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)

    def queue(  # noqa: PLR0913, PLR0917 -- a record's own fields
        self,
        waiting: Waiting,
        topic: str,
        partition: int,
        key: bytes,
        value: bytes,
        timestamp: int,
        headers: Headers,
    ) -> None:
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] += 1
        waiting[partition][topic].append(StockRecord(offset, timestamp, key, value, headers))

    def fold(self, waiting: Waiting) -> Iterator[Written]:
        """Fold all that waits, a unit for each partition; what it forwards waits afterwards."""
        work = dict(waiting)
        waiting.clear()
        for partition, by_topic in work.items():
            unit: Unit = self._unit_type(self._core, partition, self._recent[partition])
            for topic, records in by_topic.items():
                unit.add(Slice(self._topics.sources[topic], topic, partition, records))
            newest = max(records[-1].timestamp for records in by_topic.values())
            effects = unit.seal()
            for table, entries in effects.changelog.items():
                self._tables[table, partition].update(entries)
            unit.release()
            for record in effects.forwarded:
                self.queue(
                    waiting,
                    record.topic,
                    cast(int, record.partition),
                    cast(bytes, record.key),
                    cast(bytes, record.value),
                    newest,
                    record.headers,
                )
            yield from self._written(effects, newest)

    def _written(self, effects: Effects, millis: int) -> Iterator[Written]:
        partition = effects.partition
        for record in (*effects.updates, *effects.items):
            key, value = cast(bytes, record.key), cast(bytes, record.value)
            yield Written(record.topic, partition, key, value, millis)
        for table, topic in (
            (PROFILES, self._topics.profile_changelog),
            (EMPLOYEES, self._topics.employee_changelog),
        ):
            for key, value in effects.changelog.get(table, ()):
                yield Written(topic, partition, key, value, millis)
