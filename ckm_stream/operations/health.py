"""
What a worker knows of its own health: whether it is alive, ready, or stuck (promise P18).

Alive means that its event loops run and that the work it holds moves on; ready means alive, with
its partitions open and everything outside answering. It decides; it never ends anything: the
watchdog does.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ckm_stream.errors import StuckError
from ckm_stream.operations.stacks import stack_of_thread
from ckm_stream.operations.vitals import AwakeClock, Check, Contact, Monotonic, Pulse, Work
from ckm_stream.settings import HealthSettings


class Phase(StrEnum):
    """Where a worker stands between its start and its end."""

    STARTING = "starting"
    REBALANCING = "rebalancing"
    RECOVERING = "recovering"
    RUNNING = "running"
    STOPPING = "stopping"


_PHASE_SENTENCES: Final = {
    Phase.STARTING: "the worker has not joined its group yet",
    Phase.REBALANCING: "the group is sharing out its partitions",
    Phase.RECOVERING: "the tables of the assigned partitions are being read",
    Phase.RUNNING: "the worker has joined its group and takes what is assigned to it",
    Phase.STOPPING: "the worker has been told to stop",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """All checks behind one answer."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check is well."""
        return all(check.ok for check in self.checks)

    def document(self) -> dict[str, object]:
        """Return the answer as it is served: the overall status, and each check by its name."""
        return {
            "status": _status(ok=self.ok),
            "checks": {
                check.name: {"status": _status(ok=check.ok), "detail": check.detail}
                for check in self.checks
            },
        }


def _status(*, ok: bool) -> str:
    return "ok" if ok else "failing"


class Health:
    """
    The health of one worker, read by the HTTP server and the watchdog from threads of their own.

    Args:
        settings: After how many seconds of silence what is unwell.
        monotonic: The clock, in seconds.
    """

    def __init__(self, settings: HealthSettings, *, monotonic: Monotonic = time.monotonic) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._phase = Phase.STARTING
        self._pulses: dict[str, Pulse] = {}
        self._contacts: list[Contact] = []
        self.clock = AwakeClock(monotonic)
        self.work = Work(self.clock)
        self.broker = self.add_contact("broker")
        #: Tells why a worker that runs does not take its partitions' records; empty if it does.
        self.hindrance: Callable[[], str] = str

    @property
    def phase(self) -> Phase:
        """Where the worker stands."""
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Note where the worker stands; nothing follows on stopping."""
        if self._phase is not Phase.STOPPING:
            self._phase = phase

    def add_contact(self, name: str) -> Contact:
        """Return a contact that has to answer for the worker to be ready."""
        contact = Contact(name, self._settings.silence_s, self._monotonic)
        self._contacts.append(contact)
        return contact

    def feel(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        """Watch the running *loop*; to be called from its thread."""
        pulse = self._pulses[name] = Pulse(self.clock)
        pulse.start(loop)

    def leave(self, name: str) -> None:
        """Watch the loop of that name no more: it is going to end."""
        if (pulse := self._pulses.pop(name, None)) is not None:
            pulse.stop()

    def tick(self) -> None:
        """Let time pass; nothing can be committed while the broker is away, so that is excused."""
        self.clock.tick()
        if not self.broker.check().ok:
            self.work.excuse()

    def live(self) -> Verdict:
        """Tell whether the worker is alive: half of what the watchdog allows has not passed."""
        return Verdict((*self._loop_checks(), self._work_check()))

    def ready(self) -> Verdict:
        """Tell whether the worker does its work: alive, open, and answered from outside."""
        contacts = tuple(contact.check() for contact in self._contacts)
        return Verdict((self._phase_check(), *contacts, *self.live().checks))

    def stuck(self) -> StuckError | None:
        """Return why the worker has to end, if it has to."""
        allowed = self._settings.loop_timeout_s
        for name, pulse in tuple(self._pulses.items()):
            if (silence := self.clock.now - pulse.beaten_at) >= allowed:
                return StuckError(
                    f"the {name} has not run for {silence:.0f} s; its successor does the work "
                    "again; CKM__HEALTH__LOOP_TIMEOUT_S says how long is too long",
                    where=stack_of_thread(pulse.thread_id),
                )
        if (waiting := self.work.oldest) is not None:
            part, since = waiting
            if (silence := self.clock.now - since) >= self._settings.commit_timeout_s:
                return StuckError(
                    f"work waits and {part} has committed nothing for {silence:.0f} s; its "
                    "successor does the work again; CKM__HEALTH__COMMIT_TIMEOUT_S says how long "
                    "is too long",
                    where=self.work.where(part),
                )
        return None

    def _phase_check(self) -> Check:
        hindrance = self.hindrance() if self._phase is Phase.RUNNING else ""
        ok = self._phase is Phase.RUNNING and not hindrance
        return Check("partitions", ok=ok, detail=hindrance or _PHASE_SENTENCES[self._phase])

    def _loop_checks(self) -> tuple[Check, ...]:
        allowed = self._settings.loop_timeout_s / 2
        now, pulses = self.clock.now, tuple(self._pulses.items())
        return tuple(
            Check(name, ok=(silence := now - pulse.beaten_at) < allowed, detail=_ran(silence))
            for name, pulse in pulses
        )

    def _work_check(self) -> Check:
        if (waiting := self.work.oldest) is None:
            return Check("commits", ok=True, detail="no work waits")
        part, since = waiting
        silence = self.clock.now - since
        return Check(
            "commits",
            ok=silence < self._settings.commit_timeout_s / 2,
            detail=f"work waits, and {part} has committed nothing for {silence:.1f} s",
        )


def _ran(silence: float) -> str:
    return f"ran {silence:.1f} s ago"
