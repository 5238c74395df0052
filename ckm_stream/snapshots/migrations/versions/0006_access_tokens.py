"""
Keep the tokens of the HTTP gateway; find simulated customers without reading all.

Expand: programs of older revisions know neither and leave them alone.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from ckm_stream.snapshots.migrations.bounds import is_postgresql, without_bounds

revision: Final = "0006"
down_revision: Final = "0005"

_INSTANT: Final = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_DOCUMENT: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_INDEX: Final = "ix_profile_simulated"


def upgrade() -> None:
    """Create the table and the index."""
    text = sa.Text(collation="C") if is_postgresql() else sa.Text()
    # One that was broken off while it built the index begins anew.
    op.create_table(
        "access_token",
        sa.Column("token_id", text, nullable=False),
        sa.Column("name", text, nullable=False),
        sa.Column("secret_hash", text, nullable=False),
        sa.Column("scopes", _DOCUMENT, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT),
        sa.Column("revoked_at", _INSTANT),
        sa.PrimaryKeyConstraint("token_id", name="pk_access_token"),
        if_not_exists=True,
    )
    if not is_postgresql():
        op.execute(f"CREATE INDEX {_INDEX} ON profile (simulated) WHERE simulated")
        return
    with without_bounds():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")
        op.execute(f"CREATE INDEX CONCURRENTLY {_INDEX} ON profile (simulated) WHERE simulated")


def downgrade() -> None:
    """Drop both; tokens have to be made anew."""
    if is_postgresql():
        with without_bounds():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_INDEX}")
    else:
        op.execute(f"DROP INDEX {_INDEX}")
    op.drop_table("access_token", if_exists=True)
