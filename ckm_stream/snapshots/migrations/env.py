"""Run the migrations over the connection that the caller gives, or write them down as SQL."""

from alembic import context

from ckm_stream.snapshots.tables import METADATA

connection = context.config.attributes["connection"]
if connection is None:
    context.configure(dialect_name="postgresql", literal_binds=True, transaction_per_migration=True)
else:
    # In a transaction of the caller's own the flag says nothing.
    context.configure(
        connection=connection, target_metadata=METADATA, transaction_per_migration=True
    )
with context.begin_transaction():
    context.run_migrations()
