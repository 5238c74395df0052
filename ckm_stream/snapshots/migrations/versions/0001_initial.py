"""
Create the tables and views of version 0.1.

Written out, not taken from ``tables``: a revision stays what it was when the tables move on.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: Final = "0001"
down_revision: Final = None

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INSTANT: Final = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_DOCUMENT: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

_KEY_SOURCE: Final = """
CREATE VIEW key_source AS
SELECT
    rank() OVER (ORDER BY score.total DESC) AS place,
    score.customer_id,
    score.total,
    score.value,
    score.willingness,
    score.absorption,
    score.lead_user,
    score.engagement,
    score.as_of,
    profile.simulated
FROM current_score AS score
LEFT JOIN profile ON profile.customer_id = score.customer_id
WHERE score.source_class = 'key_source'
"""

_CLASS_SIZE: Final = """
CREATE VIEW class_size AS
SELECT source_class, count(*) AS customers, avg(total) AS mean_total
FROM current_score
GROUP BY source_class
"""


def upgrade() -> None:
    """Create everything."""
    _create_states()
    _create_scores()
    _create_knowledge()
    op.create_table(
        "sink_progress",
        sa.Column("topic", _TEXT, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name="pk_sink_progress"),
    )
    op.execute(_KEY_SOURCE)
    op.execute(_CLASS_SIZE)


def downgrade() -> None:
    """Drop everything; it can be rebuilt from the topics."""
    op.execute("DROP VIEW class_size")
    op.execute("DROP VIEW key_source")
    for table in (
        "sink_progress",
        "knowledge_item",
        "class_history",
        "current_score",
        "score",
        "employee",
        "profile",
    ):
        op.drop_table(table)


def _create_states() -> None:
    op.create_table(
        "profile",
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("changelog_offset", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("simulated", sa.Boolean, nullable=False),
        sa.Column("about_customer", _DOCUMENT, nullable=False),
        sa.Column("for_customer", _DOCUMENT, nullable=False),
        sa.Column("from_customer", _DOCUMENT, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_profile"),
    )
    op.create_table(
        "employee",
        sa.Column("employee_id", _TEXT, nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("changelog_offset", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("handled", sa.Double, nullable=False),
        sa.Column("noted", sa.Double, nullable=False),
        sa.Column("note_rate", sa.Double, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("employee_id", name="pk_employee"),
    )


def _create_scores() -> None:
    op.create_table(
        "score",
        *_score_columns(),
        sa.PrimaryKeyConstraint("customer_id", "version", "as_of", name="pk_score"),
    )
    op.create_table(
        "current_score",
        *_score_columns(),
        sa.PrimaryKeyConstraint("customer_id", name="pk_current_score"),
    )
    op.create_index("ix_current_score_total", "current_score", ["total"])
    op.create_index(
        "ix_current_score_source_class_total", "current_score", ["source_class", "total"]
    )
    op.create_table(
        "class_history",
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("previous_class", _TEXT),
        sa.Column("source_class", _TEXT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "version", "as_of", name="pk_class_history"),
    )


def _score_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("epoch_id", sa.BigInteger, nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("willingness", sa.Double, nullable=False),
        sa.Column("absorption", sa.Double, nullable=False),
        sa.Column("value_n_eff", sa.Double, nullable=False),
        sa.Column("willingness_n_eff", sa.Double, nullable=False),
        sa.Column("absorption_n_eff", sa.Double, nullable=False),
        sa.Column("source_class", _TEXT, nullable=False),
        sa.Column("previous_class", _TEXT),
        sa.Column("lead_user", sa.Boolean, nullable=False),
        sa.Column("engagement", _TEXT, nullable=False),
        sa.Column("engagement_reason", _TEXT, nullable=False),
        sa.Column("reference_total", sa.Double, nullable=False),
        sa.Column("factors", _DOCUMENT, nullable=False),
        sa.Column("event_id", _TEXT, nullable=False),
    ]


def _create_knowledge() -> None:
    op.create_table(
        "knowledge_item",
        sa.Column("item_id", _TEXT, nullable=False),
        sa.Column("customer_id", _TEXT, nullable=False),
        sa.Column("event_id", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("occurred_at", _INSTANT, nullable=False),
        sa.Column("section", _TEXT, nullable=False),
        sa.Column("form", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("subject_id", _TEXT, nullable=False),
        sa.Column("text", _TEXT),
        sa.Column("product", _TEXT),
        sa.Column("topics", _DOCUMENT, nullable=False),
        sa.Column("novelty", sa.Double),
        sa.Column("stage", _TEXT, nullable=False),
        sa.Column("externalised", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_knowledge_item"),
    )
    op.create_index(
        "ix_knowledge_item_customer_id_occurred_at",
        "knowledge_item",
        ["customer_id", "occurred_at"],
    )
