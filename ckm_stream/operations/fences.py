"""
How often a worker was fenced, kept in a file: what ends a process cannot be scraped from it.

The worker that is started in its place exports the count (promise P4). It is of use to nobody else
and decides nothing; where the file is lost, Prometheus takes that for a reset of the counter.
"""

import os
from pathlib import Path

import structlog

from ckm_stream.errors import FencedError

log = structlog.get_logger(__name__)


class FenceCount:
    """
    The count of one program.

    Args:
        folder: Where the file is kept; made when there is something to keep.
        program: Tells apart the programs of one folder, such as ``worker-9464``.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._file = folder / f"{program}.fenced"

    def read(self) -> int:
        """Return how often the program was fenced; 0 if nobody has noted it."""
        try:
            return int(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return 0
        except OSError as error:
            log.warning("fences.not_read", file=str(self._file), reason=error.strerror)
            return 0

    def note(self, error: BaseException) -> None:
        """Count *error* if it is a fence; a folder that cannot be written to is only told."""
        if not isinstance(error, FencedError):
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            whole = self._file.with_suffix(".new")
            whole.write_text(f"{self.read() + 1}\n")
            os.replace(whole, self._file)  # noqa: PTH105 -- pathlib's has no "replace or nothing"
        except OSError as problem:
            log.warning("fences.not_noted", file=str(self._file), reason=problem.strerror)
