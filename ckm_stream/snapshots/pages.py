"""
Read the store a page at a time, for services and the console: customers, ranking, history.

A cursor names the row that a page ended with, so that the next one begins behind it however the
rows have changed meanwhile, at the same cost on the first page and the thousandth.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Engine, Select, Table, and_, literal, or_, select, tuple_

from ckm_stream.domain.knowledge import Section
from ckm_stream.domain.score import SourceClass
from ckm_stream.snapshots.columns import to_micros
from ckm_stream.snapshots.customers import read_profiles
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.queries import current_scores, read_explained
from ckm_stream.snapshots.stored import (
    ClassChange,
    CustomerProfile,
    ExplainedScore,
    RankedSource,
    StoredItem,
    StoredScore,
    fields_of,
)
from ckm_stream.snapshots.tables import CLASS_HISTORY, CURRENT_SCORE, KNOWLEDGE_ITEM, SCORE

T = TypeVar("T")

#: What the databases can hold; a cursor may have been changed.
_Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
_Micros = Annotated[
    int,
    msgspec.Meta(
        ge=to_micros(datetime.min.replace(tzinfo=UTC)),
        le=to_micros(datetime.max.replace(tzinfo=UTC)),
    ),
]
_GREATEST: Final = "\U0010ffff"


class CursorError(ValueError):
    """A cursor that none of ours is."""


class Page(msgspec.Struct, frozen=True):
    """Rows, and the cursor of those behind them; None at the end."""

    rows: list[Any]
    next_cursor: str | None


class SourceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """
    Which customers of the ranking: all that is given must hold.

    Attributes:
        source_class: Of this class.
        lead_user: Lead users, or all others.
        min_total: With at least this total, 0.01..1.
        id_prefix: Whose id begins so.
    """

    source_class: SourceClass | None = None
    lead_user: bool | None = None
    min_total: float | None = None
    id_prefix: str | None = None


class SectionItem(StoredItem, frozen=True, kw_only=True):
    """A knowledge item, and which direction of the knowledge it is of."""

    section: str


class History(msgspec.Struct, frozen=True):
    """Announced scores and changes of class, newest first."""

    scores: list[StoredScore]
    classes: list[ClassChange]
    next_cursor: str | None


def profiles(engine: Engine, customer_ids: Collection[str]) -> dict[str, CustomerProfile]:
    """
    Return the profiles of those customers that are known, by id, in one statement.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    with store_errors(engine.url), engine.connect() as connection:
        return read_profiles(connection, customer_ids)


def announced(engine: Engine, customer_id: str) -> ExplainedScore | None:
    """
    Return a customer's newest announced score with its explanation; None if unknown.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    with store_errors(engine.url), engine.connect() as connection:
        return read_explained(connection, customer_id)


def ranking(engine: Engine, which: SourceFilter, *, limit: int, cursor: str | None) -> Page:
    """
    Return a page of the customers with the greatest totals; rows are ``RankedSource``.

    Places count the customers that the filter lets through.

    Raises:
        CursorError: If the cursor is not one of this ranking's.
        TransientError: If the database is unavailable for now.
    """
    total, customer_id = CURRENT_SCORE.c.total, CURRENT_SCORE.c.customer_id
    query = current_scores().order_by(total.desc(), customer_id).limit(limit + 1)
    query = query.where(*_conditions(which))
    place = 0
    if cursor is not None:
        place, last_total, last_id = _decode(cursor, tuple[_Number, float, str])
        query = query.where(
            or_(total < last_total, and_(total == last_total, customer_id > last_id))
        )
    rows = _fetch(engine, query)
    ranked = [
        msgspec.convert({**fields_of(row), "place": number}, RankedSource)
        for number, row in enumerate(rows[:limit], start=place + 1)
    ]
    return _page(ranked, rows, limit, lambda last: (last.place, last.total, last.customer_id))


def history(engine: Engine, customer_id: str, *, limit: int, cursor: str | None) -> History:
    """
    Return announced scores of a customer, newest first, and the changes of class in their span.

    Raises:
        CursorError: If the cursor is not one of a history's.
        TransientError: If the database is unavailable for now.
    """
    before = None if cursor is None else _decode(cursor, tuple[_Number, _Micros, _Number])
    scores = _of_customer(SCORE, customer_id, before).limit(limit + 1)
    with store_errors(engine.url), engine.connect() as connection:
        rows = connection.execute(scores).all()
        changes = _of_customer(CLASS_HISTORY, customer_id, before)
        if len(rows) > limit:
            changes = changes.where(_place(CLASS_HISTORY) >= _place_of(rows[limit - 1]))
        classes = connection.execute(changes).all()
    next_cursor = _encode(_key_of(rows[limit - 1])) if len(rows) > limit else None
    return History(
        scores=[msgspec.convert(fields_of(row), StoredScore) for row in rows[:limit]],
        classes=[msgspec.convert(fields_of(row), ClassChange) for row in classes],
        next_cursor=next_cursor,
    )


def items(
    engine: Engine, customer_id: str, section: Section | None, *, limit: int, cursor: str | None
) -> Page:
    """
    Return knowledge items of a customer, newest first; rows are ``SectionItem``.

    Raises:
        CursorError: If the cursor is not one of these pages'.
        TransientError: If the database is unavailable for now.
    """
    occurred_at, item_id = KNOWLEDGE_ITEM.c.occurred_at, KNOWLEDGE_ITEM.c.item_id
    query = (
        select(KNOWLEDGE_ITEM)
        .where(KNOWLEDGE_ITEM.c.customer_id == customer_id)
        .order_by(occurred_at.desc(), item_id)
        .limit(limit + 1)
    )
    if section is not None:
        query = query.where(KNOWLEDGE_ITEM.c.section == section)
    if cursor is not None:
        micros, last_id = _decode(cursor, tuple[_Micros, str])
        query = query.where(
            or_(occurred_at < micros, and_(occurred_at == micros, item_id > last_id))
        )
    rows = _fetch(engine, query)
    converted = [
        msgspec.convert({**fields_of(row), "section": row.section.lower()}, SectionItem)
        for row in rows[:limit]
    ]
    return _page(
        converted, rows, limit, lambda _: (rows[limit - 1].occurred_at, rows[limit - 1].item_id)
    )


def _conditions(which: SourceFilter) -> list[ColumnElement[bool]]:
    columns = CURRENT_SCORE.c
    conditions: list[ColumnElement[bool]] = []
    if which.source_class is not None:
        conditions.append(columns.source_class == which.source_class)
    if which.lead_user is not None:
        conditions.append(columns.lead_user.is_(which.lead_user))
    if which.min_total is not None:
        conditions.append(columns.total >= which.min_total)
    if which.id_prefix:
        # Not LIKE: ids are compared byte by byte, and hold its wildcards as they please.
        conditions.append(columns.customer_id >= which.id_prefix)
        conditions.append(columns.customer_id < which.id_prefix + _GREATEST)
    return conditions


def _fetch(engine: Engine, query: Select[Any]) -> Sequence[Any]:
    with store_errors(engine.url), engine.connect() as connection:
        return connection.execute(query).all()


def _page(
    converted: list[Any], rows: Sequence[Any], limit: int, key: Callable[[Any], tuple[Any, ...]]
) -> Page:
    more = len(rows) > limit
    return Page(converted, _encode(key(converted[-1])) if more else None)


def _encode(key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def _decode(cursor: str, kind: type[T]) -> T:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=kind)
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise CursorError("the cursor is not one that a page of this list ended with") from None


def _of_customer(
    table: Table, customer_id: str, before: tuple[int, int, int] | None
) -> Select[Any]:
    query = (
        select(table)
        .where(table.c.customer_id == customer_id)
        .order_by(table.c.version.desc(), table.c.as_of.desc(), table.c.epoch_id.desc())
    )
    return query if before is None else query.where(_place(table) < _place_at(*before))


def _place(table: Table) -> ColumnElement[Any]:
    return tuple_(table.c.version, table.c.as_of, table.c.epoch_id)


def _place_at(version: int, as_of: int, epoch_id: int) -> ColumnElement[Any]:
    instant = literal(as_of, SCORE.c.as_of.type)
    return tuple_(literal(version), instant, literal(epoch_id))


def _key_of(row: Any) -> tuple[int, int, int]:  # noqa: ANN401 -- a row of either table
    return row.version, row.as_of, row.epoch_id


def _place_of(row: Any) -> ColumnElement[Any]:  # noqa: ANN401 -- likewise
    return _place_at(*_key_of(row))
