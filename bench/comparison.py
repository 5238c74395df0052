"""
This worker beside what a user would take instead: the same load, the same broker, one by one.

    python -m bench.comparison [--programs worker,faust] [--rounds 3] [--events 500000]

One real Apache Kafka is started (or CKM__KAFKA__BOOTSTRAP_SERVERS is used), touchpoints are written
as a backlog, and each program works through it, alone beside the broker. CPU time is the program's
own, user and system, all threads, from the first look after a fifth of the touchpoints to its end
after SIGTERM, so the last flush and commit are in it; rates are of the same touchpoints. Programs
that are slow get a smaller backlog of the same kind. Everything talks to the loopback address and
stops by itself. Writes ``bench/results/comparison.json``; `bench.comparison_page` makes the tables.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.cluster import Backlog, Cluster, encoded_backlog
from bench.contestants import PROGRAMS, Done, Place, Program, Running
from bench.kafka import broker
from bench.processes import cpu_seconds, cpu_until_end, peak_bytes
from bench.programs import report
from ckm_stream.codec.topics import Topics
from ckm_stream.operations.children import stop_child

_EVENTS_PER_CUSTOMER = 40
_WARM_SHARE = 0.2
# Stock Faust was seen to stop fetching a topic: such a run is reported, and made once more.
_STALL_S = 20.0
_ATTEMPTS = 2
_END_PATIENCE_S = 30.0


class Sample(NamedTuple):
    """One look at a program: monotonic seconds, CPU seconds so far, what it has done."""

    at: float
    cpu_s: float
    done: Done


def main() -> None:
    """Run the rounds and write the figures to ``bench/results``."""
    arguments = _arguments()
    chosen = [each for each in PROGRAMS if each.name in arguments.programs]
    backlogs = {
        is_slow: encoded_backlog(events, events // _EVENTS_PER_CUSTOMER)
        for is_slow, events in ((False, arguments.events), (True, arguments.slow_events))
        if any(each.is_slow is is_slow for each in chosen)
    }
    rounds: dict[str, list[dict[str, Any]]] = {each.name: [] for each in chosen}
    with broker() as bootstrap, Cluster(bootstrap, arguments.partitions) as cluster:
        for is_slow, backlog in backlogs.items():
            cluster.provide(_shared_prefix(is_slow=is_slow), backlog.records)
        for number in range(1, arguments.rounds + 1):
            for program in chosen:
                figures = _try(cluster, program, backlogs[program.is_slow], number)
                rounds[program.name].append(figures)
                print(f"round {number}: {program.name:<20} {figures}", flush=True)
    report(
        arguments.name,
        {
            "partitions": arguments.partitions,
            "events": arguments.events,
            "customers": arguments.events // _EVENTS_PER_CUSTOMER,
            "slow_events": arguments.slow_events,
            "slow_customers": arguments.slow_events // _EVENTS_PER_CUSTOMER,
            "rounds": rounds,
        },
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    names = [each.name for each in PROGRAMS]
    parser.add_argument(
        "--programs", type=lambda text: text.split(","), default=names, help=",".join(names)
    )
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    parser.add_argument("--events", type=int, default=500_000, help="touchpoints")
    parser.add_argument("--slow-events", type=int, default=50_000, help="for slow programs")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of each topic")
    parser.add_argument("--name", default="comparison", help="file in bench/results")
    return parser.parse_args()


def _shared_prefix(*, is_slow: bool) -> str:
    return f"bench-{os.getpid()}-{'slow' if is_slow else 'fast'}."


def _try(cluster: Cluster, program: Program, backlog: Backlog, number: int) -> dict[str, Any]:
    """Run a program, and once more if it stops working; *attempts* tells how often it was run."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return _run(cluster, program, backlog, f"{number}-{attempt}") | {"attempts": attempt}
        except TimeoutError as error:
            print(f"round {number}: {program.name:<20} {error}", flush=True)
    return _run(cluster, program, backlog, f"{number}-{_ATTEMPTS}") | {"attempts": _ATTEMPTS}


def _run(cluster: Cluster, program: Program, backlog: Backlog, number: str) -> dict[str, Any]:
    application = f"{program.name}-{os.getpid()}-{number}"
    prefix = f"{application}." if program.does_all else _shared_prefix(is_slow=program.is_slow)
    if program.does_all:
        cluster.provide(prefix, backlog.records)
    with tempfile.TemporaryDirectory(prefix="ckm-bench-") as folder:
        place = Place(cluster.bootstrap, prefix, cluster.partitions, application, Path(folder))
        cluster.create(place.output)
        handled = len(backlog.records) + (backlog.forwarded if program.does_all else 0)
        figures = _measure(program.start(place), Done(len(backlog.records), handled))
    figures |= _check(cluster, program, place, backlog)
    cluster.remove(cluster.topics(application))
    return figures


def _measure(running: Running, total: Done) -> dict[str, Any]:
    """
    Look at a program until it has done *total*, and end it.

    Raises:
        TimeoutError: If it has stopped working before.
    """
    samples = [Sample(time.monotonic(), 0.0, Done(0, 0))]
    try:
        while samples[-1].done < total:
            done = running.done()
            if done is not None and done != samples[-1].done:
                samples.append(Sample(time.monotonic(), cpu_seconds(running.process.pid), done))
            elif running.process.poll() is not None or samples[-1].at + _STALL_S < time.monotonic():
                found = samples[-1].done
                raise TimeoutError(f"stopped at {found} of {total}; it said: {running.said()}")
            time.sleep(running.interval_s)
        peak = peak_bytes(running.process.pid)
        ended = cpu_until_end(running.process, patience_s=_END_PATIENCE_S)
    finally:
        stop_child(running.process)
    return figures_of(samples, total=total, ended_cpu_s=ended) | {"peak_mib": round(peak / 2**20)}


def figures_of(samples: Sequence[Sample], *, total: Done, ended_cpu_s: float) -> dict[str, Any]:
    """
    Return rate and cost between a fifth of the touchpoints and the end.

    Args:
        samples: Looks at the program in order; the last one saw all done.
        total: What there was to do.
        ended_cpu_s: CPU seconds that it had taken when it had ended.
    """
    first = next(
        each for each in samples if each.done.touchpoints >= total.touchpoints * _WARM_SHARE
    )
    last = samples[-1]
    touchpoints = last.done.touchpoints - first.done.touchpoints
    if touchpoints * 2 < total.touchpoints:
        raise SystemExit(f"{total.touchpoints} touchpoints are too few to measure; take more")
    handled = last.done.handled - first.done.handled
    cpu_us = (ended_cpu_s - first.cpu_s) * 1e6
    return {
        "touchpoints": touchpoints,
        "seconds": round(last.at - first.at, 3),
        "events_per_s": round(touchpoints / (last.at - first.at)),
        "cpu_us_per_event": round(cpu_us / touchpoints, 3),
        "cpu_us_per_handled": round(cpu_us / handled, 3),
    }


def _check(cluster: Cluster, program: Program, place: Place, backlog: Backlog) -> dict[str, Any]:
    """Make sure that a program did the job: each customer announced, and states in a changelog."""
    if program.guarantee is None:
        return {}
    topics = Topics(place.prefix)
    updates = cluster.contents(topics.score_updated if program.does_all else place.output)
    changelogs = [topic for topic in cluster.topics(place.application) if "changelog" in topic]
    states = sum(map(cluster.written, changelogs))
    # Referrals announce customers of whom there is no touchpoint.
    extra = updates.keys - backlog.customers
    if extra < 0 or (extra and not program.does_all) or states < backlog.customers:
        raise SystemExit(
            f"{program.name} has announced {updates.keys} of {backlog.customers} customers and "
            f"written {states} records to {', '.join(changelogs) or 'no changelog'}"
        )
    return {
        "updates_per_event": round(updates.records / len(backlog.records), 3),
        "changelog_per_event": round(states / len(backlog.records), 3),
    }


if __name__ == "__main__":
    main()
