"""
Keep the epochs that were fitted, with how each came about.

Expand: programs of older revisions do not know the table and leave it alone, also when they empty
the store.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: Final = "0004"
down_revision: Final = "0003"

_INSTANT: Final = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
_DOCUMENT: Final = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the table; which programs the others suit stays as it is."""
    op.create_table(
        "epoch",
        sa.Column("epoch_id", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("as_of", _INSTANT, nullable=False),
        sa.Column("customers", sa.BigInteger, nullable=False),
        sa.Column("effective_from", _INSTANT),
        sa.Column("announcement", sa.LargeBinary, nullable=False),
        sa.Column("diagnostics", _DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("epoch_id", name="pk_epoch"),
    )


def downgrade() -> None:
    """Drop it; the epochs that were activated are in their topic."""
    op.drop_table("epoch")
