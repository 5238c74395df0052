"""
Empty the store, so that the snapshot workers fill it again from the topics (promise P13).

A worker that runs meanwhile finds its positions moved, writes nothing more and leaves (exit 4);
started again, it reads every topic from its first record. Fitted epochs and access tokens stay:
they come from no topic.
"""

from sqlalchemy import Engine, delete, update

from ckm_stream.snapshots.store import maintenance
from ckm_stream.snapshots.tables import ACCESS_TOKEN, EPOCH, METADATA, SINK_PROGRESS


def rebuild(engine: Engine) -> None:
    """
    Delete all rows but epochs and tokens, and set all positions to 0, in one transaction.

    Raises:
        ConfigurationError: If the database cannot be used.
    """
    with maintenance(engine) as connection:
        # The positions first: a worker in the middle of a batch finishes it before this begins.
        connection.execute(update(SINK_PROGRESS).values(next_offset=0))
        for table in METADATA.sorted_tables:
            if table not in (SINK_PROGRESS, EPOCH, ACCESS_TOKEN):
                connection.execute(delete(table))
