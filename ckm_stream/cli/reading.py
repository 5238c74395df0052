"""``ckm top``, ``ckm show`` and ``ckm explain``: what the store says, as a table or as JSON."""

from typing import TYPE_CHECKING, Annotated, Never

import typer

from ckm_stream.cli.printing import print_json
from ckm_stream.domain.score import SourceClass

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ckm_stream.snapshots.stored import StoredProfile

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
    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots import queries

    with opened_store() as engine:
        ranking = queries.top(engine, limit, source_class)
        sizes = [] if as_json else queries.class_counts(engine)
    if as_json:
        print_json(ranking)
    else:
        from ckm_stream.cli.rendering import class_table, print_tables, ranking_table

        simulated = any(each.simulated for each in ranking)
        print_tables(ranking_table(ranking), class_table(sizes, simulated=simulated))


def show(customer_id: CustomerId, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show what is known about, for and from a customer, with scores and changes of class.

    With --json: one object with customer_id, version, as_of (UTC), simulated; about, for and
    from, each with a summary and the newest items; scores and classes, newest first; lifetime,
    what the models of the epoch expect, with epoch_id, model, as_of_s, horizon_weeks,
    probability_alive, expected_purchases and expected_margin (minor units), or null without.
    Exit code 1 if the customer is not in the store.
    """
    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots import queries

    with opened_store() as engine:
        profile = queries.show(engine, customer_id)
        if profile is None:
            _leave_unknown(customer_id)
        profile = _priced(engine, profile)
    if as_json:
        print_json(profile)
    else:
        from ckm_stream.cli.rendering import print_tables, profile_view

        print_tables(profile_view(profile))


def explain(customer_id: CustomerId, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Show why a customer's newest score is what it is, as it was announced.

    With --json: one object with the fields of `ckm top`, reference_total, and factors, largest
    contribution first; contributions add up to ln(total) - ln(reference_total).
    Exit code 1 if the customer is not in the store.
    """
    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots import queries

    with opened_store() as engine:
        score = queries.explain(engine, customer_id)
    if score is None:
        _leave_unknown(customer_id)
    if as_json:
        print_json(score)
    else:
        from ckm_stream.cli.rendering import explanation_table, print_tables

        print_tables(explanation_table(score))


def _priced(engine: "Engine", profile: "StoredProfile") -> "StoredProfile":
    """Return the profile with what the customer is expected to bring, if an epoch can tell."""
    import msgspec

    from ckm_stream.codec.epochs import EpochCodec
    from ckm_stream.operations.schemas import open_schemas
    from ckm_stream.settings import load_settings
    from ckm_stream.snapshots.epochs import EpochStore

    settings = load_settings()
    epoch = EpochStore(engine, EpochCodec(open_schemas(settings))).newest_activated()
    if epoch is None:
        return profile
    from ckm_stream.snapshots import lifetimes  # its numbers take a second to load

    lifetime = lifetimes.price(
        profile.about.summary,
        newest_event_s=int(profile.as_of.timestamp()),
        epoch=epoch,
        money=settings.scoring.money,
    )
    return msgspec.structs.replace(profile, lifetime=lifetime)


def _leave_unknown(customer_id: str) -> Never:
    typer.echo(f"customer {customer_id!r} is not in the store; `ckm top` lists customers", err=True)
    raise typer.Exit(_UNKNOWN_CUSTOMER)
