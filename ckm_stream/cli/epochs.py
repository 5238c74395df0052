"""The work of ``ckm epoch fit`` and ``ckm epoch show``, between the store and the epochs' topic."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Never

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from ckm_stream.cli.epoch_documents import Document, State, epoch_document, summary_document
from ckm_stream.cli.epoch_views import epoch_view, epochs_table
from ckm_stream.cli.opened import opened_store
from ckm_stream.cli.printing import print_json
from ckm_stream.cli.rendering import print_tables, show_instant
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.domain.epoch import NEVER_S, epoch_zero
from ckm_stream.domain.events import MICROS
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.population.fit import Population, fit_epoch
from ckm_stream.population.models import fit_models
from ckm_stream.population.report import report_of
from ckm_stream.publishing.epochs import Announced, read_announced
from ckm_stream.settings import Settings, load_settings
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.epochs import EpochStore, KeptEpoch
from ckm_stream.snapshots.population import StoredPopulation, stored_population

_NOT_FOUND: Final = 1
_PASSES: Final = 2


@dataclass(frozen=True, slots=True)
class Desk:
    """The store and its epochs beside those that the topic had when it was read."""

    settings: Settings
    engine: Engine
    codec: EpochCodec
    store: EpochStore
    announced: Announced


@contextmanager
def opened_desk() -> Iterator[Desk]:
    """
    Give the desk; epochs that a program announced and died are marked so by now.

    Raises:
        ConfigurationError: If the store or the topic is not there, or not ours to read.
        TransientError: If the database or the broker is away.
    """
    settings = load_settings()
    with opened_store() as engine:
        codec = EpochCodec(open_schemas(settings))
        announced = read_announced(settings, codec)
        for each in announced.unusable:
            typer.echo(
                f"record {each.offset} of the epochs' topic is passed over: {each.reason}", err=True
            )
        store = EpochStore(engine, codec)
        store.reconcile(announced.epochs.values())
        yield Desk(settings, engine, codec, store, announced)


def fit_and_keep(as_of_s: int | None, *, as_json: bool) -> None:
    """
    Fit an epoch to the store and keep it there.

    Raises:
        FitError: If the population cannot be fitted; nothing is kept.
        ConfigurationError: If comparisons contradict one another, or *as_of_s* is too early.
    """
    with opened_desk() as desk:
        kept = _fit(desk, as_of_s)
        desk.store.keep(kept)
    epoch_id = kept.epoch.epoch_id
    document = epoch_document(kept.epoch, State.NOT_ACTIVATED, kept.report)
    if as_json:
        print_json(document)
        return
    print_tables(epoch_view(document))
    typer.echo(
        f"kept as epoch {epoch_id}; `ckm epoch activate {epoch_id} --dry-run` shows what it would "
        f"change, `ckm epoch activate {epoch_id}` makes it live"
    )


def _fit(desk: Desk, as_of_s: int | None) -> KeptEpoch:
    policy, before = desk.settings.scoring, desk.announced.registry.newest
    epoch_id = max(desk.store.next_id(), desk.announced.greatest_id + 1)
    with stored_population(desk.engine, policy) as stored:
        count, simulated = stored.counts()
        as_of_s = _as_of(stored, as_of_s, otherwise_s=policy.landmark_s)
        lifetime = fit_models(stored.histories(as_of_s), stored.spends(), before=before.models)
        with progress("read customers", total=_PASSES * count) as counted:
            fitted = fit_epoch(
                Population(
                    customers=lambda: counted(stored.customers()),
                    as_of_s=as_of_s,
                    employees=stored.employees(as_of_s),
                    models=lifetime.models,
                ),
                policy,
                epoch_id=epoch_id,
                before=before,
                comparisons=desk.settings.epoch.comparisons,
            )
    report = report_of(fitted, before=before, policy=policy, simulated=simulated)
    return KeptEpoch(fitted.epoch, msgspec.structs.replace(report, models_refused=lifetime.refused))


def _as_of(stored: StoredPopulation, wanted_s: int | None, *, otherwise_s: int) -> int:
    newest_s = stored.newest_event_s
    if wanted_s is None:
        return otherwise_s if newest_s is None else newest_s
    if newest_s is not None and wanted_s < newest_s:
        raise ConfigurationError(
            f"the newest event in the store is of {show_instant(to_datetime(newest_s * MICROS))} "
            "UTC, and a state cannot be read as of before that; give a later --as-of, or none"
        )
    return wanted_s


def list_epochs(*, as_json: bool) -> None:
    """Print all epochs, of the store and of the topic."""
    with opened_desk() as desk:
        rows = list(_summaries(desk, time.time()))
    if as_json:
        print_json(rows)
    else:
        print_tables(epochs_table(rows))


def _summaries(desk: Desk, now_s: float) -> Iterator[Document]:
    """Yield epoch 0, those of the topic and those that wait in the store, by their numbers."""
    announced = desk.announced.epochs
    known = [
        (each.epoch_id, each.as_of_s, each.customers, each.effective_from_s)
        for each in (epoch_zero(desk.settings.scoring), *announced.values())
    ]
    waiting = [
        (row.epoch_id, row.as_of_s, row.customers, NEVER_S)
        for row in desk.store.list_epochs()
        if row.epoch_id not in announced
    ]
    for epoch_id, as_of_s, customers, from_s in sorted([*known, *waiting]):
        yield summary_document(
            epoch_id,
            _state(epoch_id, from_s, desk.announced.registry, now_s),
            as_of_s=as_of_s or None,
            customers=customers,
            effective_from_s=None if from_s == NEVER_S else from_s,
        )


def explain_epoch(epoch_id: int, *, as_json: bool) -> None:
    """
    Print all that is known of an epoch.

    Raises:
        typer.Exit: With exit code 1 if there is none of that number.
    """
    with opened_desk() as desk:
        kept = desk.store.find(epoch_id)
    registry = desk.announced.registry
    epoch = {0: epoch_zero(desk.settings.scoring), **desk.announced.epochs}.get(epoch_id)
    if epoch is None:
        if kept is None:
            leave_unknown(epoch_id)
        epoch = replace(kept.epoch, effective_from_s=NEVER_S)
    state = _state(epoch_id, epoch.effective_from_s, registry, time.time())
    document = epoch_document(epoch, state, None if kept is None else kept.report)
    if as_json:
        print_json(document)
    else:
        print_tables(epoch_view(document))


def _state(epoch_id: int, effective_from_s: int, registry: Epochs, now_s: float) -> State:
    if effective_from_s == NEVER_S:
        return State.NOT_ACTIVATED
    if effective_from_s > now_s:
        return State.ANNOUNCED
    is_in_force = registry.at(int(now_s)).epoch_id == epoch_id
    return State.IN_FORCE if is_in_force else State.REPLACED


@contextmanager
def progress(what: str, *, total: int) -> Iterator[Any]:
    """Give what counts an iterable's items on a bar, which only a terminal shows."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)

        def counted(items: Iterator[Any]) -> Iterator[Any]:
            for each in items:
                yield each
                bar.advance(task)

        yield counted


def leave_unknown(epoch_id: int) -> Never:
    """
    Say that there is no such epoch.

    Raises:
        typer.Exit: With exit code 1.
    """
    typer.echo(f"there is no epoch {epoch_id}; `ckm epoch show` lists them", err=True)
    raise typer.Exit(_NOT_FOUND)
