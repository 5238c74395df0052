"""
The records on their way to the broker, oldest first: bounded in number and in time.

It refuses to trust the producer's own delivery timeout alone: kafka-python 3.0.12 stops expiring
records while it waits for a producer id, which a broker that died never gives.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from kafka.errors import KafkaError

from ckm_stream.errors import DeliveryError

_DESCRIPTION_CHARS: Final = 200


class PendingDelivery(Protocol):
    """What the producer hands out for a record on its way."""

    is_done: bool
    exception: BaseException | None

    def get(self, timeout: float | None = None) -> object:
        """Wait for the broker's answer; raise its error."""


class Deliveries:
    """
    What was sent and is not known to have arrived.

    Args:
        most: Records on their way at once, > 0.
        timeout_s: After how long without an answer a record counts as lost.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self, most: int, timeout_s: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._timeout_s = timeout_s
        self._clock = clock
        self._pending: deque[tuple[PendingDelivery, str, str, float]] = deque()
        self.failure: DeliveryError | None = None
        self.acknowledged = 0

    def add(self, delivery: PendingDelivery, topic: str, event_id: str) -> None:
        """Take a record that was just sent."""
        self._pending.append((delivery, topic, event_id, self._clock() + self._timeout_s))

    def make_room(self) -> None:
        """
        Settle what has been answered or is overdue, and wait while the bound is reached.

        Raises:
            DeliveryError: If a record failed, now or before; the first one is named.
        """
        pending = self._pending
        while pending and (pending[0][0].is_done or pending[0][3] <= self._clock()):
            self._settle_oldest()
        while len(pending) >= self._most:
            self._settle_oldest()
        self.raise_failure()

    def settle_all(self) -> None:
        """
        Wait for every record.

        Raises:
            DeliveryError: If one failed, now or before; the first one is named.
        """
        while self._pending:
            self._settle_oldest()
        self.raise_failure()

    def raise_failure(self) -> None:
        """Raise the first failure, if there was one: it is never forgotten."""
        if self.failure is not None:
            raise self.failure

    def _settle_oldest(self) -> None:
        delivery, topic, event_id, deadline_s = self._pending.popleft()
        try:
            delivery.get(max(0.0, deadline_s - self._clock()))
        except KafkaError as error:
            if self.failure is None:
                self.failure = delivery_error(topic, event_id, error)
        else:
            self.acknowledged += 1


def delivery_error(topic: str, event_id: str, error: KafkaError) -> DeliveryError:
    """Return the error for an event that the broker did not take; the customer is not named."""
    return DeliveryError(
        f"event {event_id!r} for topic {topic!r} was not acknowledged: "
        f"{str(error)[:_DESCRIPTION_CHARS]}"
    )
