"""A worker that has no time to fetch stays in its group: a long recovery has an end (P1)."""

from urllib.error import URLError

import pytest

from tests.e2e.conftest import Install
from tests.support.installation import Installation, scrape
from tests.support.services import wait_until
from tests.support.touchpoints import T0_S, call

pytestmark = pytest.mark.kafka  # `make test` has to stay short
_PATIENCE_S = 60.0


def recover_slowly(install: Install, *faults: str) -> Installation:
    """Start a worker whose recovery takes two seconds, half an hour to the group's client."""
    service = install()
    service.worker = service.new_faulty("worker", "slow_recovery", "long_idle", *faults)
    service.worker.start()
    return service


def rebalances(service: Installation) -> float:
    """Return how often the worker has been given partitions; 0 while it has no port yet."""
    try:
        return scrape(service.worker.port).get("ckm_rebalances_total", 0.0)
    except URLError:
        return 0.0


def test_a_recovery_of_half_an_hour_is_one_recovery(install: Install) -> None:
    """The group waits for the session alone; who does not fetch for long is still there."""
    service = recover_slowly(install)

    service.worker.wait_until_ready()
    service.publish([call("first", T0_S)])
    service.wait_until_consumed()

    assert rebalances(service) == 1


def test_control_with_a_poll_interval_a_recovery_is_begun_again(install: Install) -> None:
    """Kafka's clients leave the group after five minutes: whoever takes over needs as long."""
    service = recover_slowly(install, "without_membership")

    wait_until(lambda: rebalances(service) >= 2, timeout_s=_PATIENCE_S, what=service.logs)
