"""The comparison's figures as Markdown and as a plot: medians of the rounds, and their range."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.contestants import ALO, EOS, PROGRAMS, Program
from ckm_stream.evidence.drawing import COLOURS, height_of, svg
from ckm_stream.settings import Guarantee

#: Rounds of each program, by its name, as ``bench.comparison`` measures them.
Rounds = Mapping[str, Sequence[Mapping[str, Any]]]

_GUARANTEES: Final = {
    ALO: "At least once",
    EOS: "Exactly once (Kafka transactions)",
}
_OURS: Final = {ALO: "worker", EOS: "worker-eos"}
_HEAD: Final = (
    "program",
    "CPU µs per touchpoint",
    "÷ this worker's",
    "touchpoints/s",
    "peak MiB",
    "updates per touchpoint",
    "changelog records per touchpoint",
)


class Spread(NamedTuple):
    """Median, least and greatest of the rounds."""

    middle: float
    low: float
    high: float


def spread(rounds: Sequence[Mapping[str, Any]], figure: str) -> Spread:
    """Return a figure's median and range over *rounds*, of which there must be one."""
    values = [float(each[figure]) for each in rounds]
    return Spread(median(values), min(values), max(values))


def comparison_markdown(rounds: Rounds) -> str:
    """Return a table for each guarantee, and one of the ceiling."""
    parts = []
    for guarantee, title in _GUARANTEES.items():
        rows = [each for each in _measured(rounds) if each.guarantee is guarantee]
        if rows:
            parts.append(f"### {title}\n\n{_table(rows, rounds, _OURS[guarantee])}")
    ceiling = [each for each in _measured(rounds) if each.guarantee is None]
    if ceiling:
        parts.append(f"### The ceiling\n\n{_table(ceiling, rounds, _OURS[ALO])}")
    handled = _handled(rounds)
    return "\n\n".join([*parts, *([handled] if handled else [])]) + "\n"


def comparison_plot(rounds: Rounds) -> str:
    """Return an SVG drawing of the CPU time per touchpoint, on a logarithmic scale."""
    rows = list(reversed(_measured(rounds)))

    def draw(figure: Figure) -> None:
        axes: Axes = figure.subplots()
        for height, program in enumerate(rows):
            found = spread(rounds[program.name], "cpu_us_per_event")
            colour = COLOURS[0 if program.name in _OURS.values() else 6]
            axes.barh(height, found.middle, color=colour)
            axes.plot([found.low, found.high], [height, height], color="black", linewidth=1)
            axes.annotate(
                f"{found.middle:.3g}", (found.high, height), (4, -3), textcoords="offset points"
            )
        axes.set_yticks(range(len(rows)), [_full_title(each) for each in rows])
        axes.set_xscale("log")
        axes.set_xlabel("CPU µs per touchpoint; the line is the range of the rounds")

    return svg("comparison", draw, height=height_of(rows)) + "\n"


def _measured(rounds: Rounds) -> list[Program]:
    return [program for program in PROGRAMS if rounds.get(program.name)]


def _full_title(program: Program) -> str:
    if program.guarantee is None:
        return program.title
    return f"{program.title}, {program.guarantee.value.replace('_', ' ')}"


def _table(rows: Sequence[Program], rounds: Rounds, ours: str) -> str:
    lines = [_row(_HEAD), _row(("---",) * len(_HEAD))]
    base = spread(rounds[ours], "cpu_us_per_event").middle if rounds.get(ours) else None
    for program in rows:
        found = rounds[program.name]
        cpu = spread(found, "cpu_us_per_event")
        lines.append(
            _row(
                (
                    program.title,
                    f"{cpu.middle:.1f} ({cpu.low:.1f} to {cpu.high:.1f})",
                    "" if base is None else f"{cpu.middle / base:.2f}",
                    f"{spread(found, 'events_per_s').middle:,.0f}",
                    f"{max(each['peak_mib'] for each in found):,}",
                    _optional(found, "updates_per_event"),
                    _optional(found, "changelog_per_event"),
                )
            )
        )
    return "\n".join(lines)


def _optional(rounds: Sequence[Mapping[str, Any]], figure: str) -> str:
    return f"{spread(rounds, figure).middle:.2f}" if figure in rounds[0] else "none"


def _handled(rounds: Rounds) -> str:
    """Say what an event costs where the program also handles what it forwards to itself."""
    found = [each for each in _measured(rounds) if each.does_all]
    costs = (
        f"{_full_title(each)} {spread(rounds[each.name], 'cpu_us_per_handled').middle:.1f} µs"
        for each in found
    )
    return f"Per handled event, forwarded ones included: {'; '.join(costs)}." if found else ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def guarantee_cost(rounds: Rounds) -> float | None:
    """Return exactly once over at least once, CPU per touchpoint of this worker."""
    if not all(rounds.get(name) for name in _OURS.values()):
        return None
    costs: dict[Guarantee, float] = {
        guarantee: spread(rounds[name], "cpu_us_per_event").middle
        for guarantee, name in _OURS.items()
    }
    return costs[EOS] / costs[ALO]


def latency_markdown(worker: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    """Return a table of the milliseconds from publishing to the update, by guarantee."""
    lines = [
        f"### Publish to score update at {peers['rate_hz']:,.0f} touchpoints/s\n",
        _row(("program", "guarantee", "p50 ms", "p99 ms", "CPU µs per handled event")),
        _row(("---",) * 5),
    ]
    for program in PROGRAMS:
        if program.name in _OURS.values() and program.guarantee is not None:
            found = worker["rounds"].get(program.guarantee.value)
        else:
            found = peers["rounds"].get(program.name)
        if found is not None and program.guarantee is not None:
            promise = program.guarantee.value.replace("_", " ")
            cost = f"{found['cpu_us_per_event']:.1f}"
            figures = (f"{found['p50_ms']:,.1f}", f"{found['p99_ms']:,.1f}", cost)
            lines.append(_row((program.title, promise, *figures)))
    return "\n".join(lines) + "\n"


def recovery_markdown(worker: Mapping[str, Any], peers: Mapping[str, Any]) -> str:
    """Return a table of how fast states are read back from the changelog."""
    lines = [
        "### Recovery\n",
        _row(("program", "customers", "records/s", "start to work s", "CPU µs per record")),
        _row(("---",) * 5),
    ]
    for program in PROGRAMS:
        found, start = peers["rounds"].get(program.name), "start_with_states_s"
        if program.name == _OURS[ALO]:
            found, start = worker, "start_to_work_s"
        if found is not None:
            figures = (f"{found['records_per_s']:,}", f"{found[start]:.1f}")
            cost = f"{found['cpu_us_per_record']:.1f}"
            lines.append(_row((program.title, f"{found['customers']:,}", *figures, cost)))
    return "\n".join(lines) + "\n"
