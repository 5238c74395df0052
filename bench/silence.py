"""
What idle customers cost a worker: finding the classes that change because nothing happens.

    python -m bench.silence [--customers 1000000] [--days 30]

So many customers, whose states are those of a few thousand simulated ones, fall silent at the end
of the simulation. Measured is the CPU time of a lane's watch over them: of the first look at
everybody, as after a takeover, then of the days that follow, with a round every second. Compiled
core. Writes ``bench/results/silence.json``.
"""

import argparse
import resource
import time
from itertools import cycle, islice
from typing import Any, Final

from bench.programs import report
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.topics import Source, Topics
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.epoch import epoch_zero
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.pipeline.fold import PROFILES
from ckm_stream.pipeline.records import Slice
from ckm_stream.pipeline.silence import Silences
from ckm_stream.settings import CoreKind, KafkaSettings, Settings
from ckm_stream.simulation.customers import DEFAULT_END_S, SimulationPlan, simulate
from ckm_stream.streaming.core import new_core
from ckm_stream.streaming.schema import StockRecord
from ckm_stream.streaming.table import new_store

_DISTINCT: Final = 4_000
_LOOKS: Final = 50
_PARTITION: Final = 0


def main() -> None:
    """Watch over idle customers for some days and print what that costs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30, help="days of silence that are watched")
    arguments = parser.parse_args()
    settings = Settings(core=CoreKind.COMPILED, kafka=KafkaSettings(partitions=1))
    core, states = _core_with_states(settings)
    store = new_store()
    for number, data in enumerate(islice(cycle(states), arguments.customers)):
        store.put(b"%07d" % number, data)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    silences = Silences(
        _PARTITION,
        fold=core.folds[Source.CALL],
        store=store,
        next_epoch=Epochs(epoch_zero(settings.scoring)).next_after,
        policy=settings.scoring,
    )
    silences.look_at_all()
    first_s, changes = _look(silences, DEFAULT_END_S, rounds=0)
    days_s, later = 0.0, 0
    for day in range(arguments.days):
        seconds, found = _look(silences, DEFAULT_END_S + day * DAY_S, rounds=DAY_S)
        days_s += seconds
        later += found
    per_day_s = days_s / arguments.days
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) * 1024
    report(
        "silence",
        {
            "customers": arguments.customers,
            "days": arguments.days,
            "first_look_cpu_s": round(first_s, 2),
            "cpu_s_per_day": round(per_day_s, 3),
            "share_of_a_core": round(per_day_s / DAY_S, 7),
            "changes": changes + later,
            "bytes_per_customer": round(grown / arguments.customers, 1),
        },
    )


def _core_with_states(settings: Settings) -> tuple[Any, list[bytes]]:
    states: dict[bytes, bytes] = {}
    epoch = epoch_zero(settings.scoring)
    core, unit_type = new_core(
        settings,
        Topics(),
        load=lambda table, _, key: states.get(key) if table == PROFILES else None,
        epoch_at=lambda _: epoch,
    )
    codec = EventCodec(open_schemas(settings), Topics())
    offset = 0
    for customer in simulate(SimulationPlan(customers=_DISTINCT, seed=1)):
        unit = unit_type(core, _PARTITION)
        for event in customer.events:
            topic, key = codec.address(event)
            value = codec.encode(event)
            record = StockRecord(offset, event.recorded_at // 1000, key, value, ())
            unit.add(Slice(Topics().sources[topic], topic, _PARTITION, [record]))
            offset += 1
        states.update(unit.seal().changelog[PROFILES])
    return core, list(states.values())


def _look(silences: Silences, now_s: int, *, rounds: int) -> tuple[float, int]:
    """Return the CPU seconds and the changes of looking until nobody waits, then so many rounds."""
    started, changes = time.process_time(), 0
    while True:
        found = len(silences.due(now_s, looks=_LOOKS))
        changes += found
        if not found and not silences.has_more:
            break
    for second in range(rounds):
        changes += len(silences.due(now_s + second, looks=_LOOKS))
    return time.process_time() - started, changes


if __name__ == "__main__":
    main()
