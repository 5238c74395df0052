"""
The tables of the store; analysts may read them.

The snapshot worker alone writes all but two, and each row is a function of one topic: ``profile``
and ``employee`` of the changelogs, the scores and the class history of the score updates,
``knowledge_item`` of the knowledge items. ``epoch`` is written by `ckm epoch`, ``access_token`` by
`ckm tokens`, and is not for analysts. There are no foreign
keys, because the topics arrive in any order of one another. Times are instants in UTC
(``columns``), money is in minor units. Four views are made by migrations: ``key_source``,
``class_size``, ``score_factor``, and ``compatibility``, the oldest revision whose programs may use
these tables.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from ckm_stream.snapshots.columns import DOCUMENT, Instant, PlainText, list_of

#: The revisions in ``migrations/versions``, oldest first; the last one makes these tables.
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "ix": "ix_%(table_name)s_%(column_0_N_name)s"}
)


def _key(name: str, kind: Any = PlainText) -> Column[Any]:  # noqa: ANN401 -- a column type or its class
    return Column(name, kind, primary_key=True)


def _filled(name: str, kind: Any) -> Column[Any]:  # noqa: ANN401 -- a column type or its class
    return Column(name, kind, nullable=False)


def _score_columns() -> list[Column[Any]]:
    """Return what a score update carries beside (customer_id, version, as_of, epoch_id)."""
    return [
        _filled("reason", PlainText),
        _filled("total", Double),
        _filled("value", Double),
        _filled("willingness", Double),
        _filled("absorption", Double),
        _filled("value_n_eff", Double),
        _filled("willingness_n_eff", Double),
        _filled("absorption_n_eff", Double),
        _filled("source_class", PlainText),
        Column("previous_class", PlainText),
        _filled("lead_user", Boolean),
        _filled("engagement", PlainText),
        _filled("engagement_reason", PlainText),
        _filled("reference_total", Double),
        # Only programs of revisions up to 0004 fill it.
        _filled("factors", DOCUMENT),
        _filled("event_id", PlainText),
    ]


#: What a score is made of, one list for each field of ``Factor``, all in one order. As documents
#: they cost PostgreSQL four times as much as all the rest of a score (docs/performance.md).
FACTOR_COLUMNS: Final = {
    "factor_indicators": "indicator",
    "factor_values": "value",
    "factor_normalised": "normalised",
    "factor_weights": "weight",
    "factor_contributions": "contribution",
    "factor_half_lives_s": "half_life_s",
    "factor_n_eff": "n_eff",
    "factor_event_ids": "newest_event_id",
}
_FACTOR_TYPES: Final = {"indicator": Text, "half_life_s": BigInteger, "newest_event_id": Text}


def _factor_columns() -> list[Column[Any]]:
    """Return the lists of factors; null in rows of programs of revisions up to 0004."""
    return [
        Column(name, list_of(_FACTOR_TYPES.get(field, Double)))
        for name, field in FACTOR_COLUMNS.items()
    ]


# One row per customer: the newest state in the changelog, and what can be read from it.
# ``simulated`` says that at least one of the customer's events came from the source "simulated".
PROFILE: Final = Table(
    "profile",
    METADATA,
    _key("customer_id"),
    _filled("partition", Integer),
    _filled("changelog_offset", BigInteger),
    _filled("version", BigInteger),
    _filled("as_of", Instant),
    _filled("simulated", Boolean),
    _filled("about_customer", DOCUMENT),
    _filled("for_customer", DOCUMENT),
    _filled("from_customer", DOCUMENT),
    _filled("state", LargeBinary),
)

# Hardly anybody is, outside of a demo: who looks for one must not read them all.
Index(
    "ix_profile_simulated",
    PROFILE.c.simulated,
    postgresql_where=PROFILE.c.simulated,
    sqlite_where=PROFILE.c.simulated,
)

# Every score that was announced, with its explanation as it was sent. The view ``score_factor`` has
# a row for each factor.
SCORE: Final = Table(
    "score",
    METADATA,
    _key("customer_id"),
    _key("version", BigInteger),
    _key("as_of", Instant),
    _key("epoch_id", BigInteger),
    *_score_columns(),
    *_factor_columns(),
)

# The announced score with the greatest (version, as_of, epoch_id) of each customer; its factors are
# in ``score``, which has it too.
CURRENT_SCORE: Final = Table(
    "current_score",
    METADATA,
    _key("customer_id"),
    _filled("version", BigInteger),
    _filled("as_of", Instant),
    _filled("epoch_id", BigInteger),
    *_score_columns(),
)
Index(None, CURRENT_SCORE.c.total)
Index(None, CURRENT_SCORE.c.source_class, CURRENT_SCORE.c.total)

# Every change of class that was announced; ``previous_class`` is null for the first class. The
# default epoch is for programs of revision 0001, which know no other.
CLASS_HISTORY: Final = Table(
    "class_history",
    METADATA,
    _key("customer_id"),
    _key("version", BigInteger),
    _key("as_of", Instant),
    Column("epoch_id", BigInteger, primary_key=True, server_default="0"),
    Column("previous_class", PlainText),
    _filled("source_class", PlainText),
    _filled("reason", PlainText),
)

KNOWLEDGE_ITEM: Final = Table(
    "knowledge_item",
    METADATA,
    _key("item_id"),
    _filled("customer_id", PlainText),
    _filled("event_id", PlainText),
    _filled("source", PlainText),
    _filled("occurred_at", Instant),
    _filled("section", PlainText),
    _filled("form", PlainText),
    _filled("kind", PlainText),
    _filled("subject_id", PlainText),
    Column("text", PlainText),
    Column("product", PlainText),
    _filled("topics", DOCUMENT),
    Column("novelty", Double),
    _filled("stage", PlainText),
    _filled("externalised", Boolean),
)
Index(None, KNOWLEDGE_ITEM.c.customer_id, KNOWLEDGE_ITEM.c.occurred_at)

# ``handled`` and ``noted`` are decayed counts as of ``as_of``; ``note_rate`` is a shrunk rate.
EMPLOYEE: Final = Table(
    "employee",
    METADATA,
    _key("employee_id"),
    _filled("partition", Integer),
    _filled("changelog_offset", BigInteger),
    _filled("version", BigInteger),
    _filled("as_of", Instant),
    _filled("handled", Double),
    _filled("noted", Double),
    _filled("note_rate", Double),
    _filled("state", LargeBinary),
)

# The first offset of each topic partition that is not in the store yet; the fence of promise P4.
SINK_PROGRESS: Final = Table(
    "sink_progress",
    METADATA,
    _key("topic"),
    _key("partition", Integer),
    _filled("next_offset", BigInteger),
)

# Every epoch that was fitted. ``announcement`` is its value on the epoch topic, framed, or what it
# would be; ``effective_from`` is null until it is announced: the topic decides, this follows.
# ``diagnostics`` say how it came about (``population.report``), and are kept nowhere else.
EPOCH: Final = Table(
    "epoch",
    METADATA,
    Column("epoch_id", BigInteger, primary_key=True, autoincrement=False),
    _filled("as_of", Instant),
    _filled("customers", BigInteger),
    Column("effective_from", Instant),
    _filled("announcement", LargeBinary),
    _filled("diagnostics", DOCUMENT),
)

# Who may use the HTTP gateway; written by `ckm tokens` alone. The secret's SHA-256 is kept, the
# secret is not; ``scopes`` is a list of publish, read and admin.
ACCESS_TOKEN: Final = Table(
    "access_token",
    METADATA,
    _key("token_id"),
    _filled("name", PlainText),
    _filled("secret_hash", PlainText),
    _filled("scopes", DOCUMENT),
    _filled("created_at", Instant),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)
