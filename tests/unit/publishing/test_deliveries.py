"""Records on their way: bounded in number and in time, and no failure is forgotten."""

import pytest
from kafka.errors import KafkaError, KafkaTimeoutError

from ckm_stream.errors import DeliveryError
from ckm_stream.publishing.deliveries import Deliveries
from tests.support.clock import Clock

TIMEOUT_S = 60.0


class Delivery:
    """A record that is answered after some seconds of the clock; None is never."""

    def __init__(
        self, clock: Clock, answered_after_s: float | None, error: KafkaError | None = None
    ) -> None:
        self._clock = clock
        self._answered_s = float("inf") if answered_after_s is None else clock() + answered_after_s
        self.exception: BaseException | None = error

    @property
    def is_done(self) -> bool:
        """Say whether the answer is there."""
        return self._clock() >= self._answered_s

    @is_done.setter
    def is_done(self, value: bool) -> None:
        raise NotImplementedError(value)

    def get(self, timeout: float | None = None) -> object:
        """Let time pass until the answer or the timeout."""
        assert timeout is not None
        self._clock.now_s = min(self._clock() + timeout, max(self._clock(), self._answered_s))
        if not self.is_done:
            raise KafkaTimeoutError(f"no answer within {timeout:g} s")
        if self.exception is not None:
            raise self.exception
        return None


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def test_what_is_answered_makes_room_without_waiting(clock: Clock) -> None:
    """Answered records are counted and forgotten; time does not pass."""
    deliveries = Deliveries(3, TIMEOUT_S, clock=clock)
    for number in range(3):
        deliveries.add(Delivery(clock, 0.0), "t", f"e-{number}")

    deliveries.make_room()

    assert (deliveries.acknowledged, clock()) == (3, 1000.0)


def test_at_the_bound_the_oldest_is_waited_for(clock: Clock) -> None:
    """Three on their way and room for three: the first one's answer is awaited."""
    deliveries = Deliveries(3, TIMEOUT_S, clock=clock)
    for after_s in (2.0, 9.0, 9.0):
        deliveries.add(Delivery(clock, after_s), "t", "e")

    deliveries.make_room()

    assert (deliveries.acknowledged, clock()) == (1, 1002.0)


def test_an_overdue_record_is_lost_though_there_is_room(clock: Clock) -> None:
    """After the timeout nobody waits any longer, also if the producer keeps silent."""
    deliveries = Deliveries(100, TIMEOUT_S, clock=clock)
    deliveries.add(Delivery(clock, None), "t", "e-0")

    clock.now_s += TIMEOUT_S - 1
    deliveries.make_room()
    clock.now_s += 1
    with pytest.raises(DeliveryError, match="'e-0' for topic 't'"):
        deliveries.make_room()

    assert clock() == 1000.0 + TIMEOUT_S


def test_settling_all_waits_for_the_slowest_and_never_longer_than_the_timeout(
    clock: Clock,
) -> None:
    """Each record has its timeout from when it was sent, not from when it is waited for."""
    deliveries = Deliveries(100, TIMEOUT_S, clock=clock)
    for after_s in (5.0, None, None, 30.0):
        deliveries.add(Delivery(clock, after_s), "t", "e")

    with pytest.raises(DeliveryError):
        deliveries.settle_all()

    assert (deliveries.acknowledged, clock()) == (2, 1000.0 + TIMEOUT_S)


def test_the_first_failure_is_raised_again_and_again(clock: Clock) -> None:
    """Later failures and successes do not hide it."""
    deliveries = Deliveries(100, TIMEOUT_S, clock=clock)
    deliveries.add(Delivery(clock, 0.0, KafkaError("first")), "t", "e-0")
    deliveries.add(Delivery(clock, 0.0, KafkaError("second")), "t", "e-1")
    deliveries.add(Delivery(clock, 0.0), "t", "e-2")

    for call in (deliveries.make_room, deliveries.settle_all, deliveries.raise_failure):
        with pytest.raises(DeliveryError, match=r"'e-0'.*first"):
            call()

    assert deliveries.acknowledged == 1
