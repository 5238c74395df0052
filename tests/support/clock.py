"""A clock that a test moves."""

from dataclasses import dataclass


@dataclass
class Clock:
    """
    Stands in for the module ``time`` and for a function that tells the time.

    Attributes:
        now_s: The time; it passes while somebody sleeps, or as the test sets it.
        step_s: How much passes at each look.
    """

    now_s: float = 1000.0
    step_s: float = 0.0

    def monotonic(self) -> float:
        """Return the time."""
        self.now_s += self.step_s
        return self.now_s

    time = __call__ = monotonic

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
