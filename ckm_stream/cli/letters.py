"""The work of ``ckm deadletters``: reading, a report as table or JSON, a bar on a terminal."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ckm_stream.cli.printing import print_json
from ckm_stream.codec.topics import Topics
from ckm_stream.errors import ConfigurationError, Reason
from ckm_stream.operations.deadletters import DeadLetter, LetterFilter, open_dead_letters
from ckm_stream.operations.inspection import Inspection, inspect_letter
from ckm_stream.publishing.replay import ReplayPlan, ReplayReport, replay
from ckm_stream.settings import load_settings

_NOT_FOUND: Final = 1
_STOPPED: Final = 1
_HEX_BYTES: Final = 512


def filter_of(
    reasons: list[str] | None, topics: list[str] | None, since: datetime | None
) -> LetterFilter:
    """
    Return the filter that the options mean.

    Raises:
        ConfigurationError: If there is no such reason or topic; the message has those there are.
    """
    prefix = load_settings().kafka.topic_prefix
    known = {name.removeprefix(prefix) for name in Topics(prefix).sources}
    logical = frozenset(name.removeprefix(prefix) for name in topics or ())
    _refuse_unknown("reason", frozenset(reasons or ()), {reason.value for reason in Reason})
    _refuse_unknown("topic", logical, known)
    return LetterFilter(reasons=frozenset(reasons or ()), topics=logical, since=since)


def list_dead_letters(where: LetterFilter, *, limit: int, keys: bool, as_json: bool) -> None:
    """Print the newest *limit* dead letters that are meant, the newest last."""
    rows = deque(_read(where), limit)
    newest = sorted(rows, key=lambda row: (row[0].timestamp_ms, row[0].partition, row[0].offset))
    described = [_described(letter, put_back=put_back, keys=keys) for letter, put_back in newest]
    if as_json:
        print_json(described)
        return
    names = ["place", "set_aside_at", "topic", "partition", "offset", "reason", "value_bytes"]
    names += ["put_back", *(["key"] if keys else []), "message"]
    _print_table("Dead letters", names, described)


def summarise_dead_letters(where: LetterFilter, *, as_json: bool) -> None:
    """Print how many there are of each source topic and reason, the most first."""
    counts: Counter[tuple[str, str]] = Counter()
    done: Counter[tuple[str, str]] = Counter()
    for letter, put_back in _read(where):
        failure = letter.failure
        kind = ("-", "-") if failure is None else (failure.topic, failure.reason)
        counts[kind] += 1
        done[kind] += put_back
    rows = [
        {"topic": kind[0], "reason": kind[1], "count": count, "put_back": done[kind]}
        for kind, count in counts.most_common()
    ]
    if as_json:
        print_json(rows)
    else:
        _print_table("Dead letters by topic and reason", list(rows[0]) if rows else [], rows)
        typer.echo(f"{counts.total()} dead letters, {done.total()} of them put back")


def show_dead_letter(place: str, *, as_json: bool) -> None:
    """
    Print one dead letter.

    Raises:
        typer.Exit: With exit code 1 if it is not there.
        ConfigurationError: If *place* is none.
    """
    partition, _, offset = place.partition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise ConfigurationError(f"{place!r} is no place; write PARTITION:OFFSET, such as 3:17")
    settings = load_settings()
    with open_dead_letters(settings) as letters:
        letter = letters.at(int(partition), int(offset))
    if letter is None:
        typer.echo(f"there is no dead letter {place}; `ckm deadletters list` has them", err=True)
        raise typer.Exit(_NOT_FOUND)
    inspection = inspect_letter(letter, settings)
    if as_json:
        print_json(_inspected(letter, inspection))
    else:
        _print_letter(letter, inspection)


def replay_dead_letters(plan: ReplayPlan, *, as_json: bool) -> None:
    """
    Put dead letters back as *plan* says, with a bar on a terminal, and report.

    Raises:
        typer.Exit: With exit code 1 if a record would be rejected again and the plan stops there.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("look at" if plan.dry_run else "put back", total=None)
        report = replay(load_settings(), plan, lambda count: bar.advance(task, count))
    if as_json:
        print_json({name: getattr(report, name) for name in ReplayReport.__slots__} | _of(plan))
    else:
        _print_report(report, plan)
    if report.stopped:
        raise typer.Exit(_STOPPED)


def _of(plan: ReplayPlan) -> dict[str, bool]:
    return {"dry_run": plan.dry_run}


def _read(where: LetterFilter) -> Iterator[tuple[DeadLetter, bool]]:
    """Yield what is meant, and whether it was put back."""
    settings = load_settings()
    with open_dead_letters(settings) as letters:
        for partition in letters.partitions():
            done = letters.put_back(partition)
            for letter in letters.read(partition):
                if where.admits(letter, letters.prefix):
                    yield letter, letter.offset in done


def _described(letter: DeadLetter, *, put_back: bool, keys: bool) -> dict[str, Any]:
    failure = letter.failure
    described: dict[str, Any] = {
        "place": letter.place,
        "set_aside_at": letter.set_aside_at.isoformat(timespec="milliseconds"),
        "topic": None if failure is None else failure.topic,
        "partition": None if failure is None else failure.partition,
        "offset": None if failure is None else failure.offset,
        "reason": None if failure is None else failure.reason,
        "message": None if failure is None else failure.message,
        "value_bytes": None if letter.value is None else len(letter.value),
        "put_back": put_back,
    }
    return described | ({"key": _text(letter.key)} if keys else {})


def _inspected(letter: DeadLetter, inspection: Inspection) -> dict[str, Any]:
    return _described(letter, put_back=False, keys=True) | {
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "value_hex": None if letter.value is None else letter.value.hex(),
        "schema_id": inspection.schema_id,
        "schema": inspection.schema,
        "fields": [[path, _plain(value)] for path, value in inspection.body.fields],
        "read_bytes": inspection.body.read,
        "problem": inspection.body.problem,
        "verdict": inspection.verdict,
    }


def _print_letter(letter: DeadLetter, inspection: Inspection) -> None:
    console = Console()
    summary = [(name, each) for name, each in _inspected(letter, inspection).items()]
    left_out = {"headers", "value_hex", "fields", "put_back"}
    _print_rows(console, letter.place, [row for row in summary if row[0] not in left_out])
    _print_rows(console, "Headers", [(name, _text(value)) for name, value in letter.headers])
    _print_rows(console, "Fields, as far as they can be read", inspection.body.fields)
    value = letter.value or b""
    more = f" … {len(value) - _HEX_BYTES} bytes more" if len(value) > _HEX_BYTES else ""
    console.print(Text(value[:_HEX_BYTES].hex(" ") + more))


def _print_report(report: ReplayReport, plan: ReplayPlan) -> None:
    done = "would be put back" if plan.dry_run else "put back"
    for left in report.left_named:
        typer.echo(f"left: {left.place} {left.reason}: {left.message}")
    typer.echo(
        f"{report.put_back} {done}, {report.left} left, {report.put_back_before} were back before"
    )
    if report.stopped:
        typer.echo(
            "stopped at the last one named; repair what is wrong, or go on with --policy skip",
            err=True,
        )
    if report.capped:
        typer.echo(f"there are more than --max-records {plan.max_records}: run again to go on")


def _refuse_unknown(what: str, given: frozenset[str], known: Iterable[str]) -> None:
    strange = sorted(given.difference(known))
    if strange:
        raise ConfigurationError(
            f"there is no {what} {strange[0]!r}; there are {', '.join(sorted(known))}"
        )


def _print_table(title: str, names: list[str], rows: list[dict[str, Any]]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in names:
        table.add_column(name.replace("_", " "), no_wrap=name in ("place", "reason", "offset"))
    for row in rows:
        table.add_row(*(Text(_shown(row[name])) for name in names))
    Console().print(table)


def _print_rows(console: Console, title: str, rows: Iterable[tuple[str, object]]) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, show_header=False)
    for name, value in rows:
        table.add_row(Text(_shown(name)), Text(_shown(value)))
    console.print(table)


def _shown(value: object) -> str:
    """Return a value without control characters: a customer's words must not steer a terminal."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            text = str(_plain(value))
            return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _plain(value: object) -> object:
    """Return what JSON can say of a value."""
    return _text(value) if isinstance(value, bytes) else value


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode(errors="backslashreplace")
