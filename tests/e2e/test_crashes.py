"""
kill -9 and zombies, under load; and the controls that must go red with the mechanism off.

The programs are killed at moments drawn from a seed that is printed; between two kills at least
200 events must have been stored, so that no kill hits an idle program.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ckm_stream.domain.events import Event
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.broker import Broker
from tests.support.installation import Installation
from tests.support.services import Service, wait_until

pytestmark = pytest.mark.timeout(280)
_EVENTS = 50_000
_CUSTOMERS = 2_000
_KILLS = 5
_PROGRESS = 200
_SESSION = {"CKM__KAFKA__SESSION_TIMEOUT_S": "3"}


@contextmanager
def publishing(service: Installation, events: list[Event]) -> Iterator[threading.Thread]:
    """Publish *events* in the background, over about 25 s."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with service.publisher() as publisher:
                for number, event in enumerate(events):
                    publisher.publish(event)
                    if number % 400 == 0:
                        time.sleep(0.2)
        except BaseException as error:  # noqa: BLE001 -- handed to the test's thread
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join()
    assert not failed, failed


def kill_under_load(service: Installation, victims: list[Service], seed: int) -> None:
    """Kill each of *victims* five times, in a drawn order, each time after new progress."""
    chance = random.Random(seed)
    print(f"schedule seed {seed}")
    order = victims * _KILLS
    chance.shuffle(order)
    for victim in order:
        before = service.stored().profile_events
        wait_until(
            lambda before=before: service.stored().profile_events >= before + _PROGRESS,
            timeout_s=60,
            what=lambda before=before: f"progress after {before} events; {service.logs()}",
        )
        time.sleep(chance.uniform(0.0, 0.5))
        victim.kill()
        victim.start()


def test_killing_both_workers_five_times_each_loses_and_doubles_nothing(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """50,000 events, ten times SIGKILL: state, updates and store equal the oracle's."""
    events = simulated(_CUSTOMERS, _EVENTS)
    service = install(guarantee, extra=_SESSION)

    service.start()
    with publishing(service, events):
        kill_under_load(service, [service.worker, service.snapshots], seed=11)
    service.wait_until_stored(service.expected(events), timeout_s=120)
    service.wait_until_quiet()

    assert service.problems() == []
    assert (service.worker.kills, service.snapshots.kills) == (_KILLS, _KILLS)


@pytest.mark.kafka
def test_a_zombie_s_writes_change_nothing(
    install: Install, simulated: Simulated, broker: Broker
) -> None:
    """A worker stopped past its session and continued is fenced: exit code 4, and no effect."""
    events = simulated(500, 12_000)
    service = install(Guarantee.EXACTLY_ONCE, extra=_SESSION)
    zombie, successor = service.worker, service.new_service("worker", own_port=True)

    service.start()
    with publishing(service, events):
        wait_until(
            lambda: service.stored().profile_events >= _PROGRESS, timeout_s=60, what="a first write"
        )
        zombie.pause()
        service.worker = successor
        successor.start()
        before = service.stored().profile_events
        wait_until(
            lambda: service.stored().profile_events >= before + _PROGRESS,
            timeout_s=60,
            what=lambda: f"the successor's work; {service.logs()}",
        )
        zombie.resume()
        code = zombie.wait(timeout_s=60)
    service.wait_until_stored(service.expected(events), timeout_s=120)
    service.wait_until_quiet()

    assert code == 4
    assert service.problems() == []
