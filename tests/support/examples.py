"""Running the programs in ``examples/`` as somebody who has taken the file would."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

EXAMPLES: Final = Path(__file__).parents[2] / "examples"

#: Fails in place of importing our package, which an editable installation would always find.
_WITHOUT_OURS: Final = """
import runpy, sys
sys.modules["ckm_stream"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Ended(NamedTuple):
    """What became of an example."""

    code: int
    output: str
    errors: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON objects that it printed, one a line."""
        return [json.loads(line) for line in self.output.splitlines()]


def run_example(
    name: str, *arguments: str, env: Mapping[str, str], with_ours: bool = False
) -> Ended:
    """Run an example to its end, where our package cannot be imported unless *with_ours*."""
    before = [] if with_ours else ["-c", _WITHOUT_OURS]
    done = subprocess.run(
        [sys.executable, *before, str(EXAMPLES / name), *arguments],
        env={**os.environ, **env},
        cwd=EXAMPLES,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
