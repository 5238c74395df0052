"""
The ``ckm`` command: its verbs, and the one place where an error becomes an exit code.

Exit codes: 0 done · 1 not found, not healthy, or some lines of a file refused · 2 configuration ·
3 too many dead letters · 4 fenced by another owner · 5 not acknowledged · 6 stuck ·
7 a population that cannot be fitted · 70 a defect · 75 unavailable for now · 130 interrupted.

The modules of the verbs say what a command line looks like. What a verb works with (Kafka, the
store, Faust) it imports when it runs: all of it takes 3 s, and `--help` needs none.
"""

import sys
from typing import Final

import typer

from ckm_stream.cli import (
    check,
    deadletters,
    demo,
    epoch,
    evaluate,
    health,
    provision,
    publish,
    reading,
    store,
    text,
    tokens,
    workers,
)
from ckm_stream.errors import CkmStreamError

_INTERRUPTED: Final = 130

app = typer.Typer(
    name="ckm",
    help="Customer knowledge management on Kafka: profiles and key-source scores per customer.",
    epilog="Settings come from CKM__* environment variables (docs/configuration.md). "
    "Exit codes: 0 done, 1 not found, not healthy or partly refused, 2 configuration, "
    "3 too many dead letters, 4 fenced, 5 not acknowledged, 6 stuck, "
    "7 a population that cannot be fitted, 70 a defect, 75 unavailable for now.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    workers.worker,
    workers.snapshots,
    workers.texts,
    workers.serve,
    health.health,
    check.check,
    store.migrate,
    store.rebuild,
    publish.publish,
    publish.simulate,
    reading.top,
    reading.show,
    reading.explain,
):
    app.command()(command)
app.add_typer(provision.topics_app, name="topics")
app.add_typer(provision.schemas_app, name="schemas")
app.add_typer(deadletters.deadletters_app, name="deadletters")
app.add_typer(epoch.epoch_app, name="epoch")
app.add_typer(evaluate.evaluate_app, name="evaluate")
app.add_typer(text.text_app, name="text")
app.add_typer(tokens.tokens_app, name="tokens")


def main() -> None:
    """Run the command line; an error of ours is one line on standard error and its exit code."""
    try:
        app()
    except CkmStreamError as error:
        typer.echo(f"ckm: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
