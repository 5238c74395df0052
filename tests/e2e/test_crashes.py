"""
kill -9 and zombies, under load: nothing is lost, nothing counts twice (promises P1, P4).

tests/e2e/test_controls.py shows that the same checks go red with a mechanism off.
"""

import pytest

from ckm_stream.settings import Guarantee
from tests.e2e.conftest import Install, Simulated
from tests.support.load import Load, kill_under_load

pytestmark = pytest.mark.timeout(280)
_EVENTS = 50_000
_CUSTOMERS = 2_000
_KILLS = 5
_PROGRESS = 200
_SESSION = {"CKM__KAFKA__SESSION_TIMEOUT_S": "1.5"}


def test_killing_both_workers_five_times_each_loses_and_doubles_nothing(
    install: Install, simulated: Simulated, guarantee: Guarantee
) -> None:
    """50,000 events, ten times SIGKILL: state, updates and store equal the oracle's."""
    events = simulated(_CUSTOMERS, _EVENTS)
    service = install(guarantee, extra=_SESSION)

    service.start()
    with Load(service, events) as load:
        kill_under_load(load, [service.worker, service.snapshots], kills=_KILLS, progress=_PROGRESS)
        load.publish(load.left)
    service.wait_until_stored(service.expected(events), timeout_s=120)
    service.wait_until_quiet()

    assert service.problems() == []
    assert (service.worker.kills, service.snapshots.kills) == (_KILLS, _KILLS)
