"""The programs of a run, and the supervisor that starts each again when it ends."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.chaos.history import History
from tests.support.installation import Installation
from tests.support.services import Service

# As a service manager is told to: systemd's RestartSec, a container's back-off.
_RESTART_S = 1.0


@dataclass(slots=True)
class Member:
    """A program, and whether it is meant to run."""

    service: Service
    wanted: bool = False
    ended_at: float | None = None


class Fleet:
    """
    Starts programs, ends them on request, and starts those again that end by themselves.

    Nothing happens in the background: ``look_after`` is called wherever a run waits.
    """

    def __init__(self, service: Installation, history: History, *, faults: Iterable[str]) -> None:
        self._service = service
        self._history = history
        self._faults = tuple(faults)
        self._expected: set[int] = set()
        self._spared: tuple[str, ...] = ()
        self.members: dict[str, Member] = {}
        self.exits: list[tuple[str, int]] = []

    def add(self, name: str, *, env: dict[str, str] | None = None) -> Service:
        """Make the program ``worker-N`` or ``snapshots-N`` and start it."""
        verb = name.partition("-")[0]
        if self._faults:
            made = self._service.new_faulty(verb, *self._faults)
        else:
            made = self._service.new_service(verb, own_port=True)
        made.env |= env or {}
        self.members[name] = Member(made)
        self.start(name)
        return made

    def __getitem__(self, name: str) -> Service:
        return self.members[name].service

    @property
    def running(self) -> dict[str, Service]:
        """The programs that are meant to run, and do."""
        return {
            name: member.service
            for name, member in list(self.members.items())  # from the watch's thread too
            if member.wanted and member.service.is_running
        }

    def start(self, name: str) -> None:
        """Start a program."""
        member = self.members[name]
        member.wanted, member.ended_at = True, None
        member.service.start()

    def kill(self, name: str, *, again: bool = True) -> None:
        """Kill a program with SIGKILL; the supervisor starts it again unless told not to."""
        self.look_after()
        self.members[name].wanted = again
        self.members[name].service.kill()
        self.members[name].ended_at = time.monotonic()

    def terminate(self, name: str) -> float:
        """End a program with SIGTERM, note its exit code, which must be 0; the seconds it took."""
        member = self.members[name]
        member.wanted = False
        started = self._history.now_s
        code = member.service.stop(grace_s=30.0)
        seconds = round(self._history.now_s - started, 2)
        self._note_exit(name, code, {0})
        return seconds

    @contextmanager
    def may_end_with(self, *codes: int, spared: tuple[str, ...] = ()) -> Iterator[None]:
        """Expect programs but *spared* to end by themselves, with one of *codes*, in this block."""
        self._expected, self._spared = set(codes), spared
        try:
            yield
        finally:
            self.look_after()
            self._expected = set()

    def look_after(self) -> None:
        """Note what has ended, and start it again a second later."""
        for name, member in self.members.items():
            if not member.wanted or member.service.is_running:
                continue
            if member.ended_at is None:
                member.ended_at = time.monotonic()
                expected = set() if name in self._spared else self._expected
                self._note_exit(name, member.service.wait(timeout_s=1), expected)
            elif time.monotonic() - member.ended_at >= _RESTART_S:
                self.start(name)

    def stop(self) -> None:
        """End everything in order, the snapshot workers last, so that they see the rest."""
        for name in sorted(self.members, reverse=True):
            if self.members[name].wanted and self.members[name].service.is_running:
                self.terminate(name)

    def logs(self) -> str:
        """Return the last lines of every program."""
        return "\n".join(f"{n}: {m.service.log()[-1500:]}" for n, m in self.members.items())

    def _note_exit(self, name: str, code: int, expected: set[int]) -> None:
        self.exits.append((name, code))
        self._history.write("exit", target=name, code=code, expected=sorted(expected))
