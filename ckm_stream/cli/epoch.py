"""``ckm epoch fit|show|activate``: what is learnt from all customers, and making it live."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

epoch_app = typer.Typer(
    help="Learn from all customers, look at what was learnt, and make it live.",
    no_args_is_help=True,
)

_INSTANTS: Final = [
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%z",
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=_INSTANTS,
        metavar="INSTANT",
        help="The instant to learn as of, UTC; by default, and at the earliest, the newest event.",
    ),
]
Number = Annotated[int, typer.Argument(min=1, metavar="EPOCH_ID", help="The epoch's number.")]
MaybeNumber = Annotated[
    int | None,
    typer.Argument(min=0, metavar="[EPOCH_ID]", help="The epoch to explain; none lists them all."),
]
From = Annotated[
    datetime | None,
    typer.Option(
        "--effective-from",
        formats=_INSTANTS,
        metavar="INSTANT",
        help="Event time that scores use it from, such as 2026-03-01T06:00, UTC; by default now + "
        "CKM__EPOCH__LEAD_S, rounded up to a minute.",
    ),
]
Historical = Annotated[
    bool,
    typer.Option("--historical", help="Let --effective-from be in the past: old data is replayed."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Announce nothing; show who would change class.")
]
Limit = Annotated[int, typer.Option(min=0, max=100_000, help="Customers that a dry run shows.")]


@epoch_app.command()
def fit(as_of: AsOf = None, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Learn an epoch from all customers in the store, and keep it there; nothing else changes.

    Learnt are priors, the scale of each indicator, thresholds and employees' rates; weights are
    from CKM__EPOCH__COMPARISONS__*. A prior that fewer than 30 customers have evidence for stays
    as the settings have it. Exit code 7 if the population is too small; nothing is kept then.

    With --json: one object, as `ckm epoch show EPOCH_ID --json`.
    """
    from ckm_stream.cli.epochs import fit_and_keep

    fit_and_keep(_seconds(as_of), as_json=as_json)


@epoch_app.command()
def show(epoch_id: MaybeNumber = None, as_json: AsJson = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    List the epochs, or explain one: weights, thresholds, priors, and what changed with it.

    An epoch is "in force" or "replaced" for events of now, "announced" for later ones, or "not
    activated". Weights by entropy are shown for comparison and never used.

    With --json: a list of objects with epoch_id, state, in_force, as_of, customers and
    effective_from (UTC); or, of one, these and before_id, customers_known, customers_simulated,
    consistency_ratios, dimensions, indicators, priors, employee_rates, models,
    models_refused (a reason by a model's name) and topics (CRC-32 of the name, customers, and
    when the first, half and the last of them had spoken of it), where a field that ends in
    _before is of the epoch that was in force last when this one was fitted.
    Exit code 1 if there is no such epoch.
    """
    from ckm_stream.cli.epochs import explain_epoch, list_epochs

    if epoch_id is None:
        list_epochs(as_json=as_json)
    else:
        explain_epoch(epoch_id, as_json=as_json)


@epoch_app.command()
def activate(  # noqa: PLR0913, PLR0917 -- options of a command, each with a default
    epoch_id: Number,
    effective_from: From = None,
    historical: Historical = False,  # noqa: FBT002 -- a flag of the command line
    dry_run: DryRun = False,  # noqa: FBT002 -- a flag of the command line
    limit: Limit = 20,
    as_json: AsJson = False,  # noqa: FBT002 -- a flag of the command line
) -> None:
    """
    Announce a fitted epoch: scores as of --effective-from or later use it; no worker is restarted.

    It is announced CKM__EPOCH__LEAD_S ahead, so that every worker knows it before an event of then
    arrives, and comes after every other epoch. What was announced never changes.

    --historical is for events of the past, such as a replay of old data. No score as of
    --effective-from or later may have been made: the store must not have an event of then or
    later, and neither may a worker that the store is behind. Announce it, wait for
    CKM__EPOCH__REFRESH_S, then publish what is later.

    With --json: one object with epoch_id, instead_of, effective_from and dry_run; with --dry-run
    also as_of, customers, customers_changed, mean_change and greatest_change of the total, classes
    (class_before, class_after, customers) and changed: all customers in another class.
    Exit code 1 if there is no such epoch, 5 if the broker did not acknowledge it.
    """
    from ckm_stream.cli.activating import ActivationPlan, activate_epoch

    plan = ActivationPlan(
        epoch_id=epoch_id,
        effective_from_s=_seconds(effective_from),
        is_historical=historical,
        dry_run=dry_run,
        limit=limit,
    )
    activate_epoch(plan, as_json=as_json)


def _seconds(instant: datetime | None) -> int | None:
    """Return a Unix second; an instant without a zone is in UTC."""
    if instant is None:
        return None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
