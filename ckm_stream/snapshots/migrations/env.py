"""Run the migrations over the connection, and in the transaction, that the caller gives."""

from alembic import context

from ckm_stream.snapshots.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
