"""
Everything published comes out once: profiles, score updates, knowledge items, the store.

Every test compares all topics and the store with the oracle (tests/support/oracle.py), which
replays the source topics in one process and shares no streaming code with the service.
"""

import random

import pytest

from ckm_stream.settings import Guarantee
from tests.e2e.conftest import TRANSPORTS, Install, Simulated

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(
    ("transport", "core"), [("ckm", "auto"), ("kafka", "auto"), ("ckm", "python")]
)
def test_everything_published_comes_out_exactly_once(
    install: Install, simulated: Simulated, guarantee: Guarantee, transport: str, core: str
) -> None:
    """Each event is in its profile, its updates and the store once, on either transport."""
    events = simulated(200, 4000)
    service = install(guarantee, transport=transport, extra={"CKM__CORE": core})

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []


def test_postgresql_holds_the_same_as_sqlite_would(install: Install, simulated: Simulated) -> None:
    """The store's one code path gives the same rows on PostgreSQL."""
    events = simulated(150, 2000)
    service = install(store="postgresql")

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_repeated_event_is_counted_and_not_applied(
    install: Install, simulated: Simulated, guarantee: Guarantee, transport: str
) -> None:
    """Each tenth event is published again, later and out of order; nothing changes by it."""
    events = simulated(150, 2000)
    again = events[::10]
    random.Random(1).shuffle(again)
    service = install(guarantee, transport=transport)

    service.start()
    service.publish([*events, *again])
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []
    counts = service.metrics()
    assert counts["ckm_events_deduplicated_total"] >= len(again)
    assert counts["ckm_events_unaccounted"] == 0


def test_faust_s_own_command_runs_the_worker(install: Install, simulated: Simulated) -> None:
    """``faust -A ckm_stream.streaming.app worker`` does what ``ckm worker`` does."""
    events = simulated(50, 500)
    service = install()
    service.worker = service.new_faust_worker()

    service.start()
    service.publish(events)
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert service.problems() == []
    assert service.worker.stop() == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stopped_worker_leaves_in_order_and_its_successor_goes_on(
    install: Install, simulated: Simulated, guarantee: Guarantee, transport: str
) -> None:
    """SIGTERM ends both programs with exit code 0; new ones take over without a gap."""
    events = simulated(150, 3000)
    service = install(guarantee, transport=transport)

    service.start()
    service.publish(events[:1500])
    service.wait_until_stored(service.expected(events[:1500]))
    codes = [service.worker.stop(), service.snapshots.stop()]
    service.start()
    service.publish(events[1500:])
    service.wait_until_stored(service.expected(events))
    service.wait_until_quiet()

    assert codes == [0, 0]
    assert service.problems() == []
