"""
How fast peers read their state back after their machine was lost.

    python -m bench.peer_recovery [--programs streams=1000000,quix=100000]

Each program is given one event of so many customers, so that its changelog holds a state of each;
then it is stopped, its local state removed, and it is started again with a few more events. Its
recovery is what the second start takes to the last of these, which needs all partitions, longer
than the first one did to its first event. States of one event are smaller than those of customers
of long standing. Writes ``bench/results/peer_recovery.json``; this worker's recovery is measured by
``bench.recovery``.
"""

import argparse
import os
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from bench.cluster import Cluster, encoded_backlog
from bench.contestants import PROGRAMS, Done, Place, Program
from bench.kafka import broker
from bench.processes import cpu_until_end
from bench.programs import Record, report
from ckm_stream.operations.children import stop_child

# Not stock Faust: with 20,000 states it was not at work on all its partitions after 150 s.
_DEFAULT: Final = "streams=1000000,quix=100000"
_DISTINCT: Final = 20_000
_MORE: Final = 1000
_PATIENCE_S: Final = 150.0
_END_PATIENCE_S: Final = 30.0
# Kafka Streams does not leave its group when it stops, by default: the next start would wait for
# the session to expire, 45 s, which is not recovery.
_SESSION: Final = {"PEER_PROPERTIES": "session.timeout.ms=3000\nheartbeat.interval.ms=1000"}
_EXPIRY_S: Final = 4.0


def main() -> None:
    """Measure each program once, print the figures, and write them to ``bench/results``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--programs", default=_DEFAULT, help="name=customers, separated by commas")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    arguments = parser.parse_args()
    customers = dict(each.split("=") for each in arguments.programs.split(","))
    os.environ |= _SESSION
    distinct = encoded_backlog(_DISTINCT, _DISTINCT // 4).records
    rounds = {}
    with broker() as bootstrap, Cluster(bootstrap, arguments.partitions) as cluster:
        for program in PROGRAMS:
            if program.name in customers:
                figures = _round(cluster, program, distinct, int(customers[program.name]))
                rounds[program.name] = figures
                print(f"{program.name:<20} {figures}", flush=True)
    report("peer_recovery", {"partitions": arguments.partitions, "rounds": rounds})


def _round(
    cluster: Cluster, program: Program, distinct: list[Record], customers: int
) -> dict[str, Any]:
    application = f"{program.name}-recovery-{os.getpid()}"
    prefix = f"{application}."
    many = cycle(distinct)
    # The job knows a customer by the key alone.
    records = [
        (topic, f"c-{number:08}".encode(), value, millis)
        for number, (topic, _, value, millis) in enumerate(islice(many, customers + _MORE))
    ]
    cluster.provide(prefix, records[:customers])
    with tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder:
        first, second = (
            Place(cluster.bootstrap, prefix, cluster.partitions, application, Path(folder) / name)
            for name in ("first", "second")
        )
        cluster.create(first.output)
        started_s, _, _ = _start_and_stop(program, first, customers)
        states = sum(
            cluster.written(topic)
            for topic in cluster.topics(application)
            if "changelog" in topic and not topic.startswith(prefix)
        )
        if states < customers:
            raise SystemExit(f"{program.name}: {states} states of {customers} in the changelog")
        cluster.provide(prefix, records[customers:])
        time.sleep(_EXPIRY_S)
        _, again_s, cpu_s = _start_and_stop(program, second, _MORE)
    cluster.remove(cluster.topics(application))
    return {
        "customers": customers,
        "first_start_s": round(started_s, 2),
        "start_with_states_s": round(again_s, 2),
        "records_per_s": round(states / (again_s - started_s)),
        "cpu_us_per_record": round(cpu_s / states * 1e6, 2),
    }


def _start_and_stop(program: Program, place: Place, touchpoints: int) -> tuple[float, float, float]:
    """Return the seconds to the first touchpoint and to the last, and all the CPU seconds."""
    started = time.monotonic()
    running = program.start(place)
    done, working_s, seconds = 0, 0.0, 0.0
    try:
        while done < touchpoints:
            seconds = time.monotonic() - started
            if running.process.poll() is not None or seconds > _PATIENCE_S:
                raise SystemExit(f"{done} events after {seconds:.0f} s: {running.said()}")
            done = (running.done() or Done(done, done)).touchpoints
            if done and not working_s:
                working_s = seconds
            time.sleep(running.interval_s)
        return working_s, seconds, cpu_until_end(running.process, patience_s=_END_PATIENCE_S)
    finally:
        stop_child(running.process)


if __name__ == "__main__":
    main()
