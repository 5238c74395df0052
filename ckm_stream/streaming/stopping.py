"""Stopping producers, whether or not the broker is there to take what they still have."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

log = structlog.get_logger(__name__)
#: Kept from the collector, which takes tasks that nobody holds.
_stopping: Final[set[asyncio.Future[None]]] = set()


async def stop_all(producers: Iterable[AIOKafkaProducer], grace_s: float) -> bool:
    """
    Tell whether all have stopped; what is on its way for one that has not may still arrive.

    One whose stop fails has stopped: what fails is its sender, after which nothing is sent.
    """
    stopping = {asyncio.ensure_future(producer.stop()): producer for producer in producers}
    if not stopping:
        return True
    for task in stopping:
        _stopping.add(task)
        task.add_done_callback(_stopped)
    _, late = await asyncio.wait(stopping, timeout=grace_s)
    for task in late:
        # It flushes as it stops, for ever if the broker is away: what waits is dropped, so that it
        # closes its connections when the request under way has an answer, or has had no answer.
        stopping[task]._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 -- no public way
    return not late


def _stopped(task: asyncio.Future[None]) -> None:
    _stopping.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("producer.stop", error=type(error).__name__, reason=str(error))
