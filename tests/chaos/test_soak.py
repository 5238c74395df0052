"""P21: half an hour of steady load and random faults leaves no trace: nothing grows."""

import time
from collections.abc import Callable
from functools import partial

import pytest

from ckm_stream.errors import FencedError, TransientError
from tests.chaos.conftest import Run, Site, judged
from tests.chaos.test_database import Database
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3000)]

_DURATION_S = 1800.0
_RATE_PER_S = 60
#: One of either is never hit: what it takes after half an hour is what such a program takes.
_SPARED = ("worker-1", "snapshots-1")
#: So few that their states are full, of 64 ids each, before growth is looked at.
_CUSTOMERS = 500
#: A broker that was killed takes more than the usual minute to come back on a machine at work, and
#: would then give up what is open: whoever wrote it is fenced, as it should be, but not spared.
_SETTINGS = {"CKM__KAFKA__TRANSACTION_TIMEOUT_S": "240"}
_KINDS = (
    ("kill", "worker-2"),
    ("kill", "snapshots-2"),
    ("terminate", "worker-2"),
    ("pause", "worker-2"),
    ("crash", "database"),
    ("disconnect", "database"),
    ("bounce", "broker"),
)


class Nuisance:
    """Does to a world what the schedule draws, to all parts of it but those that are spared."""

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
        customers=_CUSTOMERS,
        settings=_SETTINGS,
        workers=2,
        snapshots=2,
        rate_per_s=_RATE_PER_S,
        lives=dict.fromkeys(_SPARED, 0.9 * _DURATION_S),
    )

    with run(plan) as world:
        nuisance = Nuisance(world, site)
        end = time.monotonic() + _DURATION_S
        codes = (FencedError.exit_code, TransientError.exit_code)
        with world.fleet.may_end_with(*codes, spared=_SPARED):
            while time.monotonic() < end:
                nuisance.strike()
        world.finish()

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_control_clients_that_are_left_open_are_noticed(run: Run, site: Site) -> None:
    """The worker that stays does not stop its producers when its partitions move, eight times."""
    plan = Plan(
        scenario="control_soak",
        events=20_000,
        customers=_CUSTOMERS,
        workers=2,
        rate_per_s=_RATE_PER_S,
        faults=("without_closing",),
        leak_life_s=30.0,
    )

    with run(plan) as world:
        nuisance = Nuisance(world, site)
        for _ in range(4):
            world.schedule.add("terminate", "worker-2", events=(200, 400))
            world.strike(world.schedule.faults[-1], partial(nuisance.terminate, "worker-2"))
        world.finish()

    leaks = [each for each in judged(plan)["findings"] if each.startswith("leak: worker-1:")]
    assert any("fds became" in each for each in leaks)
