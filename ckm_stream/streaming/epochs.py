"""
What a worker knows of epochs: all that were announced, read before it scores, and ever again.

An epoch is announced a lead ahead of the event time that it is in force from. So whoever has read
the topic within half a lead knows every epoch that an event of now can fall into, also one that
claims to be from the future, as far as that is let pass; who has not waits with its scores.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.errors import RejectedRecord, TransientError
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.streaming.ends import ConsumerFactory, read_to_ends

log = structlog.get_logger(__name__)
_RETRY_S: Final = 1.0


class EpochFeed:
    """
    Keeps *epochs* up to the end of *topic*.

    Args:
        epochs: Takes what was announced.
        topic: The physical topic, of one partition.
        codec: Reads its values.
        new_consumer: Builds a consumer without a group.
        trusted_s: For how many seconds of *clock* what was read may be relied on.
        clock: Unix seconds; not a monotonic one, which would stand still with a stopped process.
    """

    def __init__(  # noqa: PLR0913 -- what it is made of, each by its name
        self,
        *,
        epochs: Epochs,
        topic: str,
        codec: EpochCodec,
        new_consumer: ConsumerFactory,
        trusted_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._epochs = epochs
        self._partition = TopicPartition(topic, 0)
        self._codec = codec
        self._new_consumer = new_consumer
        self._trusted_s = trusted_s
        self._clock = clock
        self._next: int | None = None
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether every epoch is known that an event of now can fall into."""
        return self._read_at is not None and self._clock() - self._read_at <= self._trusted_s

    async def refresh(self) -> None:
        """
        Read what has been announced since.

        Raises:
            KafkaError: If the topic cannot be read.
        """
        async with self._reading:
            began = self._clock()  # what is announced while we read may be missed
            await read_to_ends(
                {self._partition: self._next}, self._new_consumer, self._take, note=self._note
            )
            self._read_at = began

    async def fresh(self) -> None:
        """Return once every epoch is known that an event of now can fall into."""
        while not self.is_fresh:
            try:
                await self.refresh()
            except (KafkaError, TransientError) as error:
                log.warning("epochs.retry", reason=str(error) or type(error).__name__)
                await asyncio.sleep(_RETRY_S)

    def _take(self, _: TopicPartition, records: Sequence[Any]) -> None:
        for record in records:
            try:
                epoch = self._codec.decode(record.value)
            except RejectedRecord as refused:
                # All workers refuse it alike, and go on with the epoch before.
                log.warning("epoch.refused", offset=record.offset, reason=str(refused))
                continue
            if not self._epochs.take(epoch):
                continue
            log.info("epoch.known", epoch=epoch.epoch_id, effective_from_s=epoch.effective_from_s)
            if self._read_at is not None and epoch.effective_from_s < self._clock():
                log.warning(
                    "epoch.late",
                    epoch=epoch.epoch_id,
                    remedy="customers that were scored as of later keep the epoch before until "
                    "their next event; announce epochs ahead (`ckm epoch activate`)",
                )

    def _note(self, _: TopicPartition, position: int) -> None:
        self._next = position
