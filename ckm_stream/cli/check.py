"""``ckm check``: is everything there that the programs need?"""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ckm_stream.cli.printing import print_json

if TYPE_CHECKING:
    from ckm_stream.operations.findings import Finding

_COLOURS: Final = {
    "ok": typer.colors.GREEN,
    "warning": typer.colors.YELLOW,
    "failed": typer.colors.RED,
    "unreachable": typer.colors.RED,
    "skipped": typer.colors.BRIGHT_BLACK,
}
_WIDTH: Final = max(map(len, _COLOURS))


class ProgramName(StrEnum):
    """Programs on the command line: those of ``operations.check.Program``."""

    WORKER = "worker"
    SNAPSHOTS = "snapshots"
    TEXTS = "texts"
    GATEWAY = "gateway"
    PUBLISHER = "publisher"
    DEADLETTERS = "deadletters"


Programs = Annotated[
    list[ProgramName] | None,
    typer.Option(
        "--as",
        help="The program that runs with these settings; may be given again. "
        "[default: worker and snapshots]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


def check(programs: Programs = None, *, as_json: AsJson = False) -> None:
    """
    Look at settings, broker, rights, topics, schemas and store, and tell of each how it is.

    Nothing is changed. It ends within 15 s: with exit code 0 if nothing is wrong, 2 if something
    has to be changed, 75 if something is away for now. With --json: an object with exit_code and
    checks, each with check, outcome (ok, warning, failed, unreachable, skipped) and detail.
    """
    from ckm_stream.bootstrap import check_all
    from ckm_stream.operations.check import Program
    from ckm_stream.operations.findings import exit_code_of

    findings: list[Finding] = []
    for finding in check_all([Program(each) for each in programs or ()]):
        findings.append(finding)
        if not as_json:
            typer.echo(_line(finding))
    code = exit_code_of(findings)
    if as_json:
        checks = [
            {"check": each.check, "outcome": each.outcome, "detail": each.detail}
            for each in findings
        ]
        print_json({"exit_code": code, "checks": checks})
    raise typer.Exit(code)


def _line(finding: "Finding") -> str:
    outcome = typer.style(f"{finding.outcome:<{_WIDTH}}", fg=_COLOURS[finding.outcome])
    return f"{outcome}  {finding.check}: {finding.detail}"
