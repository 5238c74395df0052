"""Prints a plan, its limits and a history as tables of plain text."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from bench.capacity.given import Given
from bench.capacity.history import History
from bench.capacity.limits import Limit
from bench.capacity.plan import Plan
from bench.capacity.quantities import GROUPS
from bench.capacity.queueing import md1_mean_wait_s

_HOUR_S = 3_600.0


def numbers(found: Given) -> list[str]:
    """Return a line for each number that goes in, with its unit and source."""
    rows = []
    for group, kind in GROUPS.items():
        rows += [
            (each.name, f"{getattr(getattr(found.case, group), each.name):g}",
             each.metadata["unit"], found.sources[each.name])
            for each in fields(kind)
        ]  # fmt: skip
    return _table(("number", "value", "unit", "from"), rows)


def sizing(plan: Plan) -> list[str]:
    """Return what an installation comes to."""
    reasons = ", ".join(f"{reason} {count}" for reason, count in plan.needed.items())
    rows = [*sizes(plan).items(), ("workers are needed for", reasons)]
    return _table(("installation", ""), rows)


def sizes(plan: Plan) -> dict[str, str]:
    """Return what an installation comes to, by name, in readable units."""
    return {
        "events per second, mean": f"{plan.events_per_s:,.0f}",
        "events per second, peak": f"{plan.peak_events_per_s:,.0f}",
        "profile workers": f"{plan.workers}",
        "partitions of each topic": f"{plan.partitions}",
        "snapshot workers": f"{plan.snapshot_workers}",
        "brokers": f"{plan.brokers}",
        "CPU per event": f"{plan.cpu_s_per_event * 1e6:.1f} us",
        "use of a worker's core, peak": f"{plan.utilisation:.1%}",
        "memory of a worker, one away": f"{plan.memory_bytes / 2**30:.2f} GiB",
        "partitions at work after a death": f"{plan.move_s:.1f} s",
        "worker at work again, alone": f"{plan.recovery_s:.1f} s",
        "restart of all, one by one": f"{plan.rolling_s:,.0f} s",
        "changelog, peak": f"{plan.changelog_bytes_per_s / 1e6:,.2f} MB/s",
        "into a broker, peak": f"{plan.in_bytes_per_s / 1e6:,.2f} MB/s",
        "out of a broker, peak": f"{plan.out_bytes_per_s / 1e6:,.2f} MB/s",
        "disk of a broker": f"{plan.disk_bytes / 1e9:,.0f} GB",
        "rows per second, peak": f"{plan.rows_per_s:,.0f}",
        "transactions per second, broker": f"{plan.transactions_per_s:,.0f}",
        "replicas of a broker": f"{plan.replicas:,.0f}",
    }


def compared(sized: Mapping[float, tuple[Plan, Sequence[Limit]]]) -> list[str]:
    """Return two tables in Markdown: sizes, and how much of each limit is used, by customers."""
    head = [f"{customers:,.0f}" for customers in sized]
    rows = list(zip(*(sizes(plan).values() for plan, _ in sized.values()), strict=True))
    names = list(sizes(next(iter(sized.values()))[0]))
    used = [{limit.name: f"{limit.share:.1%}" for limit in near} for _, near in sized.values()]
    # In the order of the largest population, as that is where they are nearest.
    order = [limit.name for limit in list(sized.values())[-1][1]]
    return [
        *_markdown(
            ["customers", *head], [[name, *row] for name, row in zip(names, rows, strict=True)]
        ),
        "",
        *_markdown(
            ["limit, used of", *head], [[name, *(each[name] for each in used)] for name in order]
        ),
    ]


def breaking(limits: Sequence[Limit]) -> list[str]:
    """Return the limits, the nearest first, and what to do about it."""
    rows = [
        (limit.name, f"{limit.used:,.4g}", f"{limit.allowed:,.4g}", limit.unit,
         f"{limit.share:.1%}", f"x {1 / limit.share:,.3g}" if limit.share else "-")
        for limit in limits
    ]  # fmt: skip
    first = limits[0]
    broken = "is broken" if first.share > 1 else "breaks first"
    return [
        *_table(("limit", "used", "allowed", "unit", "share", "room"), rows),
        "",
        f"{first.name} {broken}: {first.remedy}.",
    ]


def played(history: History, plan: Plan) -> list[str]:
    """Return what the simulation saw."""
    rows = [
        ("events", f"{history.arrived.sum():,.0f}"),
        ("left over", f"{history.lag[-1]:,.0f}"),
        ("use of all cores, mean", f"{history.utilisation:.2%}"),
        ("use of the busiest core, most", f"{history.busiest.max():.1%}"),
        ("lag, most", f"{history.lag.max():,.0f} events"),
        ("in one partition, most", f"{history.worst_queue.max():,.0f} events"),
        ("delay, median of events", f"{history.delay_quantile_s(0.5):,.0f} s"),
        ("delay, 99 % of events", f"{history.delay_quantile_s(0.99):,.0f} s"),
        ("delay, 99.9 % of events", f"{history.delay_quantile_s(0.999):,.0f} s"),
    ]
    rate_hz = plan.peak_events_per_s / history.workers
    if rate_hz * plan.cpu_s_per_event < 1:
        wait_s = md1_mean_wait_s(rate_hz, plan.cpu_s_per_event)
        rows.append(("wait for the core at the peak, mean", f"{wait_s * 1e6:,.2f} us"))
    faults = [
        (f"{each.at_s / _HOUR_S:.2f} h", each.name, f"{each.worst_lag:,.0f}",
         "never" if each.catch_up_s is None else f"{each.catch_up_s:,.0f} s")
        for each in history.aftermaths()
    ]  # fmt: skip
    lines = _table(("played", ""), rows)
    if faults:
        lines += ["", *_table(("at", "fault", "lag, most", "caught up after"), faults)]
    return lines


def as_json(
    found: Given, plan: Plan, limits: Iterable[Limit], history: History | None
) -> dict[str, Any]:
    """Return all of it as JSON takes it."""
    described: dict[str, Any] = {
        "given": asdict(found.case),
        "sources": found.sources,
        "plan": asdict(plan),
        "limits": [limit._asdict() | {"share": limit.share} for limit in limits],
    }
    if history is not None:
        described["played"] = {
            "events": float(history.arrived.sum()),
            "left_over": float(history.lag[-1]),
            "utilisation": history.utilisation,
            "busiest": float(history.busiest.max()),
            "lag": float(history.lag.max()),
            "delay_p99_s": history.delay_quantile_s(0.99),
            "faults": [each._asdict() for each in history.aftermaths()],
        }
    return described


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]
