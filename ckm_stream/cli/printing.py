"""JSON for scripts, on standard output."""

import msgspec
import typer


def print_json(value: object) -> None:
    """Print *value* as indented JSON in UTF-8."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_json_line(value: object) -> None:
    """Print *value* as one line of JSON in UTF-8."""
    typer.echo(msgspec.json.encode(value))
