"""
What the application core costs per event, without Kafka: both cores, in one run, one process.

    python -m bench.core [--events 40000] [--customers 5000] [--unit 500]

The same simulated events go through units of work as a worker's lanes would make them; CPU time is
split into adding slices (decode, check, fold, outputs) and sealing (score, announce, encode). The
states that both cores end with are compared, so a figure always belongs to the right answer.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from bench.load import simulated_load
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.recent import RecentStates
from ckm_stream.pipeline.records import Slice
from ckm_stream.pipeline.unit import Unit
from ckm_stream.settings import CoreKind, KafkaSettings, Settings
from ckm_stream.streaming.core import new_core, partitioner
from ckm_stream.streaming.schema import StockRecord

_PARTITIONS = 4
_RECENT = 1024

Backlog = dict[int, list[tuple[str, StockRecord]]]


class Cost(NamedTuple):
    """CPU microseconds per event, and the digest of all states at the end."""

    add_us: float
    seal_us: float
    states: str


def main() -> None:
    """Run both cores over the same backlog and print what an event costs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--events", type=int, default=40_000, help="events in all")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are from")
    parser.add_argument("--unit", type=int, default=500, help="events in a unit of work")
    arguments = parser.parse_args()
    backlog = _backlog(arguments.events, arguments.customers)
    costs = {kind: _run(kind, backlog, arguments.unit) for kind in list(CoreKind)[1:]}
    print(f"{'core':<10} {'add':>8} {'seal':>8} {'total':>8}   us of CPU per event")
    for kind, cost in costs.items():
        total = cost.add_us + cost.seal_us
        print(f"{kind:<10} {cost.add_us:>8.1f} {cost.seal_us:>8.1f} {total:>8.1f}")
    if len({cost.states for cost in costs.values()}) != 1:
        raise SystemExit("the two cores ended with different states")


def _settings(kind: CoreKind) -> Settings:
    return Settings(core=kind, kafka=KafkaSettings(partitions=_PARTITIONS))


def _backlog(events: int, customers: int) -> Backlog:
    settings = _settings(CoreKind.PYTHON)
    codec = EventCodec(open_schemas(settings), Topics())
    partition_of = partitioner(_PARTITIONS)
    backlog: Backlog = defaultdict(list)
    for event in simulated_load(events, customers):
        topic, key = codec.address(event)
        records = backlog[partition_of(key)]
        millis = event.recorded_at // 1000
        records.append((topic, StockRecord(len(records), millis, key, codec.encode(event), ())))
    return backlog


def _run(kind: CoreKind, backlog: Backlog, size: int) -> Cost:
    tables: dict[tuple[str, int], dict[bytes, bytes]] = defaultdict(dict)
    settings = _settings(kind)
    epoch = epoch_zero(settings.scoring)
    core, unit_type = new_core(
        settings,
        Topics(),
        load=lambda table, p, key: tables[table, p].get(key),
        epoch_at=lambda _: epoch,
    )
    add_s = seal_s = 0.0
    for partition, records in backlog.items():
        recent = RecentStates(_RECENT)
        for slices in _units(partition, records, size):
            started = time.process_time()
            unit: Unit = unit_type(core, partition, recent)
            for part in slices:
                unit.add(part)
            added = time.process_time()
            effects = unit.seal()
            seal_s += time.process_time() - added
            add_s += added - started
            for table, entries in effects.changelog.items():
                tables[table, partition].update(entries)
            unit.release()
    count = sum(map(len, backlog.values()))
    digest = blake2b(digest_size=8)
    for place in sorted(tables):
        for entry in sorted(tables[place].items()):
            digest.update(b"".join(entry))
    return Cost(add_s / count * 1e6, seal_s / count * 1e6, digest.hexdigest())


def _units(
    partition: int, records: list[tuple[str, StockRecord]], size: int
) -> Iterator[list[Slice]]:
    """Cut a partition's records into units, and each unit into a slice per topic."""
    sources = Topics().sources
    for start in range(0, len(records), size):
        by_topic: dict[str, list[StockRecord]] = defaultdict(list)
        for topic, record in records[start : start + size]:
            by_topic[topic].append(record)
        yield [Slice(sources[topic], topic, partition, part) for topic, part in by_topic.items()]


if __name__ == "__main__":
    main()
