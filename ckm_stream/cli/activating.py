"""The work of ``ckm epoch activate``: what it would change, and the announcement."""

import time
from dataclasses import dataclass, replace

import typer

from ckm_stream.cli.epoch_documents import Document, changes_document
from ckm_stream.cli.epoch_views import changes_view
from ckm_stream.cli.epochs import Desk, leave_unknown, opened_desk, progress
from ckm_stream.cli.printing import print_json
from ckm_stream.cli.rendering import print_tables, show_instant
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.events import MICROS
from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.population.activation import (
    earliest_start,
    require_ahead,
    require_last,
    require_readable,
    require_room,
    require_unscored,
)
from ckm_stream.population.changes import Changes, compare_epochs
from ckm_stream.publishing.epochs import announce, read_announced
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.population import stored_population


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationPlan:
    """
    What is to be activated, and how.

    Attributes:
        epoch_id: The epoch.
        effective_from_s: From when on, in Unix seconds; None for the earliest instant that may be.
        is_historical: Whether that may lie in the past, because events of the past are replayed.
        dry_run: Only show what would change.
        limit: How many customers a table has at the most.
    """

    epoch_id: int
    effective_from_s: int | None
    is_historical: bool
    dry_run: bool
    limit: int


def activate_epoch(plan: ActivationPlan, *, as_json: bool) -> None:
    """
    Announce an epoch, or only show what it would change.

    Raises:
        typer.Exit: With exit code 1 if there is no such epoch.
        ConfigurationError: If it may not come into force then, or not at all.
        DeliveryError: If it was not acknowledged.
    """
    with opened_desk() as desk:
        if plan.dry_run:
            _show_changes(desk, plan, as_json=as_json)
        else:
            _activate(desk, plan, as_json=as_json)


def _activate(desk: Desk, plan: ActivationPlan, *, as_json: bool) -> None:
    epoch, instead_of = _announce(desk, plan)
    document = _activation(epoch, instead_of, plan)
    if as_json:
        print_json(document)
        return
    typer.echo(
        f"epoch {epoch.epoch_id} is announced: scores as of "
        f"{show_instant(document['effective_from'])} UTC or later use it, instead of "
        f"{instead_of.epoch_id}; workers hear of it within {desk.settings.epoch.refresh_s:g} s "
        "and need no restart"
    )


def _announce(desk: Desk, plan: ActivationPlan) -> tuple[Epoch, Epoch]:
    """Announce one epoch while nobody else can, and mark it; return it and the one before."""
    require_room(desk.settings.state.layout)
    done: tuple[Epoch, Epoch] | None = None
    try:
        with desk.store.activating() as connection:
            # Read again: another activation may have ended since.
            current = replace(desk, announced=read_announced(desk.settings, desk.codec))
            epoch = _checked(current, plan)
            announce(desk.settings, epoch, desk.codec)
            done = epoch, current.announced.registry.newest
            desk.store.mark_activated(connection, epoch)
    except (ConfigurationError, TransientError) as error:
        if done is None:
            raise
        typer.echo(
            f"{error}: only the store's mark of it is missing, until the next time that "
            "`ckm epoch` runs",
            err=True,
        )
    return done


def _checked(desk: Desk, plan: ActivationPlan) -> Epoch:
    """Return the epoch as it would be announced."""
    settings, announced = desk.settings, desk.announced
    known = announced.epochs.get(plan.epoch_id)
    if known is not None:
        raise ConfigurationError(
            f"epoch {plan.epoch_id} is announced already, from "
            f"{show_instant(to_datetime(known.effective_from_s * MICROS))} UTC on, and never "
            "changes; fit a new one with `ckm epoch fit`"
        )
    kept = desk.store.find(plan.epoch_id)
    if kept is None:
        leave_unknown(plan.epoch_id)
    require_readable(kept.epoch, kept.report, settings.scoring)
    now_s, lead_s = time.time(), settings.epoch.lead_s
    start_s = plan.effective_from_s
    if start_s is None:
        if plan.is_historical:
            raise ConfigurationError("--historical needs --effective-from: nothing can guess it")
        start_s = earliest_start(now_s, lead_s)
    require_last(start_s, announced.registry.newest)
    if plan.is_historical:
        require_unscored(start_s, newest_event_s=_newest_event_s(desk))
    else:
        require_ahead(start_s, now_s=now_s, lead_s=lead_s)
    return replace(kept.epoch, effective_from_s=start_s)


def _newest_event_s(desk: Desk) -> int | None:
    with stored_population(desk.engine, desk.settings.scoring) as stored:
        return stored.newest_event_s


def _show_changes(desk: Desk, plan: ActivationPlan, *, as_json: bool) -> None:
    epoch, before = _checked(desk, plan), desk.announced.registry.newest
    changes, simulated = _changes(desk, epoch, before)
    document = _activation(epoch, before, plan) | changes_document(changes)
    if as_json:
        print_json(document)
        return
    print_tables(changes_view(document, simulated=simulated > 0, limit=plan.limit))
    typer.echo(
        f"with epoch {epoch.epoch_id} instead of {before.epoch_id}, {len(changes.changed):,} of "
        f"{changes.customers:,} customers would change class, as of "
        f"{show_instant(document['as_of'])} UTC; totals would move by "
        f"{changes.mean_change:+.3f} in the mean, {changes.greatest_change:+.3f} at the most\n"
        f"nothing was announced; without --dry-run it is in force from "
        f"{show_instant(document['effective_from'])} UTC on"
    )


def _changes(desk: Desk, epoch: Epoch, before: Epoch) -> tuple[Changes, int]:
    """Return what differs as of the newest event, and how many customers are simulated."""
    policy = desk.settings.scoring
    with stored_population(desk.engine, policy) as stored:
        count, simulated = stored.counts()
        newest_s = stored.newest_event_s
        with progress("score customers", total=count) as counted:
            changes = compare_epochs(
                counted(stored.customers()),
                before=before,
                after=epoch,
                as_of_s=epoch.as_of_s if newest_s is None else newest_s,
                policy=policy,
            )
    return changes, simulated


def _activation(epoch: Epoch, instead_of: Epoch, plan: ActivationPlan) -> Document:
    return {
        "epoch_id": epoch.epoch_id,
        "instead_of": instead_of.epoch_id,
        "effective_from": to_datetime(epoch.effective_from_s * MICROS),
        "dry_run": plan.dry_run,
    }
