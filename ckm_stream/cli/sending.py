"""The work of ``ckm publish`` and ``ckm simulate``, with a bar on a terminal and a report."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

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

from ckm_stream.cli.printing import print_json_line
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.publishing.batch import Tally, take_all
from ckm_stream.publishing.client import Publisher, event_checker
from ckm_stream.publishing.files import SOURCES, Refusal, open_events, to_line
from ckm_stream.publishing.output import open_lines
from ckm_stream.publishing.pacing import at_rate
from ckm_stream.publishing.simulate import Order, simulated_events
from ckm_stream.settings import load_settings
from ckm_stream.simulation.customers import SimulatedCustomer, SimulationPlan

_SOME_REFUSED = 1


def publish_file(file: Path, source: str | None, *, dry_run: bool, as_json: bool) -> None:
    """
    Publish what is in *file*, or only check it, and report what was refused.

    Raises:
        typer.Exit: With exit code 1 if some lines were refused.
        CkmStreamError: If a setting, the file or the broker is not as needed.
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
        refuse = print_json_line if as_json else _printer(progress.console, file)
        tally = take_all(
            opened,
            given,
            accept,
            refuse,
            advance=lambda position: progress.update(task, completed=position),
        )
    _conclude(tally, dry_run=dry_run, as_json=as_json)


def publish_simulated(
    plan: SimulationPlan, order: Order, *, rate: float | None, out: Path | None, truth: Path | None
) -> None:
    """
    Publish the events of *plan*, or write them to *out*; write the ground truth to *truth*.

    Raises:
        CkmStreamError: If a setting, a file or the broker is not as needed.
    """
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
        simulated = progress.add_task("simulate customers", total=plan.customers)
        handled = progress.add_task("publish events" if out is None else "write events", total=None)

        def noted(customer: SimulatedCustomer) -> None:
            progress.advance(simulated)
            if note is not None:
                note(customer.truth())

        for event in at_rate(simulated_events(plan, order, note=noted), rate):
            accept(event)
            progress.advance(handled)


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


def _conclude(tally: Tally, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json_line(
            {"accepted": tally.accepted, "refused": tally.refused, "dry_run": dry_run},
        )
    else:
        done = "would be published" if dry_run else "published"
        typer.echo(f"{tally.accepted} events {done}, {tally.refused} refused")
    if tally.refused:
        raise typer.Exit(_SOME_REFUSED)
