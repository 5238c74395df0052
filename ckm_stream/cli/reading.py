"""``ckm top``, ``ckm show`` and ``ckm explain``: what the store says, as a table or as JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Never

import typer
from rich.console import Console
from sqlalchemy import Engine

from ckm_stream.cli.rendering import (
    class_table,
    explanation_table,
    print_json,
    profile_view,
    ranking_table,
)
from ckm_stream.domain.score import SourceClass
from ckm_stream.settings import load_settings
from ckm_stream.snapshots import queries
from ckm_stream.snapshots.store import check_migrated, open_engine

_UNKNOWN_CUSTOMER = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
CustomerId = Annotated[str, typer.Argument(help="The customer's id.", metavar="CUSTOMER")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many customers.")]
OfClass = Annotated[
    SourceClass | None, typer.Option("--class", help="Only customers of this class.")
]


def top(limit: Limit = 10, source_class: OfClass = None, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show the customers with the highest totals, and how many there are in each class.

    With --json: a list of objects, best first, with place, customer_id, source_class, total,
    value, willingness, absorption (0.01 to 1), their evidence *_n_eff, lead_user, engagement,
    as_of (UTC), version, epoch_id and simulated.
    """
    with _store() as engine:
        ranking = queries.top(engine, limit, source_class)
        sizes = [] if as_json else queries.class_counts(engine)
    if as_json:
        print_json(ranking)
        return
    console = Console()
    console.print(ranking_table(ranking))
    console.print(class_table(sizes, simulated=any(each.simulated for each in ranking)))


def show(customer_id: CustomerId, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show what is known about, for and from a customer, with scores and changes of class.

    With --json: one object with customer_id, version, as_of (UTC), simulated; about, for and
    from, each with a summary and the newest items; scores and classes, newest first.
    Exit code 1 if the customer is not in the store.
    """
    with _store() as engine:
        profile = queries.show(engine, customer_id)
    if profile is None:
        _leave_unknown(customer_id)
    if as_json:
        print_json(profile)
    else:
        Console().print(profile_view(profile))


def explain(customer_id: CustomerId, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show why a customer's newest score is what it is, as it was announced.

    With --json: one object with the fields of `ckm top`, reference_total, and factors, largest
    contribution first; contributions add up to ln(total) - ln(reference_total).
    Exit code 1 if the customer is not in the store.
    """
    with _store() as engine:
        score = queries.explain(engine, customer_id)
    if score is None:
        _leave_unknown(customer_id)
    if as_json:
        print_json(score)
    else:
        Console().print(explanation_table(score))


@contextmanager
def _store() -> Iterator[Engine]:
    engine = open_engine(load_settings().store.url.get_secret_value())
    try:
        check_migrated(engine)
        yield engine
    finally:
        engine.dispose()


def _leave_unknown(customer_id: str) -> Never:
    typer.echo(f"customer {customer_id!r} is not in the store; `ckm top` lists customers", err=True)
    raise typer.Exit(_UNKNOWN_CUSTOMER)
