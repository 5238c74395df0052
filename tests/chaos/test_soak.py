"""P21: half an hour of steady load and random faults leaves no trace: nothing grows."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from ckm_stream.errors import FencedError, TransientError
from tests.chaos.conftest import OUTAGE, Run, Site, judged
from tests.chaos.test_database import Database
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3000), OUTAGE]

_DURATION_S = 1800.0
_RATE_PER_S = 60
#: One worker is never hit: what it takes after half an hour is what a worker takes.
_KINDS = (
    ("kill", "worker-2"),
    ("kill", "snapshots-1"),
    ("terminate", "worker-2"),
    ("pause", "worker-2"),
    ("crash", "database"),
    ("disconnect", "database"),
    ("bounce", "broker"),
)


class Nuisance:
    """Does to a world what the schedule draws, to all parts of it but ``worker-1``."""

    def __init__(self, world: World, site: Site) -> None:
        self._world, self._site = world, site
        self._database = Database(world, site)

    def strike(self) -> None:
        """Draw the next fault, 20 to 60 s of load later, and let it happen."""
        world = self._world
        what, target = world.schedule.choose(_KINDS)
        world.schedule.add(
            what,
            target,
            events=(20 * _RATE_PER_S, 60 * _RATE_PER_S),
            seconds=5.0 if what == "crash" else 0.0,
        )
        fault = world.schedule.faults[-1]
        if target == "database":
            self._database.strike(fault)
        else:
            act: Callable[[str], None] = getattr(self, what)
            world.strike(fault, partial(act, target))

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        self._world.fleet.kill(name)

    def terminate(self, name: str) -> None:
        """SIGTERM, and a new one."""
        self._world.fleet.terminate(name)
        self._world.fleet.start(name)
        self._world.wait(lambda: self._world.fleet[name].is_ready, f"{name} to be ready")

    def pause(self, name: str) -> None:
        """Stop a program for half its session, which nobody may notice."""
        self._world.fleet[name].pause()
        self._world.pause(3.0)
        self._world.fleet[name].resume()

    def bounce(self, _: str) -> None:
        """Kill the broker and start it again at once."""
        self._site.kafka.kill()
        self._site.kafka.start()


@pytest.mark.only_full
def test_nothing_grows_in_half_an_hour(run: Run, site: Site) -> None:
    """60 events a second, a fault every 20 to 60 s: exact, and memory and handles stay flat."""
    plan = Plan(
        scenario="soak",
        events=int((_DURATION_S + 300) * _RATE_PER_S),
        customers=3000,
        workers=2,
        rate_per_s=_RATE_PER_S,
        lives={"worker-1": 0.9 * _DURATION_S},
    )

    with run(plan) as world:
        nuisance = Nuisance(world, site)
        end = time.monotonic() + _DURATION_S
        codes = (FencedError.exit_code, TransientError.exit_code)
        with world.fleet.may_end_with(*codes, spared="worker-1"):
            while time.monotonic() < end:
                nuisance.strike()
        world.finish()

    assert judged(plan)["findings"] == []
