"""``ckm publish`` and ``ckm simulate``: events into Kafka, from a file or made up."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.batch import Tally, take_all
from ckm_stream.publishing.client import Publisher, event_checker
from ckm_stream.publishing.files import SOURCES, Refusal, open_events, to_line
from ckm_stream.publishing.output import open_lines
from ckm_stream.publishing.pacing import at_rate
from ckm_stream.publishing.simulate import (
    DEFAULT_END_S,
    DEFAULT_START_S,
    Order,
    SimulatedCustomer,
    SimulationPlan,
    simulated_events,
)
from ckm_stream.settings import load_settings

_SOME_REFUSED = 1
_DATE = ["%Y-%m-%d"]


class SourceName(StrEnum):
    """Types of events on the command line: the keys of ``SOURCES``."""

    CALL = "call"
    TICKET = "ticket"
    PURCHASE = "purchase"
    FEEDBACK = "feedback"


File = Annotated[
    Path,
    typer.Argument(
        help="JSON lines or an Avro object container file, gzip or not; - is standard input.",
        metavar="FILE",
    ),
]
OfSource = Annotated[
    SourceName | None,
    typer.Option("--source", help="Type of the events that do not say theirs."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check only; needs no broker.")]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON lines on standard output.")]

Customers = Annotated[int, typer.Option("--customers", min=0, help="How many customers.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same events.")]
PerCustomer = Annotated[float, typer.Option(help="Mean number of events per customer.")]
Rate = Annotated[
    float | None, typer.Option(min=0.001, help="Events per second; as fast as can be if not given.")
]
Out = Annotated[
    Path | None,
    typer.Option(help="Write JSON lines to this file (.gz, or - for standard output) instead."),
]
Truth = Annotated[
    Path | None,
    typer.Option(help="Write the ground truth, a JSON line per customer, to this file."),
]
InOrder = Annotated[Order, typer.Option("--order", help="Whose events come first.")]
Start = Annotated[
    datetime | None, typer.Option(formats=_DATE, help="First day of event time, UTC.  [2024-07-01]")
]
End = Annotated[
    datetime | None, typer.Option(formats=_DATE, help="Day after the last one.  [2026-01-01]")
]


def publish(
    file: File,
    source: OfSource = None,
    dry_run: DryRun = False,  # noqa: FBT002 -- a flag of the command line
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Publish the touchpoint events of a file.

    A JSON line is an object with the fields of the Avro record and "type": call, ticket, purchase
    or feedback; times are RFC 3339 or integer microseconds. Wrong lines are reported on standard
    error with line, field and reason; the others are published and acknowledged. With --json the
    report is a JSON object per wrong line (place, and problems with field and message), then one
    with accepted, refused and dry_run.

    Exit codes: 0 all published, 1 some lines refused, 2 configuration, 5 not acknowledged,
    75 no broker answers.
    """
    settings = load_settings()
    given = None if source is None else SOURCES[source]
    console = Console(stderr=True)
    with ExitStack() as stack:
        opened = stack.enter_context(open_events(file))
        if dry_run:
            accept: Callable[[TouchpointEvent], object] = event_checker(settings)
        else:
            accept = stack.enter_context(Publisher.from_settings(settings)).publish
        progress = stack.enter_context(_progress(console, DownloadColumn()))
        task = progress.add_task("check" if dry_run else "publish", total=opened.size)
        refuse = _print_json if as_json else _printer(progress.console, file)
        tally = take_all(
            opened,
            given,
            accept,
            refuse,
            advance=lambda position: progress.update(task, completed=position),
        )
    _conclude(tally, dry_run=dry_run, as_json=as_json)


def simulate(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    customers: Customers = 1000,
    seed: Seed = 1,
    events_per_customer: PerCustomer = 20.0,
    rate: Rate = None,
    out: Out = None,
    truth: Truth = None,
    order: InOrder = Order.TIME,
    start: Start = None,
    end: End = None,
) -> None:
    """
    Publish the simulated touchpoints of any number of customers, or write them to a file.

    Every event says source "simulated". Each customer is drawn from latents (value, willingness,
    absorbability) and a role: key source, ordinary, bot, liar or newcomer; --truth writes them.
    Customer i of a seed is the same whatever the number of customers.
    """
    plan = SimulationPlan(
        customers=customers,
        seed=seed,
        events_per_customer=events_per_customer,
        start_s=_unix_s(start, DEFAULT_START_S),
        end_s=_unix_s(end, DEFAULT_END_S),
    )
    console = Console(stderr=True)
    with ExitStack() as stack:
        if out is None:
            accept: Callable[[TouchpointEvent], object] = stack.enter_context(
                Publisher.from_settings(load_settings())
            ).publish
        else:
            write = stack.enter_context(open_lines(out))
            accept = lambda event: write(to_line(event))  # noqa: E731 -- one of two ways
        note = None if truth is None else stack.enter_context(open_lines(truth))
        progress = stack.enter_context(_progress(console, MofNCompleteColumn()))
        simulated = progress.add_task("simulate customers", total=customers)
        handled = progress.add_task("publish events" if out is None else "write events", total=None)

        def noted(customer: SimulatedCustomer) -> None:
            progress.advance(simulated)
            if note is not None:
                note(customer.truth())

        for event in at_rate(simulated_events(plan, order, note=noted), rate):
            accept(event)
            progress.advance(handled)


def _unix_s(day: datetime | None, default: int) -> int:
    return default if day is None else int(day.replace(tzinfo=UTC).timestamp())


@contextmanager
def _progress(console: Console, amount: ProgressColumn) -> Iterator[Progress]:
    """Show a bar on a terminal, and nothing elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), amount)
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *times, console=console, disable=not console.is_terminal) as progress:
        yield progress


def _printer(console: Console, file: Path) -> Callable[[Refusal], None]:
    def show(refusal: Refusal) -> None:
        for problem in refusal.problems:
            field = f" {problem.field}:" if problem.field else ""
            text = f"{file}:{refusal.place}:{field} {problem.message}"
            console.print(text, markup=False, highlight=False, soft_wrap=True)

    return show


def _print_json(value: object) -> None:
    typer.echo(msgspec.json.encode(value))


def _conclude(tally: Tally, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        _print_json(
            {"accepted": tally.accepted, "refused": tally.refused, "dry_run": dry_run},
        )
    else:
        done = "would be published" if dry_run else "published"
        typer.echo(f"{tally.accepted} events {done}, {tally.refused} refused")
    if tally.refused:
        raise typer.Exit(_SOME_REFUSED)
