"""
Score updates as they are announced, for many listeners: one consumer, a window of the newest.

A listener's place is a position in every partition, so it can be resumed at any gateway, on from
where it was: nothing is left out, nothing comes twice. What lies before the window is read from the
topic, for that listener alone. Committed records only.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from operator import ge
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.errors import RejectedRecord
from ckm_stream.gateway.announced import Update, Wanted
from ckm_stream.gateway.kafka import consuming
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import KafkaSettings

log = structlog.get_logger(__name__)

#: Updates that are held for listeners: 20 MB of records, 65 MB of answers.
_WINDOW: Final = 20_000
_AT_ONCE: Final = 256
_POLL_MS: Final = 500
_PAUSE_S: Final = 2.0
_PATIENCE: Final = 0.25  # of a heartbeat: one is late by no more, however others keep us busy
_OFFSET: Final = re.compile(r"[0-9]{1,18}")
#: Records that another gateway may have read and this one not yet.
_AHEAD: Final = 100_000

Positions = list[int]


class PositionError(ValueError):
    """A position that none of this topic's is."""


class UpdateHub:
    """
    Reads the topic once for all listeners.

    Args:
        kafka: The cluster.
        topic: Of the score updates.
        codec: Reads them.
        broker: Told of every answer and refusal.
    """

    def __init__(
        self, kafka: KafkaSettings, *, topic: str, codec: OutputCodec, broker: Contact
    ) -> None:
        self._kafka = kafka
        self._topic = topic
        self._codec = codec
        self._broker = broker
        self._updates: dict[int, Update] = {}
        self._first = self._next = 0
        self._window = 0  # how often it had to be begun anew
        self._floor: Positions = []
        self._ends: Positions = []
        self._more = asyncio.Event()
        self._is_over = False

    async def run(self) -> None:
        """Read until cancelled; what a broker that fails leaves out is read again."""
        while True:
            try:
                await self._read()
            except KafkaError as error:
                self._broker.refused(type(error).__name__)
                log.warning("gateway.updates_wait", reason=type(error).__name__)
            self._forget()
            await asyncio.sleep(_PAUSE_S)

    def end(self) -> None:
        """Let all listeners go: the program stops."""
        self._is_over = True
        self._wake()

    @property
    def is_open(self) -> bool:
        """Whether the topic is being read, so that there is a position to begin at."""
        return bool(self._ends)

    @property
    def newest(self) -> Positions:
        """The position behind all that was read."""
        return list(self._ends)

    def parse(self, given: str) -> Positions:
        """
        Return the position that *given* names; the inverse of ``name_of``.

        Raises:
            PositionError: If it names none of this topic.
        """
        parts = given.split("-")
        if len(parts) != len(self._ends) or not all(map(_OFFSET.fullmatch, parts)):
            raise PositionError("Last-Event-ID is not one that this service has given")
        positions = [int(part) for part in parts]
        # Another gateway may be ahead of this one; one that is further has read another topic.
        if any(at > end + _AHEAD for at, end in zip(positions, self._ends, strict=True)):
            raise PositionError("Last-Event-ID is beyond what has been announced")
        return positions

    async def follow(
        self, positions: Positions, wanted: Wanted, *, heartbeat_s: float
    ) -> AsyncGenerator[Update | None, None]:
        """
        Yield the wanted updates from *positions* on, and move these; None when there is none.

        It ends with the program, when a listener has fallen behind the window, and when the topic
        had to be read anew; it may begin again from where *positions* are then.
        """
        told_at = time.monotonic()
        async with aclosing(self._from(positions, heartbeat_s * _PATIENCE)) as updates:
            async for each in updates:
                if each is not None and self._is_wanted(each, wanted):
                    yield each
                elif time.monotonic() >= told_at + heartbeat_s:
                    yield None
                else:
                    continue
                told_at = time.monotonic()

    async def _from(
        self, positions: Positions, pause_s: float
    ) -> AsyncGenerator[Update | None, None]:
        """Yield all updates from *positions* on, and move these; None after each pause."""
        for part in (self._replay(positions), self._in_window(positions, pause_s)):
            async with aclosing(part) as updates:
                async for each in updates:
                    yield each

    async def _in_window(
        self, positions: Positions, pause_s: float
    ) -> AsyncGenerator[Update | None, None]:
        if not self._covers(positions):
            return
        number, window = self._first, self._window
        while not self._is_over and window == self._window:
            while number < self._next:
                held = self._updates.get(number)
                if held is None:
                    return
                number += 1
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # others have requests too
                if held.offset >= positions[held.partition]:
                    positions[held.partition] = held.offset + 1
                    yield held
            try:
                async with asyncio.timeout(pause_s):
                    await self._more.wait()
            except TimeoutError:
                yield None

    def _is_wanted(self, update: Update, wanted: Wanted) -> bool:
        try:
            return update.is_wanted(wanted, self._codec)
        except RejectedRecord as error:
            place = f"{self._topic}-{update.partition}@{update.offset}"
            log.warning("gateway.update_unreadable", place=place, reason=error.reason)
            return False

    def _covers(self, positions: Positions) -> bool:
        floor = self._floor
        return len(floor) == len(positions) and all(map(ge, positions, floor))

    async def _read(self) -> None:
        async with consuming(self._kafka, self._topic) as consumer:
            partitions = await consumer.seek_to_end_of_all()
            self._floor = [await consumer.position(each) for each in partitions]
            self._ends = list(self._floor)
            while True:
                # None may also mean that nobody answers: the meter of the flow tells that.
                if fetched := await consumer.getmany(timeout_ms=_POLL_MS):
                    self._broker.answered()
                    self._take(fetched.values())

    def _take(self, fetched: Any) -> None:  # noqa: ANN401 -- aiokafka has no types
        for records in fetched:
            for record in records:
                self._updates[self._next] = Update(record)
                self._next += 1
                self._ends[record.partition] = record.offset + 1
        while self._next - self._first > _WINDOW:
            oldest = self._updates.pop(self._first)
            self._first += 1
            self._floor[oldest.partition] = oldest.offset + 1
        self._wake()

    async def _replay(self, positions: Positions) -> AsyncGenerator[Update | None, None]:
        """Yield what lies before the window, moving *positions* until the window covers them."""
        if self._covers(positions):
            return
        try:
            async with consuming(self._kafka, self._topic) as consumer:
                for partition, offset in enumerate(positions):
                    consumer.seek(TopicPartition(self._topic, partition), offset)
                while not self._covers(positions) and not self._is_over:
                    for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                        for record in records:
                            positions[tp.partition] = record.offset + 1
                            yield Update(record)
                    for partition, at in enumerate(positions):
                        # Behind a transaction's end there is a marker that is never delivered.
                        tp = TopicPartition(self._topic, partition)
                        positions[partition] = max(at, await consumer.position(tp))
                    yield None
        except KafkaError as error:  # the listener has to come again
            log.warning("gateway.replay_ends", reason=type(error).__name__)

    def _forget(self) -> None:
        # What was announced meanwhile is not in the next one: listeners have to come again.
        self._window += 1
        self._updates.clear()
        self._first = self._next
        self._floor, self._ends = [], []
        self._wake()

    def _wake(self) -> None:
        waiting, self._more = self._more, asyncio.Event()
        waiting.set()


def name_of(positions: Sequence[int]) -> str:
    """Return the name of a position, for Last-Event-ID."""
    return "-".join(map(str, positions))
