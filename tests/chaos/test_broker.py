"""P10: a broker that dies, stays away or falls silent costs time, and nothing else."""

import time

import psutil
import pytest

from ckm_stream.errors import FencedError, TransientError
from ckm_stream.settings import Guarantee
from tests.chaos.conftest import Run, Site, judged
from tests.chaos.schedule import Fault
from tests.chaos.world import Plan, World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

_NOT_READY_S = 15.0
_READY_S = 60.0
_GROWTH_MIB = 32.0
_MIB = 1 << 20
#: An idempotent producer never gives a batch up, so there would be nothing to try again.
_GIVING_UP = {"CKM__KAFKA__REQUEST_TIMEOUT_S": "5", "CKM__KAFKA__IDEMPOTENCE": "false"}
#: Longer than a transaction may last, which is 60 s as it comes.
_LONG_SILENCE_S = 90.0


class Outages:
    """Takes the broker away from a world, in the ways of its schedule."""

    def __init__(self, world: World, site: Site) -> None:
        self._world, self._site = world, site
        self.not_ready_s: list[float] = []
        self.ready_s: list[float] = []
        self.growth_mib: list[float] = []

    def strike(self, fault: Fault) -> None:
        """Let one fault happen, and measure when the workers say so."""
        self.ready_s.append(self._world.strike(fault, lambda: self._act(fault)))

    def _act(self, fault: Fault) -> None:
        site = self._site
        if fault.what == "silence":
            site.proxy.silence()
        else:
            site.kafka.kill()
        started, sizes = time.monotonic(), self._sizes()
        if fault.seconds:
            self._world.wait(lambda: not any(self._ready()), "workers that are not ready")
            self.not_ready_s.append(round(time.monotonic() - started, 2))
            if fault.what == "down":
                self._start_one_without_a_broker()
            self._world.pause(max(0.0, started + fault.seconds - time.monotonic()))
            now = self._sizes()
            self.growth_mib += [(now[pid] - sizes[pid]) / _MIB for pid in now.keys() & sizes.keys()]
        if fault.what == "silence":
            site.proxy.restore()
        else:
            site.kafka.start()

    def _start_one_without_a_broker(self) -> None:
        world, waiting = self._world, '"event": "start.waits"'
        before = world.fleet["worker-1"].log().count(waiting)
        world.fleet.kill("worker-1")
        world.wait(lambda: world.fleet["worker-1"].log().count(waiting) > before, "one that waits")

    def _sizes(self) -> dict[int, int]:
        """Return the resident bytes of each program that runs, by its process."""
        processes = [service.process for service in self._world.fleet.running.values()]
        return {each.pid: psutil.Process(each.pid).memory_info().rss for each in processes if each}

    def _ready(self) -> list[bool]:
        return [
            service.is_ready
            for name, service in self._world.fleet.running.items()
            if name.startswith("worker")
        ] or [False]


def take_away(world: World, site: Site, *, kills: int, down_s: float, silent_s: float) -> Outages:
    """Kill the broker *kills* times, let it be down, and let the network be silent."""
    outages = Outages(world, site)
    for _ in range(kills):
        world.schedule.add("kill", "broker", events=(200, 600))
    world.schedule.add("down", "broker", events=(200, 600), seconds=down_s)
    if silent_s:
        world.schedule.add("silence", "network", events=(200, 600), seconds=silent_s)
    # Of those that run, none gives up; one that starts does, and is started again.
    with world.fleet.may_end_with(TransientError.exit_code, spared=("worker-2", "snapshots-1")):
        for fault in world.schedule.faults:
            outages.strike(fault)
    return outages


@pytest.mark.parametrize(
    "guarantee",
    [
        Guarantee.EXACTLY_ONCE,
        pytest.param(Guarantee.AT_LEAST_ONCE, marks=pytest.mark.only_full),
    ],
    ids=str,
)
def test_broker_outages_cost_time_and_nothing_else(
    run: Run, site: Site, guarantee: Guarantee, *, is_full: bool
) -> None:
    """Under transactions 5 kills, 70 s without a broker, 60 s of silence; one starts before it."""
    is_long = is_full and guarantee is Guarantee.EXACTLY_ONCE
    if is_long:
        kills, down_s, silent_s = 5, 70.0, 60.0
    elif is_full:  # longer than the 30 s that a request may take
        kills, down_s, silent_s = 0, 40.0, 12.0
    else:
        kills, down_s, silent_s = 0, 11.0, 12.0
    plan = Plan(
        scenario=f"broker_{guarantee}",
        guarantee=guarantee,
        events=120_000 if is_long else 40_000,
        workers=2,
        rate_per_s=200,
        env=site.proxied,
        settings={} if guarantee is Guarantee.EXACTLY_ONCE else _GIVING_UP,
    )

    with run(plan) as world:
        outages = take_away(world, site, kills=kills, down_s=down_s, silent_s=silent_s)
        measure = world.history.measure
        measure("not ready after", max(outages.not_ready_s), unit="s", at_most=_NOT_READY_S)
        growth = round(max(outages.growth_mib), 1)
        measure("memory grown in an outage", growth, unit="MiB", at_most=_GROWTH_MIB)
        measure("ready again after", max(outages.ready_s), unit="s", at_most=_READY_S)
        world.finish()

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_a_silence_longer_than_a_transaction_ends_workers_and_nothing_else(
    run: Run, site: Site
) -> None:
    """The broker has given the open work up: those that wrote it are fenced, and start again."""
    plan = Plan(
        scenario="broker_long_silence",
        events=40_000,
        workers=2,
        rate_per_s=200,
        env=site.proxied,
        faults=("stretched",),  # so that there is open work at any time
    )

    with run(plan) as world:
        # Long after the first rebalance: who is in one when the silence begins has no open work.
        world.schedule.add("silence", "network", events=(2000, 4000), seconds=_LONG_SILENCE_S)
        codes = (FencedError.exit_code, TransientError.exit_code)
        with world.fleet.may_end_with(*codes, spared=("snapshots-1",)):
            outages = Outages(world, site)
            for fault in world.schedule.faults:
                outages.strike(fault)
        measure = world.history.measure
        measure("ready again after", max(outages.ready_s), unit="s", at_most=_READY_S)
        fenced = sum(code == FencedError.exit_code for _, code in world.fleet.exits)
        measure("workers fenced", fenced, unit="", at_least=1)
        world.finish()

    assert judged(plan)["findings"] == []


@pytest.mark.only_full
def test_control_a_worker_that_tries_once_loses_what_an_outage_was_long_for(
    run: Run, site: Site
) -> None:
    """What the client has given up is not sent again, and the unit goes on as if it had been."""
    plan = Plan(
        scenario="control_broker",
        guarantee=Guarantee.AT_LEAST_ONCE,
        events=40_000,
        workers=2,
        rate_per_s=200,
        env=site.proxied,
        faults=("stretched", "without_trying_again"),  # so that units are under way when it dies
        settings=_GIVING_UP,
    )

    with run(plan) as world:
        take_away(world, site, kills=0, down_s=20.0, silent_s=0.0)
        world.finish()

    assert judged(plan)["lost"]
