"""
The history of a chaos run: what happened and what came out, one JSON object a line.

It is all that the checker sees (tests/chaos/checker.py), so nothing may be left out that a verdict
needs. The kinds of lines:

    run       scenario, seed, guarantee, min_progress, epsilon, leak_life_s: the first line
    plan      faults, lives: how many faults of each kind there are, how long programs live at least
    fault     number, what, target, at_s, progress: a fault begins; progress counts committed events
    recovered number, at_s, progress: all that was published before the fault is committed
    exit      target, code, expected: a program ended by itself
    sample    target, pid, at_s, rss_bytes, fds, threads: what a program takes
    measure   name, value, at_most, at_least, unit: a figure, with its bound if there is one
    expected  what, key, version, substance, applied, and of a profile score_class, total, content:
              what the oracle says
    state     what, key, offset, version, applied, told, substance, row: a record of a changelog,
              in its order; told is the (version, as_of, epoch_id) of the update that it remembers
    update    key, version, as_of, epoch_id, content, offset, score_class, previous_class, total,
              row, class_row: an announced score, in its order
    expected_output / output   what, id, row: a knowledge item, dead letter or forwarded event
    row       what, key, offset, version, as_of, content: a row of the store
    kept      what, id, content: what the store keeps of the past: a score, a change of class, an
              item
    end       the last line: without it the run broke off

Content and substance are digests; row is the content that the store has to have.
"""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO


class History:
    """Writes a run's history; a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._started = time.monotonic()

    @property
    def now_s(self) -> float:
        """Seconds since the history was opened."""
        return round(time.monotonic() - self._started, 3)

    def write(self, kind: str, **values: Any) -> None:
        """Append a line."""
        assert self._file is not None
        self._file.write(json.dumps({"kind": kind, **values}) + "\n")

    def measure(
        self,
        name: str,
        value: float,
        *,
        unit: str,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Append a figure, with the bound that it must keep if there is one."""
        self.write("measure", name=name, value=value, unit=unit, at_most=at_most, at_least=at_least)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        if error is None:
            self.write("end")
        self._file.close()
