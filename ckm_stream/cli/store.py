"""``ckm migrate`` and ``ckm rebuild``: the relational store's tables and their content."""

from dataclasses import asdict
from typing import Annotated

import typer

from ckm_stream.cli.printing import print_json

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
To = Annotated[
    str | None, typer.Option("--to", help="Revision to go to, or `base`. [default: the newest]")
]
Down = Annotated[bool, typer.Option("--down", help="Take revisions back; drops what they added.")]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="Say what would be done; do nothing.")]
OnlySql = Annotated[bool, typer.Option("--sql", help="Print PostgreSQL's statements; do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


def migrate(
    *,
    to: To = None,
    down: Down = False,
    plan: OnlyPlan = False,
    sql: OnlySql = False,
    as_json: AsJson = False,
) -> None:
    """
    Create the tables of the store, or bring them up to date; harmless when they are.

    Snapshot workers may run meanwhile; before --down they must be stopped (docs/upgrading.md).
    With --json: an object with database, current, target and steps, each with revision, summary.
    """
    from ckm_stream.settings import load_settings
    from ckm_stream.snapshots import store, upgrading
    from ckm_stream.snapshots.errors import database_name
    from ckm_stream.snapshots.tables import REVISIONS

    engine = store.open_engine(load_settings().store.url.get_secret_value())
    target = to or REVISIONS[-1]
    try:
        planned = upgrading.plan_for(engine, target)
        if sql:
            typer.echo(upgrading.sql_of(planned))
            return
        if not plan:
            work = upgrading.downgrade_tables if down else store.migrate
            work(engine, target)
    finally:
        engine.dispose()
    name = database_name(engine.url)
    if as_json:
        steps = [asdict(step) for step in planned.steps]
        print_json({"database": name, "current": planned.current, "target": target, "steps": steps})
        return
    direction = "down from" if planned.is_downgrade else "up to"
    for step in planned.steps:
        typer.echo(f"{direction} {step.revision}: {step.summary}")
    if not plan or not planned.steps:
        typer.echo(f"{name} is " + ("up to date" if target == REVISIONS[-1] else f"at {target}"))


def rebuild(yes: Yes = False) -> None:  # noqa: FBT002 -- a flag of the command line
    """
    Empty the store but for its epochs, so that the snapshot workers fill it again from the topics.

    Snapshot workers that are running stop with exit code 4 and, started again, read every topic
    from its first record. The topics themselves are not touched.
    """
    from ckm_stream.cli.opened import opened_store
    from ckm_stream.snapshots.errors import database_name
    from ckm_stream.snapshots.rebuild import rebuild as empty_store

    with opened_store() as engine:
        name = database_name(engine.url)
        if not yes:
            typer.confirm(f"Delete all rows of {name} but its epochs?", abort=True)
        empty_store(engine)
    typer.echo(f"{name} is empty; snapshot workers fill it again when they are started")
