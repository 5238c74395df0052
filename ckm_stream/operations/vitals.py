"""
What a worker's health is read from: signs of life of loops, of work, and of what is outside.

Silence inside the process is counted on a clock that stands still while the process does, so that
neither a pause (SIGSTOP) nor a suspended machine looks like a wedge (promises P4, P18).
"""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

#: Seconds between two beats of a loop, and between two looks of the watchdog.
TICK_S: Final = 0.5
# A tick that took longer was not a tick but a pause; this much of it is counted.
_LONGEST_TICK_S: Final = 2 * TICK_S

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, whether it is well, and a sentence about it."""

    name: str
    ok: bool
    detail: str


class AwakeClock:
    """Seconds that this process has been awake, in steps of a tick."""

    def __init__(self, monotonic: Monotonic = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen = monotonic()
        self.now = 0.0

    def tick(self) -> None:
        """Count what has passed since the last tick; a pause counts as one second at most."""
        seen = self._monotonic()
        self.now += min(seen - self._seen, _LONGEST_TICK_S)
        self._seen = seen


class Pulse:
    """The sign of life of an event loop; to be made in the loop's thread."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self.beaten_at = clock.now
        self.thread_id = threading.get_ident()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat every half second from now on, for as long as *loop* runs."""
        self.beaten_at = self._clock.now
        self._timer = loop.call_later(TICK_S, self.start, loop)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()


class Work:
    """What was handed to a part of the worker and has not been finished, by that part's name."""

    def __init__(self, clock: AwakeClock) -> None:
        self._clock = clock
        self._since: dict[Hashable, float] = {}
        #: Tells where the part of that name stands, for the log line of a worker that is stuck.
        self.where: Callable[[Hashable], str] = lambda _part: ""

    @contextmanager
    def under_way(self, part: Hashable) -> Iterator[None]:
        """Give the time in which *part* does one piece of work."""
        self.waits(part)
        try:
            yield
        finally:
            self.done(part)

    def waits(self, part: Hashable) -> None:
        """Note that *part* has something to do, if that is not known yet."""
        self._since.setdefault(part, self._clock.now)

    def moved(self, part: Hashable) -> None:
        """Note that *part* has got on with what it does, though it is not finished."""
        if part in self._since:
            self._since[part] = self._clock.now

    def done(self, part: Hashable) -> None:
        """Note that *part* has nothing to do."""
        self._since.pop(part, None)

    def excuse(self) -> None:
        """Let the waiting begin now: something outside keeps every part from getting on."""
        for part in tuple(self._since):
            self.moved(part)

    @property
    def oldest(self) -> tuple[Hashable, float] | None:
        """The part that has not got on for longest, and since when."""
        waiting = tuple(self._since.items())
        return min(waiting, key=lambda each: each[1]) if waiting else None


class Contact:
    """Something outside that is asked again and again, and has to answer: the broker, the store."""

    def __init__(self, name: str, limit_s: float, monotonic: Monotonic) -> None:
        self._name = name
        self._limit_s = limit_s
        self._monotonic = monotonic
        self._answered_at: float | None = None
        self._refusal = ""

    def answered(self) -> None:
        """Note an answer."""
        self._answered_at = self._monotonic()
        self._refusal = ""

    def refused(self, reason: str) -> None:
        """Note why there was no answer; one refusal alone does not make it unwell."""
        self._refusal = f": {reason}"

    def check(self) -> Check:
        """Tell whether the last answer is recent enough."""
        if self._answered_at is None:
            return Check(self._name, ok=False, detail=f"no answer yet{self._refusal}")
        silence = self._monotonic() - self._answered_at
        if silence <= self._limit_s:
            return Check(self._name, ok=True, detail=f"answered {silence:.1f} s ago")
        return Check(self._name, ok=False, detail=f"no answer for {silence:.0f} s{self._refusal}")
