"""One run: an installation under load, its fleet, what is seen of it, and its faults."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.settings import Guarantee
from tests.chaos.fleet import Fleet
from tests.chaos.history import History
from tests.chaos.observe import observe
from tests.chaos.schedule import Fault, Schedule
from tests.chaos.stream import Stream
from tests.chaos.watch import Watch
from tests.support.installation import Installation, scrape
from tests.support.services import wait_until

#: Events that must be committed between two faults, else a fault has hit a service at rest.
MIN_PROGRESS = 200
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What a run is made of.

    Attributes:
        scenario: Its name, and the history's.
        events: How many are published in all, or at most.
        customers: Whose events they are.
        workers: Profile workers at the start.
        snapshots: Snapshot workers at the start.
        backlog: Events that are published ahead of what is committed, at most.
        rate_per_s: Events published a second, until the last fault is over.
        all_events: Whether those that are left then are published too, as fast as they are taken.
        faults: What is taken away from all programs (tests/support/faulty.py), for controls.
        settings: Settings of the installation.
        env: Settings of the fleet's programs alone.
        lives: How long one life of a program lasts at least, in seconds, by its name.
        leak_life_s: How long a life has to be for its memory and handles to be judged.
    """

    scenario: str
    events: int
    customers: int = 1000
    workers: int = 3
    snapshots: int = 1
    backlog: int = 2000
    rate_per_s: float
    all_events: bool = False
    guarantee: Guarantee = Guarantee.EXACTLY_ONCE
    faults: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    lives: dict[str, float] = field(default_factory=dict)
    leak_life_s: float = 600.0


class World:
    """A run under way."""

    def __init__(
        self,
        service: Installation,
        schedule: Schedule,
        history: History,
        *,
        plan: Plan,
        fleet: Fleet,
        watch: Watch,
        stream: Stream,
    ) -> None:
        self.plan = plan
        self.service, self.schedule, self.history = service, schedule, history
        self.fleet, self.watch, self.stream = fleet, watch, stream
        self._recovered_at = 0

    def wait(
        self, condition: Callable[[], bool], what: str, *, timeout_s: float = _PATIENCE_S
    ) -> float:
        """Wait for *condition* while the supervisor works; the seconds that it took."""
        started = time.monotonic()

        def holds() -> bool:
            self.fleet.look_after()
            self.stream.check()
            self.watch.check()
            return condition()

        wait_until(holds, timeout_s=timeout_s, what=lambda: f"{what}; {self.fleet.logs()}")
        return round(time.monotonic() - started, 2)

    def strike(self, fault: Fault, act: Callable[[], object], *, stored: bool = False) -> float:
        """
        Let the service work as the schedule says, *act* while it does, and wait until it recovers.

        Recovered means that what was published before the end of the fault is committed, if
        *stored* also in the store, which is behind the topics when it begins, and that all programs
        are ready; the seconds from that end to there are returned.
        """
        goal = self._recovered_at + max(fault.after_events, MIN_PROGRESS)
        self.wait(
            lambda: self._is_at_work(goal) and not (stored and self.service.is_stored()),
            f"{goal} events committed and more under way",
        )
        self.history.write(
            "fault",
            number=fault.number,
            what=fault.what,
            target=fault.target,
            at_s=self.history.now_s,
            progress=self.watch.committed,
        )
        act()
        owed, is_done = self.stream.published, self.watch.owing()
        seconds = self.wait(
            lambda: (
                is_done()
                and self.is_whole()
                and (not stored or self.service.stored().profile_events >= owed)
            ),
            f"what was published before the end of fault {fault.number}",
        )
        self._recovered_at = self.watch.committed
        self.history.write(
            "recovered",
            number=fault.number,
            at_s=self.history.now_s,
            progress=self._recovered_at,
        )
        return seconds

    def total(self, name: str) -> float:
        """Return the sum of a metric's samples over the programs that have it; all have to run."""
        self.wait(self.is_whole, "programs that are ready")
        services = (member.service for member in self.fleet.members.values() if member.wanted)
        found = [scrape(service.port) for service in services]
        return sum(samples[name] for samples in found if name in samples)

    def pause(self, seconds: float) -> None:
        """Let time pass while the supervisor works."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, "time to pass", timeout_s=seconds + 30)

    def finish(self) -> None:
        """End the load, wait until all is taken in, end the fleet, and write what came out."""
        planned = Counter(fault.what for fault in self.schedule.faults)
        self.history.write("plan", faults=dict(planned), lives=self.plan.lives)
        self.stream.finish(drop=not self.plan.all_events)
        self._let_commit(self.stream.published)
        self.service.wait_until_consumed(timeout_s=120)
        self.service.wait_until_quiet(timeout_s=120)
        unaccounted = self.total("ckm_events_unaccounted")
        self.history.measure("events unaccounted for", unaccounted, unit="", at_most=0)
        self.fleet.look_after()
        self.fleet.stop()
        observe(self.service, self.history, self.service.read())

    def _let_commit(self, total: int) -> None:
        """Wait until *total* events are committed, for as long as there is progress."""
        while (seen := self.watch.committed) < total:
            self.wait(lambda: self.watch.committed > seen, f"more of {total} events")

    def _is_at_work(self, goal: int) -> bool:
        assert not self.stream.is_done, "the load has ended before the faults: plan more events"
        return goal <= self.watch.committed < self.stream.published and self.is_whole()

    def is_whole(self) -> bool:
        """Tell whether all programs that are meant to run are ready."""
        return all(m.service.is_ready for m in self.fleet.members.values() if m.wanted)


@contextmanager
def running(
    plan: Plan,
    service: Installation,
    events: list[TouchpointEvent],
    *,
    schedule: Schedule,
    path: Path,
) -> Iterator[World]:
    """Start everything, give the run, and end it; its history is whole if nothing was raised."""
    with ExitStack() as stack:
        history = stack.enter_context(History(path))
        history.write(
            "run",
            scenario=plan.scenario,
            seed=schedule.seed,
            guarantee=str(plan.guarantee),
            min_progress=MIN_PROGRESS,
            epsilon=service.settings.scoring.epsilon,
            leak_life_s=plan.leak_life_s,
        )
        fleet = Fleet(service, history, faults=plan.faults)
        watch = stack.enter_context(Watch(service, fleet, history))
        for number in range(plan.workers):
            fleet.add(f"worker-{number + 1}", env=plan.env)
        for number in range(plan.snapshots):
            fleet.add(f"snapshots-{number + 1}", env=plan.env)
        stream = stack.enter_context(
            Stream(
                service,
                events,
                committed=lambda: watch.committed,
                backlog=plan.backlog,
                rate_per_s=plan.rate_per_s,
            )
        )
        yield World(service, schedule, history, plan=plan, fleet=fleet, watch=watch, stream=stream)


def verdict(path: Path) -> dict[str, Any]:
    """Let the checker judge a history, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.chaos.checker", str(path)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ended.stdout, ended.stderr
    verdicts: list[dict[str, Any]] = json.loads(ended.stdout)
    assert (ended.returncode == 0) == verdicts[0]["passed"]
    print(json.dumps(verdicts[0]), file=sys.stderr)
    return verdicts[0]
