"""Alembic over a connection of ours: no ini file, and the caller's transaction."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade_tables(connection: Connection) -> None:
    """Run the migrations that the database has not seen, inside the caller's transaction."""
    command.upgrade(migrations(connection), "head")


def migrations(connection: Connection) -> Config:
    """Return Alembic's configuration for the package's migrations over *connection*."""
    config = Config()
    config.set_main_option("script_location", "ckm_stream.snapshots:migrations")
    config.attributes["connection"] = connection
    return config
