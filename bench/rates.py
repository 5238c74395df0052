"""What the benchmarks at a fixed rate have in common: arguments, percentiles and reports."""

import argparse
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any, Final

from bench.programs import report
from ckm_stream.settings import Guarantee

_PERCENTILES: Final = {"p50_ms": 0.5, "p99_ms": 0.99, "p99_9_ms": 0.999, "max_ms": 1.0}


def rate_arguments(
    description: str, *, seconds: float, warm_up: float, partitions: int
) -> argparse.ArgumentParser:
    """Return a parser of how much is published for how long, with these defaults."""
    parser = argparse.ArgumentParser(description=description.partition("\n\n")[0])
    parser.add_argument("--rate", type=float, default=5_000.0, help="events published in a second")
    parser.add_argument("--seconds", type=float, default=seconds, help="that are measured")
    parser.add_argument("--warm-up", type=float, default=warm_up, help="seconds before these")
    parser.add_argument("--customers", type=int, default=5_000, help="customers they are from")
    parser.add_argument("--partitions", type=int, default=partitions, help="of each topic")
    return parser


def add_guarantees(parser: argparse.ArgumentParser) -> None:
    """Add which of this worker's guarantees are measured: both."""
    both = list(Guarantee)
    parser.add_argument("--guarantee", type=Guarantee, nargs="+", choices=both, default=both)


def percentiles(what: str, latencies_ms: Iterable[float], *, prefix: str = "") -> dict[str, Any]:
    """
    Return how many latencies there are, and which of them how many did not exceed.

    Raises:
        SystemExit: If there is none.
    """
    measured = sorted(latencies_ms)
    if not measured:
        raise SystemExit(f"there is no {what} that an event after the warm-up caused")
    return {f"{what}s": len(measured)} | {
        prefix + name: round(measured[ceil(len(measured) * share) - 1], 2)
        for name, share in _PERCENTILES.items()
    }


def report_rounds(
    name: str, arguments: argparse.Namespace, rounds: Mapping[str, Mapping[str, Any]]
) -> None:
    """Print the percentiles of each round, and write all to ``bench/results``."""
    given = {key: getattr(arguments, key) for key in ("seconds", "customers", "partitions")}
    summaries = {
        each: "  ".join(f"{name} {figures[name]:g}" for name in _PERCENTILES)
        for each, figures in rounds.items()
    }
    report(name, {"rate_hz": arguments.rate, **given, **summaries, "rounds": rounds})
