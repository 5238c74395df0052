"""``ckm health``: what a program on this machine says of itself, for probes that run a command."""

from enum import StrEnum
from typing import Annotated, Final

import typer

_OK: Final = 200
_PATIENCE_S: Final = 5.0
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not bound


class Program(StrEnum):
    """The programs that have health."""

    WORKER = "worker"
    SNAPSHOTS = "snapshots"
    TEXTS = "texts"
    GATEWAY = "gateway"


def health(
    program: Annotated[Program, typer.Argument(help="The program to ask.")] = Program.WORKER,
    *,
    live: Annotated[bool, typer.Option("--live", help="Ask whether it is alive.")] = False,
) -> None:
    """
    Ask a program on this machine whether it is ready, or alive.

    Exit code 0 if it is, 1 if it is not or does not answer; a line for each thing that it checks.
    The address is CKM__METRICS__HOST and CKM__METRICS__PROFILE_PORT, CKM__METRICS__SNAPSHOT_PORT,
    CKM__METRICS__TEXT_PORT or CKM__METRICS__GATEWAY_PORT.
    """
    from ckm_stream.settings import load_settings

    metrics = load_settings().metrics
    port = {
        Program.WORKER: metrics.profile_port,
        Program.SNAPSHOTS: metrics.snapshot_port,
        Program.TEXTS: metrics.text_port,
        Program.GATEWAY: metrics.gateway_port,
    }[program]
    host = _ANY_ADDRESS.get(metrics.host, metrics.host)
    status, lines = _ask(host, port, "/livez" if live else "/readyz")
    for line in lines:
        typer.echo(line, err=status != _OK)
    raise typer.Exit(int(status != _OK))


def _ask(host: str, port: int, path: str) -> tuple[int, list[str]]:
    """Return the status and a line for each check; 0 and one line if nobody answers."""
    import json
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        checks = json.load(answer)["checks"]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        return 0, [f"nobody answers {path} on {host}:{port} ({type(error).__name__})"]
    finally:
        connection.close()
    return answer.status, [
        f"{name}: {check['status']}, {check['detail']}" for name, check in checks.items()
    ]
