"""``ckm publish`` and ``ckm simulate``: events into Kafka, from a file or made up."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_DATE = ["%Y-%m-%d"]


class SourceName(StrEnum):
    """Types of events on the command line: the keys of ``publishing.files.SOURCES``."""

    CALL = "call"
    TICKET = "ticket"
    PURCHASE = "purchase"
    FEEDBACK = "feedback"


class OrderName(StrEnum):
    """Orders on the command line: those of ``publishing.simulate.Order``."""

    TIME = "time"
    CUSTOMER = "customer"


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
InOrder = Annotated[OrderName, typer.Option("--order", help="Whose events come first.")]
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
    from ckm_stream.cli.sending import publish_file

    publish_file(file, source, dry_run=dry_run, as_json=as_json)


def simulate(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    customers: Customers = 1000,
    seed: Seed = 1,
    events_per_customer: PerCustomer = 20.0,
    rate: Rate = None,
    out: Out = None,
    truth: Truth = None,
    order: InOrder = OrderName.TIME,
    start: Start = None,
    end: End = None,
) -> None:
    """
    Publish the simulated touchpoints of any number of customers, or write them to a file.

    Every event says source "simulated". Each customer is drawn from latents (value, willingness,
    absorbability) and a role: key source, ordinary, bot, liar or newcomer; --truth writes them.
    Customer i of a seed is the same whatever the number of customers.
    """
    from ckm_stream.cli.sending import publish_simulated
    from ckm_stream.publishing.simulate import Order
    from ckm_stream.simulation.customers import DEFAULT_END_S, DEFAULT_START_S, SimulationPlan

    plan = SimulationPlan(
        customers=customers,
        seed=seed,
        events_per_customer=events_per_customer,
        start_s=_unix_s(start, DEFAULT_START_S),
        end_s=_unix_s(end, DEFAULT_END_S),
    )
    publish_simulated(plan, Order(order), rate=rate, out=out, truth=truth)


def _unix_s(day: datetime | None, default: int) -> int:
    return default if day is None else int(day.replace(tzinfo=UTC).timestamp())
