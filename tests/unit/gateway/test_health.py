"""What a gateway says of itself."""

import pytest

from ckm_stream.gateway.health import GatewayHealth
from ckm_stream.settings import HealthSettings
from tests.support.clock import Clock


class Loop:
    """An event loop that never comes back to what it is asked to call later."""

    def call_later(self, *_: object) -> None:
        """Forget it."""


def health_of(clock: Clock, *, store: bool, broker: bool) -> GatewayHealth:
    """Return the health of a gateway that is up, of which each has answered or not."""
    health = GatewayHealth(HealthSettings(), monotonic=clock)
    health.beat(Loop())  # type: ignore[arg-type] # all that is asked of it
    if store:
        health.store.answered()
    if broker:
        health.broker.answered()
    return health


@pytest.mark.parametrize(
    ("store", "broker", "ready"),
    [(True, True, True), (True, False, True), (False, True, True), (False, False, False)],
)
def test_it_is_ready_as_long_as_it_can_do_one_of_its_two_things(
    *, store: bool, broker: bool, ready: bool
) -> None:
    """Take events in, or answer; which of them fails is told."""
    verdict = health_of(Clock(), store=store, broker=broker).ready()
    told = {check.name: check.ok for check in verdict.checks}

    assert verdict.ok is ready
    assert (told["store"], told["broker"]) == (store, broker)


def test_a_loop_that_does_not_run_is_not_alive() -> None:
    """After half the time that a worker has."""
    clock = Clock()
    health = health_of(clock, store=True, broker=True)
    clock.now_s += HealthSettings().loop_timeout_s / 2 + 1

    assert not health.live().ok
    assert not health.ready().ok


def test_before_it_listens_and_once_it_stops_it_is_not_ready() -> None:
    """Though everything outside answers; it is alive all the while."""
    starting = GatewayHealth(HealthSettings())
    starting.store.answered()
    stopping = health_of(Clock(), store=True, broker=True)
    stopping.stop()

    assert [starting.ready().ok, stopping.ready().ok] == [False, False]
    assert [starting.live().ok, stopping.live().ok] == [True, True]
