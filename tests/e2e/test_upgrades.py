"""
A rolling upgrade with a changed state layout: no event lost, none counted twice (promise P3).

The old release is today's program without the newest layout (tests/support/faulty.py), because no
older one was ever published: it reads and writes layout 1 and knows no setting to change it.
"""

import pytest

from ckm_stream.codec.layouts import NEWEST_LAYOUT
from ckm_stream.errors import ConfigurationError
from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.dying import SESSION
from tests.support.installation import Installation
from tests.support.load import Load
from tests.support.reading import ReadRecord
from tests.support.services import Service, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]  # `make test` has to stay short
_OLD = "of_layout_one"
_PROGRESS = 300  # events stored between two steps: nothing is replaced while it idles
_PATIENCE_S = 60.0


def new_release(service: Installation, *, layout: int) -> Service:
    """Return a worker of today's release that writes *layout*."""
    made = service.new_service("worker", own_port=True)
    made.env["CKM__STATE__LAYOUT"] = str(layout)
    return made


class Fleet:
    """Two workers of one group, replaced one by one while events come in."""

    def __init__(self, service: Installation, load: Load) -> None:
        self._service, self._load = service, load
        self.members = [service.new_faulty("worker", _OLD) for _ in range(2)]
        service.worker = self.members[0]

    def start(self) -> None:
        """Start all of them."""
        for member in self.members:
            member.start()
        for member in self.members:
            member.wait_until_ready()

    def replace(self, place: int, successor: Service) -> None:
        """Stop a worker in order and start its successor, with events under way."""
        self._load.get_ahead(_PROGRESS)
        assert self.members[place].stop() == 0
        successor.start()
        self.members[place] = successor
        self._service.worker = self.members[0]
        successor.wait_until_ready()
        self.go_on()

    def go_on(self) -> None:
        """Publish some more events, and wait until as many are stored."""
        goal = self._load.stored() + _PROGRESS
        self._load.publish(_PROGRESS)
        wait_until(
            lambda: self._load.stored() >= goal,
            timeout_s=_PATIENCE_S,
            what=lambda: f"{goal} events stored, not {self._load.stored()}; {self._service.logs()}",
        )
        assert self._load.left, "the load has ended before the upgrade"


def layouts_of(records: list[ReadRecord]) -> list[int]:
    """Return the layouts of a changelog's states, in the order of writing."""
    return [record.value[3] for record in records if record.value is not None]


@pytest.mark.kafka
def test_workers_are_replaced_one_by_one_then_the_layout_is_switched(
    install: Install, simulated: Simulated
) -> None:
    """Old to new, back to old, to new again, then to the new layout: everything comes out once."""
    events = simulated(150, 5000)
    service = install(Guarantee.EXACTLY_ONCE)
    service.snapshots = service.new_faulty("snapshots", _OLD)

    with Load(service, events) as load:
        fleet = Fleet(service, load)
        service.snapshots.start()
        fleet.start()
        fleet.go_on()
        assert service.snapshots.stop() == 0
        service.snapshots = service.new_service("snapshots", own_port=True)
        service.snapshots.start()
        service.snapshots.wait_until_ready()
        fleet.replace(0, new_release(service, layout=1))
        fleet.replace(0, service.new_faulty("worker", _OLD))  # back to the old release
        fleet.replace(0, new_release(service, layout=1))
        fleet.replace(1, new_release(service, layout=1))
        before = layouts_of(service.read().profile_changelog)
        fleet.replace(0, new_release(service, layout=NEWEST_LAYOUT))
        fleet.replace(1, new_release(service, layout=NEWEST_LAYOUT))
        load.publish(load.left)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert set(before) == {1}
    assert set(layouts_of(service.read().profile_changelog)) == {1, NEWEST_LAYOUT}
    assert service.problems(layout=1) == []


def test_control_old_programs_end_at_the_new_layout_and_lose_nothing(
    install: Install, simulated: Simulated
) -> None:
    """The layout switched before all were replaced: exit code 2, one sentence, and nothing lost."""
    events = simulated(100, 1500)
    service = install(extra=SESSION)
    service.worker = new_release(service, layout=NEWEST_LAYOUT)
    old = [service.new_faulty(verb, _OLD) for verb in ("snapshots", "worker")]

    service.worker.start()
    old[0].start()
    service.publish(events[:1000])
    codes = [old[0].wait(timeout_s=_PATIENCE_S)]
    service.snapshots.start()
    service.wait_until_stored(service.expected(events[:1000]))
    assert service.worker.stop() == 0
    old[1].start()
    service.publish(events[1000:])
    codes.append(old[1].wait(timeout_s=_PATIENCE_S))
    service.worker.start()
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert codes == [ConfigurationError.exit_code] * 2
    for each in old:
        (ending,) = (line for line in each.log().splitlines() if "worker.ends" in line)
        assert "state has layout 3, this release reads 1; run the release that wrote it" in ending
    assert service.problems() == []
