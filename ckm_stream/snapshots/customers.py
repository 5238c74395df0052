"""
Profiles of customers as the store has them: a document each with everything, in one statement.

They are what is waited for while the phone rings. A second statement would be another way to the
database, and thirty columns take its reader twice the CPU time that one document does.
"""

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)

from ckm_stream.domain.knowledge import Section
from ckm_stream.snapshots.columns import without_nul
from ckm_stream.snapshots.stored import CustomerProfile, StoredItem, StoredScore, StoredSection
from ckm_stream.snapshots.tables import CURRENT_SCORE, KNOWLEDGE_ITEM, PROFILE

_NEWEST_ITEMS: Final = 10  # of each section
_SUMMARIES: Final = {
    Section.ABOUT: "about_customer",
    Section.FOR: "for_customer",
    Section.FROM: "from_customer",
}


def read_profiles(
    connection: Connection, customer_ids: Collection[str]
) -> dict[str, CustomerProfile]:
    """Return the profiles of those that are known, with the newest items and scores, by id."""
    query = _WHOLE[connection.dialect.name]
    documents = connection.scalars(
        query, {"customer_ids": [without_nul(each) for each in customer_ids]}
    )
    profiles = {profile.customer_id: profile for profile in map(_read, documents)}
    for profile in profiles.values():
        for section in (profile.about, profile.for_, profile.from_):
            _put_in_order(section)
    return profiles


#: SQLite writes what is true or false as a number.
_read: Final = msgspec.json.Decoder(CustomerProfile, strict=False).decode


def _put_in_order(section: StoredSection) -> None:
    """Sort what has no order in a document, so that the answer is the same on both databases."""
    section.items.sort(key=attrgetter("item_id"))
    section.items.sort(key=attrgetter("occurred_at"), reverse=True)
    fields = sorted(section.summary.items())
    section.summary.clear()
    section.summary.update(fields)


class _PostgreSQL:
    """Documents as PostgreSQL writes them."""

    @staticmethod
    def among(column: ColumnElement[str]) -> ColumnElement[bool]:
        return column == func.any(bindparam("customer_ids", type_=ARRAY(Text)))

    @staticmethod
    def value(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return column

    @staticmethod
    def object(*pairs: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.json_build_object(*pairs)

    @staticmethod
    def array(each: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.coalesce(func.json_agg(each), literal_column("'[]'::json"))

    @staticmethod
    def part(query: Select[Any]) -> ColumnElement[Any]:
        return query.scalar_subquery()


class _SQLite:
    """Documents as SQLite writes them: a part is text until ``json`` says what it is."""

    @staticmethod
    def among(column: ColumnElement[str]) -> ColumnElement[bool]:
        given = func.json_each(bindparam("customer_ids", type_=JSON))
        return column.in_(select(given.table_valued("value").c.value))

    @staticmethod
    def value(column: ColumnElement[Any]) -> ColumnElement[Any]:
        if isinstance(column.type, Double):
            # A document gets 15 digits of a number, a quotation as many as it takes.
            return case((column.is_not(None), func.json(func.quote(column))))
        return func.json(column) if isinstance(column.type, JSON) else column

    @staticmethod
    def object(*pairs: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.json_object(*pairs)

    @staticmethod
    def array(each: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.json_group_array(each)

    @staticmethod
    def part(query: Select[Any]) -> ColumnElement[Any]:
        return func.json(query.scalar_subquery())


_Dialect = type[_PostgreSQL | _SQLite]


def _whole(dialect: _Dialect) -> Select[Any]:
    """Select a document for each profile that is wanted."""
    of_profile = _fields(dialect, PROFILE, ("customer_id", "version", "as_of", "simulated"))
    sections = {
        section.lower(): _object(
            dialect,
            {
                "summary": dialect.value(PROFILE.c[summary]),
                "items": dialect.part(_newest(dialect, section)),
            },
        )
        for section, summary in _SUMMARIES.items()
    }
    names = msgspec.structs.fields(StoredScore)
    score = _object(dialect, _fields(dialect, CURRENT_SCORE, (each.name for each in names)))
    of_customer = select(score).where(CURRENT_SCORE.c.customer_id == PROFILE.c.customer_id)
    whole = of_profile | sections | {"score": dialect.part(of_customer)}
    return select(cast(_object(dialect, whole), Text)).where(dialect.among(PROFILE.c.customer_id))


def _newest(dialect: _Dialect, section: Section) -> Select[Any]:
    """Select a list of the newest items of *section*."""
    names = [each.name for each in msgspec.structs.fields(StoredItem)]
    newest = (
        select(*(KNOWLEDGE_ITEM.c[name] for name in names))
        .where(KNOWLEDGE_ITEM.c.customer_id == PROFILE.c.customer_id)
        .where(KNOWLEDGE_ITEM.c.section == section)
        .order_by(KNOWLEDGE_ITEM.c.occurred_at.desc(), KNOWLEDGE_ITEM.c.item_id)
        .limit(_NEWEST_ITEMS)
        .correlate(PROFILE)
        .subquery("newest")
    )
    return select(dialect.array(_object(dialect, _fields(dialect, newest, names))))


def _fields(
    dialect: _Dialect, table: FromClause, names: Iterable[str]
) -> dict[str, ColumnElement[Any]]:
    return {name: dialect.value(table.c[name]) for name in names}


def _object(dialect: _Dialect, parts: dict[str, ColumnElement[Any]]) -> ColumnElement[Any]:
    named: Iterable[tuple[ColumnElement[Any], ...]] = (
        (literal_column(f"'{name}'"), part) for name, part in parts.items()
    )
    return dialect.object(*(each for pair in named for each in pair))


_WHOLE: Final = {"postgresql": _whole(_PostgreSQL), "sqlite": _whole(_SQLite)}
