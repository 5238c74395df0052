"""``ckm migrate`` and ``ckm rebuild``: the relational store's tables and their content."""

from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def migrate() -> None:
    """Create the tables of the store, or bring them up to date; harmless when they are."""
    from ckm_stream.settings import load_settings
    from ckm_stream.snapshots import store
    from ckm_stream.snapshots.errors import database_name

    engine = store.open_engine(load_settings().store.url.get_secret_value())
    try:
        store.migrate(engine)
    finally:
        engine.dispose()
    typer.echo(f"{database_name(engine.url)} is up to date")


def rebuild(yes: Yes = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Empty the store, so that the snapshot workers fill it again from the topics.

    Snapshot workers that are running stop with exit code 4 and, started again, read every topic
    from its first record. The topics themselves are not touched.
    """
    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots.errors import database_name
    from ckm_stream.snapshots.rebuild import rebuild as empty_store

    with opened_store() as engine:
        name = database_name(engine.url)
        if not yes:
            typer.confirm(f"Delete all rows of {name}?", abort=True)
        empty_store(engine)
    typer.echo(f"{name} is empty; snapshot workers fill it again when they are started")
