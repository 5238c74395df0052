"""``ckm`` commands of an installation inside the test's own process, which saves 2 s each."""

import json
from typing import Any

from typer.testing import CliRunner

from ckm_stream.cli.main import app
from tests.support.installation import Installation


def run_command(service: Installation, *arguments: str, code: int = 0) -> Any:
    """Run a command; return what it prints, read as JSON if it was asked for."""
    result = CliRunner().invoke(app, arguments, env=service.env, catch_exceptions=False)
    assert result.exit_code == code, (result.stdout, result.stderr)
    return json.loads(result.stdout) if "--json" in arguments else result.stdout
