"""The load of a run: events published in the background, at a rate or as fast as they are taken."""

import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.operations.connection import kafka_client_options
from ckm_stream.publishing.client import Publisher, open_producer
from ckm_stream.publishing.producer import PublisherOptions
from tests.support.installation import Installation

# Longer than any outage of a schedule: the load outlives the broker.
_OPTIONS = PublisherOptions(delivery_timeout_s=240.0, linger_s=0.02)
_POLL_S = 0.02
_PATIENCE_S = 120.0


class Stream:
    """
    Publishes *events* on a thread of its own; a context manager.

    Args:
        committed: How many events the service has committed; never more than *backlog* are ahead.
        rate_per_s: How many events a second at most, until ``finish``.
    """

    def __init__(
        self,
        service: Installation,
        events: Iterable[TouchpointEvent],
        *,
        committed: Callable[[], int],
        backlog: int,
        rate_per_s: float,
    ) -> None:
        self._events = events
        self._committed = committed
        self._backlog = backlog
        self._rate_per_s: float | None = rate_per_s
        self._publisher = Publisher(
            open_producer(kafka_client_options(service.settings), _OPTIONS),
            topics=service.topics,
            codec=service.codec,
            policy=service.settings.scoring,
            options=_OPTIONS,
        )
        self._thread = threading.Thread(target=self._run, name="stream")
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self.published = 0
        self.is_done = False

    def finish(self, *, drop: bool) -> None:
        """
        End the load with everything acknowledged.

        What is left is dropped, or published before, as fast as it is taken.
        """
        self._rate_per_s = None
        if drop:
            self._stopping.set()
        self._join()
        self.check()

    def check(self) -> None:
        """Fail if publishing has failed."""
        if self._error is not None:
            raise AssertionError("the load has ended early") from self._error

    def __enter__(self) -> Self:
        self._publisher.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._join()
        self._publisher.__exit__(kind, error, trace)

    def _join(self) -> None:
        """Wait for the end of the load, for as long as it gets on."""
        while self._thread.is_alive():
            published = self.published
            self._thread.join(_PATIENCE_S)
            is_stuck = self._thread.is_alive() and self.published == published
            assert not is_stuck, f"after {published} events the load has stopped"

    def _run(self) -> None:
        try:
            self._publish_all()
        except BaseException as error:  # noqa: BLE001 -- raised by check, in the test's thread
            self._error = error

    def _publish_all(self) -> None:
        started = time.monotonic()
        for event in self._events:
            while not self._is_due(started) and not self._stopping.wait(_POLL_S):
                pass
            if self._stopping.is_set():
                break
            self._publisher.publish(event)
            self.published += 1
        self._publisher.flush()
        self.is_done = True

    def _is_due(self, started: float) -> bool:
        if self.published - self._committed() >= self._backlog:
            return False
        rate_per_s = self._rate_per_s  # `finish` takes it away at any time
        return rate_per_s is None or self.published <= (time.monotonic() - started) * rate_per_s
