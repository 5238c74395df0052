"""
Say of each change of class in which epoch it was announced; prepare keys with the epoch.

Expand: programs of revision 0001 go on writing, and leave the epoch to its default, which is the
only one that they know.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

from ckm_stream.snapshots.migrations.bounds import is_postgresql, without_bounds

revision: Final = "0002"
down_revision: Final = "0001"

_TABLES: Final = ("score", "class_history")
# Not 0 only where later rows came back from a downgrade.
_FILL: Final = """
UPDATE class_history SET epoch_id = score.epoch_id
FROM score
WHERE score.customer_id = class_history.customer_id
  AND score.version = class_history.version
  AND score.as_of = class_history.as_of
  AND score.epoch_id <> 0
"""


def upgrade() -> None:
    """Add the column, fill it, and build the indexes that become keys in 0003."""
    if not is_postgresql():
        op.add_column(
            "class_history",
            sa.Column("epoch_id", sa.BigInteger, nullable=False, server_default="0"),
        )
        op.execute(_FILL)
        return
    op.execute(
        "ALTER TABLE class_history ADD COLUMN IF NOT EXISTS epoch_id BIGINT NOT NULL DEFAULT 0"
    )
    with without_bounds():
        op.execute(_FILL)
        for table in _TABLES:
            # One that was broken off leaves an index behind that is of no use.
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS uq_{table}_epoch_id")
            op.execute(
                f"CREATE UNIQUE INDEX CONCURRENTLY uq_{table}_epoch_id "
                f"ON {table} (customer_id, version, as_of, epoch_id)"
            )


def downgrade() -> None:
    """Forget the epochs of class changes; those of the scores stay."""
    if not is_postgresql():
        op.drop_column("class_history", "epoch_id")
        return
    with without_bounds():
        for table in _TABLES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS uq_{table}_epoch_id")
    op.execute("ALTER TABLE class_history DROP COLUMN IF EXISTS epoch_id")
