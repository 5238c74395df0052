"""
Read the store: the ranking, one customer, and why a score is what it is.

Explanations are read back as they were announced, never computed again (SCORING rule 7).
"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Row, Select, and_, false, func, select

from ckm_stream.domain.score import SourceClass, largest_first
from ckm_stream.snapshots.customers import read_profiles
from ckm_stream.snapshots.errors import connection_errors
from ckm_stream.snapshots.stored import (
    ClassChange,
    ClassSize,
    ExplainedScore,
    KnownCustomer,
    RankedSource,
    StoredProfile,
    StoredScore,
    fields_of,
)
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    FACTOR_COLUMNS,
    PROFILE,
    SCORE,
)

_NEWEST_SCORES: Final = 20


def top(engine: Engine, limit: int, source_class: SourceClass | None = None) -> list[RankedSource]:
    """
    Return the *limit* customers with the greatest total, of one class if given.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    query = (
        current_scores()
        .order_by(CURRENT_SCORE.c.total.desc(), CURRENT_SCORE.c.customer_id)
        .limit(limit)
    )
    if source_class is not None:
        query = query.where(CURRENT_SCORE.c.source_class == source_class)
    with connection_errors(engine.url), engine.connect() as connection:
        rows = connection.execute(query).all()
    return [
        msgspec.convert({**fields_of(row), "place": place}, RankedSource)
        for place, row in enumerate(rows, start=1)
    ]


def explain(engine: Engine, customer_id: str) -> ExplainedScore | None:
    """
    Return the newest announced score of a customer and its explanation; None if unknown.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with connection_errors(engine.url), engine.connect() as connection:
        return read_explained(connection, customer_id)


def read_explained(connection: Connection, customer_id: str) -> ExplainedScore | None:
    """Return the newest announced score of a customer, factors by their size; None if unknown."""
    same = (CURRENT_SCORE.c[column.name] == column for column in SCORE.primary_key.columns)
    query = (
        current_scores()
        .add_columns(*(SCORE.c[name] for name in FACTOR_COLUMNS))
        .outerjoin(SCORE, and_(*same))
        .where(CURRENT_SCORE.c.customer_id == customer_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    score = msgspec.convert({**fields_of(row), "factors": _factors(row)}, ExplainedScore)
    return msgspec.structs.replace(score, factors=largest_first(score.factors))


def show(engine: Engine, customer_id: str) -> StoredProfile | None:
    """
    Return what is known about, for and from a customer; None if unknown.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with connection_errors(engine.url), engine.connect() as connection:
        profile = read_profiles(connection, [customer_id]).get(customer_id)
        if profile is None:
            return None
        known = {each: getattr(profile, each) for each in KnownCustomer.__struct_fields__}
        return StoredProfile(
            **known,
            scores=_scores(connection, customer_id),
            classes=_classes(connection, customer_id),
        )


def class_counts(engine: Engine) -> list[ClassSize]:
    """
    Return the number of customers in each class that has any, largest first.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with connection_errors(engine.url), engine.connect() as connection:
        return read_sizes(connection)


def read_sizes(connection: Connection) -> list[ClassSize]:
    """Return the number of customers in each class that has any, largest first."""
    customers = func.count().label("customers")
    query = (
        select(CURRENT_SCORE.c.source_class, customers)
        .group_by(CURRENT_SCORE.c.source_class)
        .order_by(customers.desc(), CURRENT_SCORE.c.source_class)
    )
    return [
        ClassSize(source_class=row.source_class, customers=row.customers)
        for row in connection.execute(query)
    ]


def current_scores() -> Select[Any]:
    """Select the newest announced score of everybody, and whether any event is simulated."""
    # The score may be in the store before the profile: their topics are read side by side.
    simulated = func.coalesce(PROFILE.c.simulated, false()).label("simulated")
    return select(CURRENT_SCORE, simulated).outerjoin(
        PROFILE, PROFILE.c.customer_id == CURRENT_SCORE.c.customer_id
    )


def _factors(row: Row[Any]) -> list[dict[str, Any]]:
    """Return the factors of a score in the order that they were announced in."""
    lists = [row._mapping[name] for name in FACTOR_COLUMNS]  # noqa: SLF001 -- as above
    if lists[0] is None:  # written by a program of a revision up to 0004
        factors: list[dict[str, Any]] = row.factors
        return factors
    return [
        dict(zip(FACTOR_COLUMNS.values(), values, strict=True))
        for values in zip(*lists, strict=True)
    ]


def _scores(connection: Connection, customer_id: str) -> list[StoredScore]:
    query = (
        select(SCORE)
        .where(SCORE.c.customer_id == customer_id)
        .order_by(SCORE.c.version.desc(), SCORE.c.as_of.desc(), SCORE.c.epoch_id.desc())
        .limit(_NEWEST_SCORES)
    )
    return [msgspec.convert(fields_of(row), StoredScore) for row in connection.execute(query)]


def _classes(connection: Connection, customer_id: str) -> list[ClassChange]:
    query = (
        select(CLASS_HISTORY)
        .where(CLASS_HISTORY.c.customer_id == customer_id)
        .order_by(
            CLASS_HISTORY.c.version.desc(),
            CLASS_HISTORY.c.as_of.desc(),
            CLASS_HISTORY.c.epoch_id.desc(),
        )
    )
    return [msgspec.convert(fields_of(row), ClassChange) for row in connection.execute(query)]
