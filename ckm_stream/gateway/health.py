"""
What the gateway tells of itself on its operations port.

It does two things that need different parts of the world: it takes events in, for which it needs
the broker, and answers questions, for which it needs the store. It is ready as long as it can do
one of them: without the database channels go on publishing, without the broker profiles are read.
What is away is told by name all the same, in the answer and in ``ckm_ready``.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from ckm_stream.operations.health import Verdict
from ckm_stream.operations.vitals import TICK_S, Check, Contact, Monotonic
from ckm_stream.settings import HealthSettings


@dataclass(frozen=True, slots=True)
class _Ready(Verdict):
    """Ready if the program is up and one of what is outside answers."""

    outside: tuple[Check, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is something to ask the gateway for."""
        inside = (check.ok for check in self.checks if check not in self.outside)
        return all(inside) and any(check.ok for check in self.outside)


class GatewayHealth:
    """
    The health of one gateway, read by the operations server from threads of its own.

    Args:
        settings: After how many seconds of silence what is unwell.
        monotonic: The clock, in seconds.
    """

    def __init__(self, settings: HealthSettings, *, monotonic: Monotonic = time.monotonic) -> None:
        self._allowed_s: Final = settings.loop_timeout_s / 2
        self._monotonic = monotonic
        self._beaten_at: float | None = None
        self._is_stopping = False
        self.store = Contact("store", settings.silence_s, monotonic)
        self.broker = Contact("broker", settings.silence_s, monotonic)

    def beat(self, loop: asyncio.AbstractEventLoop) -> None:
        """Beat twice a second from now on, for as long as *loop* runs."""
        self._beaten_at = self._monotonic()
        loop.call_later(TICK_S, self.beat, loop)

    def stop(self) -> None:
        """Note that nothing new is taken in."""
        self._is_stopping = True

    def live(self) -> Verdict:
        """Tell whether the event loop runs."""
        return Verdict((self._loop_check(),))

    def ready(self) -> Verdict:
        """Tell whether it can be asked for something."""
        outside = (self.store.check(), self.broker.check())
        return _Ready((self._phase_check(), self._loop_check(), *outside), outside)

    def _phase_check(self) -> Check:
        if self._is_stopping:
            return Check("requests", ok=False, detail="the gateway has been told to stop")
        if self._beaten_at is None:
            return Check("requests", ok=False, detail="the gateway is starting")
        return Check("requests", ok=True, detail="the gateway takes requests")

    def _loop_check(self) -> Check:
        if self._beaten_at is None:
            return Check("main_loop", ok=True, detail="has not begun")
        silence = self._monotonic() - self._beaten_at
        return Check("main_loop", ok=silence < self._allowed_s, detail=f"ran {silence:.1f} s ago")
