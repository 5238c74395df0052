"""
Keep what was announced of one state in several epochs; say which programs the tables suit.

An epoch that comes into force announces customers anew, at the version and the instant that they
had. Programs of revision 0001 go on writing: they name no key in what they insert here.
"""

from typing import Final

from alembic import op

from ckm_stream.snapshots.migrations.bounds import is_postgresql

revision: Final = "0003"
down_revision: Final = "0002"

_TABLES: Final = ("score", "class_history")
_KEY: Final = ("customer_id", "version", "as_of")

_COMPATIBILITY: Final = "CREATE VIEW compatibility AS SELECT '0001' AS oldest_revision"


def upgrade() -> None:
    """Put the epoch into the keys, which on PostgreSQL is a matter of names."""
    for table in _TABLES:
        if is_postgresql():
            op.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}, "
                f"ADD CONSTRAINT pk_{table} PRIMARY KEY USING INDEX uq_{table}_epoch_id"
            )
        else:
            _set_key(table, *_KEY, "epoch_id")
    op.execute(_COMPATIBILITY)


def downgrade() -> None:
    """Keep of the announcements of one state that of the newest epoch."""
    op.execute("DROP VIEW compatibility")
    if is_postgresql():
        # Nobody writes during a downgrade, so it may take its time.
        op.execute("SET LOCAL statement_timeout = 0")
    for table in _TABLES:
        same = " AND ".join(f"newer.{name} = {table}.{name}" for name in _KEY)
        op.execute(
            f"DELETE FROM {table} WHERE EXISTS (SELECT 1 FROM {table} AS newer "  # noqa: S608 -- names of ours
            f"WHERE {same} AND newer.epoch_id > {table}.epoch_id)"
        )
        if is_postgresql():
            op.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}, "
                f"ADD CONSTRAINT pk_{table} PRIMARY KEY ({', '.join(_KEY)})"
            )
            op.execute(
                f"CREATE UNIQUE INDEX uq_{table}_epoch_id ON {table} ({', '.join(_KEY)}, epoch_id)"
            )
        else:
            _set_key(table, *_KEY)


def _set_key(table: str, *columns: str) -> None:
    # SQLite changes a key by making the table anew.
    with op.batch_alter_table(table, recreate="always") as batch:
        batch.drop_constraint(f"pk_{table}", type_="primary")
        batch.create_primary_key(f"pk_{table}", list(columns))
