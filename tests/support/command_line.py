"""What the command line has against a command, without running it."""

from collections.abc import Sequence
from typing import Any

import typer.main
from typer.exceptions import TyperException

from ckm_stream.cli.main import app


def problem_with(arguments: Sequence[str]) -> str | None:
    """Return what the command line has against *arguments*, without running anything."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands"):
        verb = rest.pop(0) if rest else ""
        if verb not in command.commands and "|" not in verb:
            return f"there is no verb {verb!r}"
        if "|" in verb:  # several verbs at once, in prose
            missing = [each for each in verb.split("|") if each not in command.commands]
            return f"there are no verbs {missing}" if missing else None
        if not rest:
            return None
        command = command.commands[verb]
    try:
        command.make_context(command.name, rest, resilient_parsing=False)
    except TyperException as error:
        return str(error)
    return None
