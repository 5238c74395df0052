"""
How the benchmark talks to a peer: settings in its environment, progress on its standard output.

A peer prints ``events <n>`` every 250 ms, *n* being the touchpoints that it has processed, and
``events <n> <handled>`` if it also handles events that it sends to itself. It runs until SIGTERM.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

PROGRESS_INTERVAL_S = 0.25
#: The kinds of touchpoints; their order is the order of the job's counts and sums.
KINDS = ("call", "ticket", "purchase", "feedback")
FRAME_BYTES = 5


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """Where a peer reads and writes; *guarantee* is ``at_least_once`` or ``exactly_once``."""

    bootstrap: str
    prefix: str
    application: str
    guarantee: str
    partitions: int
    schemas: Path
    state_dir: Path
    output: str

    @classmethod
    def of_environment(cls) -> Self:
        """Read the variables that the benchmark sets."""
        return cls(
            bootstrap=os.environ["PEER_BOOTSTRAP"],
            prefix=os.environ["PEER_PREFIX"],
            application=os.environ["PEER_APPLICATION"],
            guarantee=os.environ["PEER_GUARANTEE"],
            partitions=int(os.environ["PEER_PARTITIONS"]),
            schemas=Path(os.environ["PEER_SCHEMAS"]),
            state_dir=Path(os.environ["PEER_STATE_DIR"]),
            output=os.environ["PEER_OUTPUT"],
        )

    def topic_of(self, kind: str) -> str:
        """Return the topic of a kind of touchpoint."""
        return f"{self.prefix}ckm.touchpoint.{kind}.v1"

    @property
    def kinds(self) -> dict[str, int]:
        """The source topics, and which kind each is."""
        return {self.topic_of(kind): place for place, kind in enumerate(KINDS)}

    def schema_of(self, kind: str) -> Path:
        """Return the file with the newest schema of a kind."""
        files = self.schemas.glob(f"touchpoint_{kind}.v*.avsc")
        return max(files, key=lambda file: int(file.suffixes[-2].removeprefix(".v")))


class Progress:
    """Counts what a peer has done, and says so from a thread of its own."""

    def __init__(self) -> None:
        self.touchpoints = 0
        self.forwarded = 0

    def start(self) -> None:
        """Say it every 250 ms from now on."""
        threading.Thread(target=self._report, daemon=True).start()

    def _report(self) -> None:
        pause = threading.Event()
        while not pause.wait(PROGRESS_INTERVAL_S):
            self.say()

    def say(self) -> None:
        """Print a line of progress."""
        handled = f" {self.touchpoints + self.forwarded}" if self.forwarded else ""
        print(f"events {self.touchpoints}{handled}", flush=True)
