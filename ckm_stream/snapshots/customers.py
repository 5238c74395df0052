"""
One customer's profile as the store has it: a row for everything, in one statement.

It is what is waited for while the phone rings, so the ways to the database are counted.
"""

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from ckm_stream.domain.knowledge import Section
from ckm_stream.snapshots.columns import DOCUMENT, to_datetime
from ckm_stream.snapshots.stored import CustomerProfile, StoredItem, StoredScore, StoredSection
from ckm_stream.snapshots.tables import CURRENT_SCORE, KNOWLEDGE_ITEM, PROFILE

_NEWEST_ITEMS: Final = 10  # of each section
_OF_SCORE: Final = "score_"
_THE_CUSTOMER: Final = bindparam("customer_id", type_=PROFILE.c.customer_id.type)
_NEWEST_OF_SECTIONS: Final = union_all(
    *(
        select(
            select(KNOWLEDGE_ITEM)
            .where(KNOWLEDGE_ITEM.c.customer_id == _THE_CUSTOMER)
            .where(KNOWLEDGE_ITEM.c.section == section)
            .order_by(KNOWLEDGE_ITEM.c.occurred_at.desc(), KNOWLEDGE_ITEM.c.item_id)
            .limit(_NEWEST_ITEMS)
            .subquery(section.lower())
        )
        for section in Section
    )
).subquery("newest")


def _whole(dialect: str) -> Select[Any]:
    """
    Select a customer's profile, newest score and newest items in one row, the items as a document.

    A statement of their own would be another way to the database.
    """
    is_postgresql = dialect == "postgresql"
    names = [field.name for field in msgspec.structs.fields(StoredItem)]
    columns: dict[str, ColumnElement[Any]] = {
        name: _NEWEST_OF_SECTIONS.c[name] for name in (*names, "section")
    }
    if not is_postgresql:
        columns["topics"] = func.json(columns["topics"])
    pairs = [
        each for name, column in columns.items() for each in (literal_column(f"'{name}'"), column)
    ]
    listed = func.jsonb_agg(func.jsonb_build_object(*pairs), type_=DOCUMENT)
    if not is_postgresql:
        listed = func.json_group_array(func.json_object(*pairs), type_=DOCUMENT)
    return (
        select(
            *(column for column in PROFILE.c if column is not PROFILE.c.state),
            *(
                CURRENT_SCORE.c[field.name].label(f"{_OF_SCORE}{field.name}")
                for field in msgspec.structs.fields(StoredScore)
            ),
            select(listed).select_from(_NEWEST_OF_SECTIONS).scalar_subquery().label("items"),
        )
        .outerjoin(CURRENT_SCORE, CURRENT_SCORE.c.customer_id == PROFILE.c.customer_id)
        .where(PROFILE.c.customer_id == _THE_CUSTOMER)
    )


_WHOLE: Final = {name: _whole(name) for name in ("postgresql", "sqlite")}


def read_profile(connection: Connection, customer_id: str) -> CustomerProfile | None:
    """Return a customer's profile with the newest items and the newest score; None if unknown."""
    query = _WHOLE[connection.dialect.name]
    row = connection.execute(query, {"customer_id": customer_id}).one_or_none()
    if row is None:
        return None
    items: dict[str, list[StoredItem]] = {each: [] for each in Section}
    for item in _newest_first(row.items):
        items[item.pop("section")].append(msgspec.convert(item, StoredItem, strict=False))
    summaries = {
        Section.ABOUT: row.about_customer,
        Section.FOR: row.for_customer,
        Section.FROM: row.from_customer,
    }
    sections = {
        # JSONB has an order of its own: sorted, the answer is the same on both databases.
        each: StoredSection(summary=dict(sorted(summary.items())), items=items[each])
        for each, summary in summaries.items()
    }
    return CustomerProfile(
        customer_id=row.customer_id,
        version=row.version,
        as_of=to_datetime(row.as_of),
        simulated=row.simulated,
        about=sections[Section.ABOUT],
        for_=sections[Section.FOR],
        from_=sections[Section.FROM],
        score=_score_beside(row),
    )


def _newest_first(items: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    found = sorted(items or (), key=itemgetter("item_id"))
    for item in found:
        item["occurred_at"] = datetime.fromisoformat(item["occurred_at"]).astimezone(UTC)
    return sorted(found, key=itemgetter("occurred_at"), reverse=True)


def _score_beside(row: Any) -> StoredScore | None:  # noqa: ANN401 -- a row of the joined tables
    fields = {
        str(name).removeprefix(_OF_SCORE): value
        for name, value in row._mapping.items()  # noqa: SLF001 -- the public name of a row's mapping
        if str(name).startswith(_OF_SCORE)
    }
    if fields["customer_id"] is None:  # scores and profiles come by topics of their own
        return None
    return msgspec.convert(fields | {"as_of": to_datetime(fields["as_of"])}, StoredScore)
