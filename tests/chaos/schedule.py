"""
Which faults a run has, in which order and after how much work: drawn from a seed, and printed.

A fault waits for progress, not for time, so the same seed strikes the same programs in the same
order on a slow machine too. ``CKM_CHAOS_SEED`` repeats a run.
"""

import os
import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One entry of a schedule.

    Attributes:
        number: From 1, in the order of the run.
        what: The kind of fault, such as ``kill``.
        target: The program or server that it hits.
        after_events: How many more events are committed before it strikes.
        seconds: How long it lasts, if it lasts.
    """

    number: int
    what: str
    target: str
    after_events: int
    seconds: float = 0.0


def seed_of_run() -> int:
    """Return the seed of the environment, or a new one."""
    given = os.environ.get("CKM_CHAOS_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 32)


class Schedule:
    """Draws the faults of a scenario; what has been drawn is printed as it is added."""

    def __init__(self, scenario: str, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self._chance = random.Random(seed)
        self.faults: list[Fault] = []
        self._say(f"seed {seed} (repeat with CKM_CHAOS_SEED={seed})")

    def add(self, what: str, target: str, *, events: tuple[int, int], seconds: float = 0.0) -> None:
        """Add a fault after a number of events drawn from the range *events*."""
        fault = Fault(
            len(self.faults) + 1, what, target, self._chance.randrange(*events), seconds=seconds
        )
        self._say(str(asdict(fault)))
        self.faults.append(fault)

    def shuffled(self, each: Sequence[Any]) -> list[Any]:
        """Return *each* in a drawn order."""
        order = list(each)
        self._chance.shuffle(order)
        return order

    def choose(self, each: Sequence[Any]) -> Any:
        """Return one of *each*."""
        return self._chance.choice(each)

    def _say(self, what: str) -> None:
        print(f"chaos: {self.scenario}: {what}", file=sys.stderr)  # xdist drops the other stream
