"""
The gateway's producer: many requests at once, each told whether the brokers have all of its events.

It refuses to answer before all replicas have acknowledged, and to weaken that. An event without an
acknowledgement in time may arrive yet: whoever sent it sends it again with its id, and it counts
once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import aiokafka
import structlog
from aiokafka.errors import KafkaError

from ckm_stream.codec.events import EventCodec
from ckm_stream.gateway.verdicts import Judged
from ckm_stream.operations.security import client_options
from ckm_stream.operations.vitals import Contact
from ckm_stream.publishing.cloudevents import cloud_event_headers
from ckm_stream.settings import KafkaSettings

log = structlog.get_logger(__name__)

_BATCH_BYTES: Final = 1 << 18
_LARGEST_REQUEST_BYTES: Final = 2 << 20


class AckProducer:
    """
    Sends events and waits for their acknowledgements.

    Args:
        kafka: The cluster.
        codec: Knows the topics and keys.
        broker: Told of every answer and refusal.
        ack_timeout_s: After how long an event without an acknowledgement is reported as such.
    """

    def __init__(
        self, kafka: KafkaSettings, *, codec: EventCodec, broker: Contact, ack_timeout_s: float
    ) -> None:
        self._codec = codec
        self._broker = broker
        self._ack_timeout_s = ack_timeout_s
        self._options: dict[str, Any] = {
            "bootstrap_servers": kafka.bootstrap_servers,
            "client_id": "ckm-gateway",
            "acks": "all",
            "enable_idempotence": kafka.idempotence,
            "compression_type": "snappy",
            "max_batch_size": _BATCH_BYTES,
            "max_request_size": _LARGEST_REQUEST_BYTES,
            "request_timeout_ms": int(kafka.request_timeout_s * 1000),
            **client_options(kafka.security),
        }
        self._producer: Any = None
        self._spoilt: str | None = None
        self._renewing = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """
        Connect.

        Raises:
            KafkaError: If no broker answers.
        """
        self._producer = await self._started()

    async def _started(self) -> Any:  # noqa: ANN401 -- aiokafka has no types
        producer = aiokafka.AIOKafkaProducer(**self._options)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def stop(self) -> None:
        """Send what is buffered, if the broker takes it, and end."""
        await self._producer.stop()

    async def send(self, events: Sequence[Judged]) -> list[Judged]:
        """
        Send *events*, all of them accepted; return those that were not acknowledged in time.

        A customer's events keep their order.
        """
        waiting: dict[asyncio.Future[Any], Judged] = {}
        try:
            async with asyncio.timeout(self._ack_timeout_s):
                await self._renew_if_spoilt()
                for each in events:
                    waiting[await self._start_sending(each)] = each
                await asyncio.wait(waiting)
        except TimeoutError:
            self._broker.refused(f"no acknowledgement for {self._ack_timeout_s:g} s")
        except KafkaError as error:
            self._spoil(self._producer, error)
        lost = (each for future, each in waiting.items() if not _is_done(future))
        failed = [*lost, *events[len(waiting) :]]
        if failed:
            log.warning(
                "gateway.unacknowledged", events=len(failed), of=len(events), reason=self._spoilt
            )
        else:
            self._broker.answered()
        return failed

    async def _start_sending(self, judged: Judged) -> "asyncio.Future[Any]":
        assert judged.event is not None  # noqa: S101 -- `send` takes accepted ones
        topic, key = self._codec.address(judged.event)
        future: asyncio.Future[Any] = await self._producer.send(
            topic, judged.value, key, headers=cloud_event_headers(judged.event)
        )
        producer = self._producer
        future.add_done_callback(lambda done: self._look_at(producer, done))
        return future

    def _look_at(self, producer: Any, done: "asyncio.Future[Any]") -> None:  # noqa: ANN401 -- aiokafka has no types
        if not done.cancelled() and (error := done.exception()) is not None:
            self._spoil(producer, error)

    def _spoil(self, producer: Any, error: BaseException) -> None:  # noqa: ANN401 -- likewise
        self._broker.refused(type(error).__name__)
        if producer is self._producer:
            self._spoilt = type(error).__name__

    async def _renew_if_spoilt(self) -> None:
        """
        Send by another producer after any failure.

        aiokafka has counted the sequence number of a batch that was refused, and the broker has
        not: it refuses all that follow to that partition (0.14, idempotent producer).
        """
        async with self._renewing:
            if self._spoilt is None:
                return
            fresh = await self._started()
            log.warning("gateway.producer_renewed", reason=self._spoilt)
            leaving = asyncio.create_task(self._producer.stop())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            self._producer, self._spoilt = fresh, None


def _is_done(future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None
