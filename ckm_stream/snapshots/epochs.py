"""
The epochs that were fitted, kept until they are activated and as a record after that.

Which of them are in force is not decided here but by the topic that they are announced on: a row's
``effective_from`` follows it, and is set right by whoever reads the topic next if a program died
between the two.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.events import MICROS
from ckm_stream.errors import ConfigurationError, RejectedRecord, TransientError
from ckm_stream.population.report import FitReport
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import EPOCH

# An activation waits for a broker's acknowledgement inside of its transaction.
_MAY_IDLE: Final = "SET LOCAL idle_in_transaction_session_timeout = '120s'"


class KeptEpoch(NamedTuple):
    """An epoch, from never if it is not announced, and how it came about."""

    epoch: Epoch
    report: FitReport


class EpochRow(NamedTuple):
    """What a list of epochs says of one; instants in Unix seconds, None if not announced."""

    epoch_id: int
    as_of_s: int
    customers: int
    effective_from_s: int | None


class EpochStore:
    """The table of epochs; its rows are added one by one and never go."""

    def __init__(self, engine: Engine, codec: EpochCodec) -> None:
        self._engine = engine
        self._codec = codec

    def next_id(self) -> int:
        """
        Return a number greater than that of every epoch in the store.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        with store_errors(self._engine.url), self._engine.begin() as connection:
            return (connection.scalar(select(func.max(EPOCH.c.epoch_id))) or 0) + 1

    def keep(self, kept: KeptEpoch) -> None:
        """
        Add an epoch that was fitted.

        Raises:
            TransientError: If its number was taken meanwhile, or the database is unavailable.
        """
        epoch = kept.epoch
        values = {
            "epoch_id": epoch.epoch_id,
            "as_of": epoch.as_of_s * MICROS,
            "customers": epoch.customers,
            "effective_from": None,
            "announcement": self._codec.encode(epoch),
            "diagnostics": kept.report,
        }
        try:
            with self._writing() as connection:
                connection.execute(insert(EPOCH), values)
        except IntegrityError:
            raise TransientError(
                f"another `ckm epoch fit` has kept its epoch as {epoch.epoch_id} meanwhile; "
                "nothing was kept, run it again"
            ) from None

    def find(self, epoch_id: int) -> KeptEpoch | None:
        """
        Return an epoch; None if there is none of that number.

        Raises:
            ConfigurationError: If it cannot be read.
            TransientError: If the database is unavailable for now.
        """
        query = select(EPOCH.c.announcement, EPOCH.c.diagnostics).where(
            EPOCH.c.epoch_id == epoch_id
        )
        with store_errors(self._engine.url), self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        with _readable(epoch_id):
            return KeptEpoch(
                self._codec.decode(row.announcement), msgspec.convert(row.diagnostics, FitReport)
            )

    def newest_activated(self) -> Epoch | None:
        """
        Return the activated epoch that is in force last, as far as the store knows.

        Raises:
            RejectedRecord: If it cannot be read.
            TransientError: If the database is unavailable for now.
        """
        query = (
            select(EPOCH.c.announcement)
            .where(EPOCH.c.effective_from.is_not(None))
            .order_by(EPOCH.c.effective_from.desc(), EPOCH.c.epoch_id.desc())
            .limit(1)
        )
        with store_errors(self._engine.url), self._engine.begin() as connection:
            announcement = connection.scalar(query)
        return None if announcement is None else self._codec.decode(announcement)

    def activated(self) -> list[Epoch]:
        """
        Return all activated epochs by their numbers, as far as the store knows.

        Raises:
            ConfigurationError: If one cannot be read.
            TransientError: If the database is unavailable for now.
        """
        query = (
            select(EPOCH.c.epoch_id, EPOCH.c.announcement)
            .where(EPOCH.c.effective_from.is_not(None))
            .order_by(EPOCH.c.epoch_id)
        )
        with store_errors(self._engine.url), self._engine.begin() as connection:
            rows = connection.execute(query).all()
        epochs = []
        for row in rows:
            with _readable(row.epoch_id):
                epochs.append(self._codec.decode(row.announcement))
        return epochs

    def list_epochs(self) -> list[EpochRow]:
        """
        Return all epochs by their numbers.

        Raises:
            TransientError: If the database is unavailable for now.
        """
        columns = (EPOCH.c.epoch_id, EPOCH.c.as_of, EPOCH.c.customers, EPOCH.c.effective_from)
        query = select(*columns).order_by(EPOCH.c.epoch_id)
        with store_errors(self._engine.url), self._engine.begin() as connection:
            return [
                EpochRow(
                    row.epoch_id,
                    row.as_of // MICROS,
                    row.customers,
                    None if row.effective_from is None else row.effective_from // MICROS,
                )
                for row in connection.execute(query)
            ]

    @contextmanager
    def activating(self) -> Iterator[Connection]:
        """
        Give a transaction that no other activation runs beside, for ``mark_activated``.

        An epoch that was announced twice, from different instants on, would stop every worker.

        Raises:
            TransientError: If another one is under way, or the database is unavailable.
        """
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(_MAY_IDLE))
                # Readers read on; SQLite has the one writer anyway.
                connection.execute(text("LOCK TABLE epoch IN EXCLUSIVE MODE"))
            yield connection

    def mark_activated(self, connection: Connection, epoch: Epoch) -> None:
        """Note from when on an epoch is in force, as it was announced."""
        connection.execute(
            update(EPOCH).where(EPOCH.c.epoch_id == epoch.epoch_id),
            {
                "effective_from": epoch.effective_from_s * MICROS,
                "announcement": self._codec.encode(epoch),
            },
        )

    def reconcile(self, announced: Collection[Epoch]) -> None:
        """
        Mark those that were announced by a program that died before it could.

        Args:
            announced: All epochs on the topic.

        Raises:
            ConfigurationError: If there are such and we may not write.
            TransientError: If the database is unavailable for now.
        """
        known = {row.epoch_id: row.effective_from_s for row in self.list_epochs()}
        for each in announced:
            if known.get(each.epoch_id, each.effective_from_s) != each.effective_from_s:
                with self._writing() as connection:
                    self.mark_activated(connection, each)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with store_errors(self._engine.url), for_writing(self._engine).begin() as connection:
            yield connection


@contextmanager
def _readable(epoch_id: int) -> Iterator[None]:
    try:
        yield
    except (RejectedRecord, msgspec.ValidationError) as error:
        raise ConfigurationError(
            f"epoch {epoch_id} in the store is not readable by this release ({error}); use "
            "the release and the schema registry that it was fitted with, or fit a new one"
        ) from None
