"""
The population that an epoch is fitted to: every state in the store, at one moment of the database.

A fit reads all customers twice. What the snapshot workers write meanwhile is seen by neither pass,
so that both are of the same customers; memory holds one batch, whatever the population.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    cast,
    func,
    select,
    text,
)

from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.domain.days import DAY_S
from ckm_stream.domain.employee import decayed_contacts
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.policy import Policy
from ckm_stream.lifetime.histories import Histories, Spends, histories_of_weeks
from ckm_stream.population.employees import EmployeeContacts
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.tables import EMPLOYEE, PROFILE

_BATCH: Final = 1_000
_WEEK_S: Final = 7 * DAY_S
_CELL: Final = 4  # first week, repeats, last week, customers

# A fit of a million customers computes for longer than 15 s, a worker's bound, between two reads.
# What it holds meanwhile is a snapshot: vacuum waits for it, and writers do not.
_MAY_IDLE: Final = "SET LOCAL idle_in_transaction_session_timeout = '600s'"


class StoredPopulation:
    """Customers and employees as one transaction sees them."""

    def __init__(self, connection: Connection, policy: Policy) -> None:
        self._connection = connection
        self._policy = policy

    @property
    def newest_event_s(self) -> int | None:
        """The newest event of anybody, in Unix seconds; None if there is none."""
        ask = self._connection.scalar
        newest = [ask(select(func.max(table.c.as_of))) for table in (PROFILE, EMPLOYEE)]
        return max((each // MICROS for each in newest if each is not None), default=None)

    def counts(self) -> tuple[int, int]:
        """Return how many customers there are, and of how many at least one event is simulated."""
        customers = select(func.count()).select_from(PROFILE)
        count, simulated = (
            self._connection.scalar(query)
            for query in (customers, customers.where(PROFILE.c.simulated))
        )
        return count or 0, simulated or 0

    def customers(self) -> Iterator[tuple[str, Facts]]:
        """
        Yield all customers with their ids; each call is a new pass.

        Raises:
            ConfigurationError: If a state was written under another policy or layout.
        """
        for customer_id, state in self._states(PROFILE, PROFILE.c.customer_id):
            yield customer_id, decode_state(state, self._policy).facts

    def employees(self, as_of_s: int) -> Iterator[EmployeeContacts]:
        """
        Yield all employees, their contacts decayed to a Unix second.

        Raises:
            ConfigurationError: If a state was written under another policy or layout.
        """
        for employee_id, data in self._states(EMPLOYEE, EMPLOYEE.c.employee_id):
            state = decode_employee(data, self._policy)
            yield EmployeeContacts(
                employee_id, *decayed_contacts(state, as_of_s=as_of_s, policy=self._policy)
            )

    def histories(self, end_s: int) -> Histories | None:
        """
        Return who bought how often, in which weeks: grouped by the database, a row per cell.

        Args:
            end_s: The end of observation, at or after the newest event, in Unix seconds.
        """
        first, last = (_number(each) // _WEEK_S for each in ("first_purchase_s", "last_purchase_s"))
        days = _number("purchase_days")
        cells = (
            select(first, days - 1, last, func.count()).where(days > 0).group_by(first, days, last)
        )
        rows = self._connection.execute(cells.order_by(first, days, last)).all()
        if not rows:
            return None
        weeks = [[float(row[place]) for row in rows] for place in range(_CELL)]
        return histories_of_weeks(*weeks, end_day=end_s // DAY_S)

    def spends(self) -> Spends | None:
        """Return how many days everybody who has paid bought on, and the mean in minor units."""
        days, total = _number("purchase_days"), _number("order_amount")
        paid = select(days, total).where(days > 0, total > 0).order_by(PROFILE.c.customer_id)
        rows = self._connection.execute(paid).all()
        if not rows:
            return None
        return Spends.of([row[0] for row in rows], [row[1] / row[0] for row in rows])

    def _states(self, table: Table, key: Column[Any]) -> Iterator[tuple[str, bytes]]:
        """Yield keys and states in the keys' order, a batch a query."""
        query = select(key, table.c.state).order_by(key).limit(_BATCH)
        rows = self._connection.execute(query).all()
        while rows:
            yield from ((row[0], row[1]) for row in rows)
            rows = self._connection.execute(query.where(key > rows[-1][0])).all()


def _number(name: str) -> ColumnElement[int]:
    """Return an integer of the profile's section about the customer; NULL if it is not known."""
    return cast(PROFILE.c.about_customer[name].as_string(), BigInteger)


@contextmanager
def stored_population(engine: Engine, policy: Policy) -> Iterator[StoredPopulation]:
    """
    Give the population at this moment, for as long as the block.

    Raises:
        ConfigurationError: If we may not read the store.
        TransientError: If the database is unavailable for now.
    """
    is_postgresql = engine.dialect.name == "postgresql"
    if is_postgresql:
        # SQLite reads one moment in every transaction.
        engine = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    with store_errors(engine.url), engine.begin() as connection:
        if is_postgresql:
            connection.execute(text(_MAY_IDLE))
        yield StoredPopulation(connection, policy)
