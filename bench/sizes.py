"""
How many bytes an event, a state and what is announced take, and how many there are of each.

    python -m bench.sizes [--events 100000] [--customers 5000] [--unit 20]

Runs simulated events, and those that they cause, through the compiled core in this process in
units as a worker's lanes make them, and counts what a worker would read and write: keys, values
and headers, before Kafka's framing (some 10 bytes a record) and compression. What announcing costs
is the difference in CPU time to runs whose scores never move far enough to be announced again.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from bench.load import simulated_load
from bench.programs import report
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Headers, OutputRecord, Slice
from ckm_stream.pipeline.unit import Unit
from ckm_stream.settings import KafkaSettings, Settings
from ckm_stream.streaming.core import new_core, partitioner
from ckm_stream.streaming.schema import StockRecord

_PARTITIONS = 4
_RECENT = 1024
_NEVER = 0.999
_ROUNDS = 4

Waiting = dict[int, dict[str, list[StockRecord]]]


class Sums(NamedTuple):
    """Records and bytes by what they are, and CPU seconds of it all."""

    records: dict[str, int]
    sizes: dict[str, int]
    state_bytes: float
    cpu_s: float

    def mean(self, kind: str) -> float:
        """Return the bytes of a record of a kind; 0 if there was none."""
        return self.sizes[kind] / max(self.records[kind], 1)


def main() -> None:
    """Count, print, and write the figures to ``bench/results/sizes.json``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--events", type=int, default=100_000, help="touchpoints")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are from")
    parser.add_argument("--unit", type=int, default=20, help="touchpoints in a unit of work")
    arguments = parser.parse_args()
    events = simulated_load(arguments.events, arguments.customers)
    settings = Settings(kafka=KafkaSettings(partitions=_PARTITIONS))
    quiet = settings.model_copy(update={"scoring": replace(settings.scoring, epsilon=_NEVER)})
    # By turns, and the best of each, as a shared machine only ever adds time.
    sums, silent = (
        min(runs, key=lambda run: run.cpu_s)
        for runs in zip(
            *(
                (_run(events, settings, arguments.unit), _run(events, quiet, arguments.unit))
                for _ in range(_ROUNDS)
            ),
            strict=True,
        )
    )
    handled = sums.records["touchpoint"] + sums.records["forwarded"]
    fewer = sums.records["update"] - silent.records["update"]
    report(
        "sizes",
        {
            "touchpoints": sums.records["touchpoint"],
            "customers": arguments.customers,
            "unit": arguments.unit,
            "event_bytes": round(sums.mean("touchpoint")),
            "forwarded_bytes": round(sums.mean("forwarded")),
            "forwarded_per_touchpoint": round(
                sums.records["forwarded"] / sums.records["touchpoint"], 3
            ),
            "state_bytes": round(sums.state_bytes),
            "changelog_bytes_per_event": round(sums.sizes["changelog"] / handled),
            "update_bytes": round(sums.mean("update")),
            "updates_per_event": round(sums.records["update"] / handled, 3),
            "item_bytes": round(sums.mean("item")),
            "items_per_event": round(sums.records["item"] / handled, 3),
            "cpu_us_per_update": round((sums.cpu_s - silent.cpu_s) / fewer * 1e6, 1),
        },
    )


def _run(events: list[TouchpointEvent], settings: Settings, size: int) -> Sums:
    topics = Topics()
    codec = EventCodec(open_schemas(settings), topics)
    partition_of = partitioner(_PARTITIONS)
    fold = _Fold(settings, topics)
    waiting: Waiting = defaultdict(lambda: defaultdict(list))
    for number, event in enumerate(events, start=1):
        topic, key = codec.address(event)
        value = codec.encode(event)
        fold.count("touchpoint", key, value)
        fold.queue(waiting, topic, partition_of(key), event.recorded_at // 1000, key, value)
        if number % (size * _PARTITIONS) == 0:
            fold.take(waiting)
    while waiting:
        fold.take(waiting)
    return fold.sums()


class _Fold:
    """The core over tables in memory, and the sums of what went through it."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._topics = topics
        self._tables: dict[tuple[str, int], dict[bytes, bytes]] = defaultdict(dict)
        self._offsets: dict[tuple[str, int], int] = defaultdict(int)
        self._recent = [RecentStates(_RECENT) for _ in range(_PARTITIONS)]
        self._records: dict[str, int] = defaultdict(int)
        self._sizes: dict[str, int] = defaultdict(int)
        self._cpu_s = 0.0
        epoch = epoch_zero(settings.scoring)
        self._core, self._unit_type = new_core(
            settings,
            topics,
            load=lambda table, p, key: self._tables[table, p].get(key),
            epoch_at=lambda _: epoch,
        )

    def count(self, kind: str, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Count a record of a kind."""
        self._records[kind] += 1
        self._sizes[kind] += len(key) + len(value) + sum(len(n) + len(v) for n, v in headers)

    def queue(  # noqa: PLR0913, PLR0917 -- a record's own fields
        self,
        waiting: Waiting,
        topic: str,
        partition: int,
        millis: int,
        key: bytes,
        value: bytes,
        headers: Headers = (),
    ) -> None:
        """Let a record wait for its partition's next unit."""
        offset = self._offsets[topic, partition]
        self._offsets[topic, partition] += 1
        waiting[partition][topic].append(StockRecord(offset, millis, key, value, headers))

    def take(self, waiting: Waiting) -> None:
        """Fold all that waits; what it forwards waits afterwards."""
        work = dict(waiting)
        waiting.clear()
        for partition, by_topic in work.items():
            started = time.process_time()
            unit: Unit = self._unit_type(self._core, partition, self._recent[partition])
            for topic, records in by_topic.items():
                unit.add(Slice(self._topics.sources[topic], topic, partition, records))
            effects = unit.seal()
            self._cpu_s += time.process_time() - started
            for table, entries in effects.changelog.items():
                self._tables[table, partition].update(entries)
                for key, value in entries:
                    self.count("changelog", key, value)
            unit.release()
            self._count_all("update", effects.updates)
            self._count_all("item", effects.items)
            self._count_all("forwarded", effects.forwarded)
            newest = max(records[-1].timestamp for records in by_topic.values())
            for record in effects.forwarded:
                place = record.partition or 0
                key, value = record.key or b"", record.value or b""
                self.queue(waiting, record.topic, place, newest, key, value, record.headers)

    def sums(self) -> Sums:
        """Return what has been counted."""
        states = [
            len(key) + len(value)
            for (table, _), entries in self._tables.items()
            if table == PROFILES
            for key, value in entries.items()
        ]
        mean = sum(states) / max(len(states), 1)
        return Sums(self._records, self._sizes, mean, self._cpu_s)

    def _count_all(self, kind: str, records: list[OutputRecord]) -> None:
        for record in records:
            self.count(kind, record.key or b"", record.value or b"", record.headers)


if __name__ == "__main__":
    main()
