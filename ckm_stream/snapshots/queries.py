"""
Read the store: the ranking, one customer, and why a score is what it is.

Explanations are read back as they were announced, never computed again (SCORING rule 7). Results
are values that encode as JSON; their fields are the stable output of ``ckm top|show|explain
--json``. Times are UTC.
"""

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, Row, Select, and_, false, func, select

from ckm_stream.domain.knowledge import Section
from ckm_stream.domain.score import Factor, SourceClass
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.errors import connection_errors
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    FACTOR_COLUMNS,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
)

_NEWEST_ITEMS: Final = 10  # per section
_NEWEST_SCORES: Final = 20


class StoredScore(msgspec.Struct, frozen=True, kw_only=True):
    """An announced score; dimensions and total lie in [0.01, 1]."""

    customer_id: str
    version: int
    as_of: datetime
    reason: str
    epoch_id: int
    total: float
    value: float
    willingness: float
    absorption: float
    value_n_eff: float
    willingness_n_eff: float
    absorption_n_eff: float
    source_class: str
    previous_class: str | None
    lead_user: bool
    engagement: str
    engagement_reason: str
    event_id: str


class RankedSource(StoredScore, frozen=True, kw_only=True):
    """A place in the ranking, from 1; ``simulated`` if any of the customer's events is."""

    place: int
    simulated: bool


class ExplainedScore(StoredScore, frozen=True, kw_only=True):
    """
    The newest announced score with its explanation.

    The contributions of *factors*, largest first, add up to ln(total) - ln(reference_total).
    """

    simulated: bool
    reference_total: float
    factors: tuple[Factor, ...]


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """An announced change of class; ``previous_class`` is None for the first."""

    version: int
    as_of: datetime
    previous_class: str | None
    source_class: str
    reason: str


class StoredItem(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge item; ``source`` is the system that published its event."""

    item_id: str
    event_id: str
    source: str
    occurred_at: datetime
    form: str
    kind: str
    subject_id: str
    text: str | None
    product: str | None
    topics: tuple[str, ...]
    novelty: float | None
    stage: str
    externalised: bool


class StoredSection(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of the knowledge: what the profile sums up, and the newest items."""

    summary: dict[str, Any]
    items: list[StoredItem]


class LifetimeValue(msgspec.Struct, frozen=True, kw_only=True):
    """
    A customer's expected buying, by a model.

    Attributes:
        epoch_id: The epoch whose models these are.
        model: The model of buying: of those fitted, the one that made the data likeliest.
        as_of_s: The end of observation, Unix seconds: the epoch's, or the newest event if later.
        horizon_weeks: How far ahead is looked.
        probability_alive: That the customer has not left for good, 0..1.
        expected_purchases: Days with a purchase within the horizon.
        expected_margin: Their discounted margin, in minor units.
    """

    epoch_id: int
    model: str
    as_of_s: int
    horizon_weeks: int
    probability_alive: float
    expected_purchases: float
    expected_margin: int


class StoredProfile(
    msgspec.Struct, frozen=True, kw_only=True, rename={"for_": "for", "from_": "from"}
):
    """
    A customer's profile as of its newest event, with the newest scores and all classes.

    ``lifetime`` is None unless it was asked for and an activated epoch can price it.
    """

    customer_id: str
    version: int
    as_of: datetime
    simulated: bool
    about: StoredSection
    for_: StoredSection
    from_: StoredSection
    scores: list[StoredScore]
    classes: list[ClassChange]
    lifetime: LifetimeValue | None = None


class ClassSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers are in a class."""

    source_class: str
    customers: int


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
    same = (CURRENT_SCORE.c[column.name] == column for column in SCORE.primary_key.columns)
    query = (
        current_scores()
        .add_columns(*(SCORE.c[name] for name in FACTOR_COLUMNS))
        .outerjoin(SCORE, and_(*same))
        .where(CURRENT_SCORE.c.customer_id == customer_id)
    )
    with connection_errors(engine.url), engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        return None
    score = msgspec.convert({**fields_of(row), "factors": _factors(row)}, ExplainedScore)
    largest_first = sorted(score.factors, key=lambda each: -abs(each.contribution))
    return msgspec.structs.replace(score, factors=tuple(largest_first))


def show(engine: Engine, customer_id: str) -> StoredProfile | None:
    """
    Return what is known about, for and from a customer; None if unknown.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with connection_errors(engine.url), engine.connect() as connection:
        profile = connection.execute(
            select(PROFILE).where(PROFILE.c.customer_id == customer_id)
        ).one_or_none()
        if profile is None:
            return None
        return StoredProfile(
            customer_id=profile.customer_id,
            version=profile.version,
            as_of=to_datetime(profile.as_of),
            simulated=profile.simulated,
            about=_section(connection, customer_id, Section.ABOUT, profile.about_customer),
            for_=_section(connection, customer_id, Section.FOR, profile.for_customer),
            from_=_section(connection, customer_id, Section.FROM, profile.from_customer),
            scores=_scores(connection, customer_id),
            classes=_classes(connection, customer_id),
        )


def class_counts(engine: Engine) -> list[ClassSize]:
    """
    Return the number of customers in each class that has any, largest first.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    customers = func.count().label("customers")
    query = (
        select(CURRENT_SCORE.c.source_class, customers)
        .group_by(CURRENT_SCORE.c.source_class)
        .order_by(customers.desc(), CURRENT_SCORE.c.source_class)
    )
    with connection_errors(engine.url), engine.connect() as connection:
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


def fields_of(row: Row[Any]) -> dict[str, Any]:
    """Return the columns of *row*, instants as datetimes."""
    fields = {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001 -- the public name of a row's mapping
    for name in ("as_of", "occurred_at"):
        if name in fields:
            fields[name] = to_datetime(fields[name])
    return fields


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


def _section(
    connection: Connection, customer_id: str, section: Section, summary: dict[str, Any]
) -> StoredSection:
    query = (
        select(KNOWLEDGE_ITEM)
        .where(KNOWLEDGE_ITEM.c.customer_id == customer_id, KNOWLEDGE_ITEM.c.section == section)
        .order_by(KNOWLEDGE_ITEM.c.occurred_at.desc(), KNOWLEDGE_ITEM.c.item_id)
        .limit(_NEWEST_ITEMS)
    )
    items = [msgspec.convert(fields_of(row), StoredItem) for row in connection.execute(query)]
    # JSONB has an order of its own: sorted, the output is the same on both databases.
    return StoredSection(summary=dict(sorted(summary.items())), items=items)


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
