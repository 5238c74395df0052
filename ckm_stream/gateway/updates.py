"""
Score updates as they are announced, for many listeners: one consumer, a window of the newest.

A listener's place is a position in every partition, so it can be resumed at any gateway, on from
where it was: nothing is left out, nothing comes twice. What lies before the window is read from the
topic, for that listener alone. Committed records only.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from operator import ge
from typing import Any, Final

import msgspec
import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.domain.score import ScoreUpdate, SourceClass
from ckm_stream.errors import RejectedRecord
from ckm_stream.gateway.kafka import new_consumer
from ckm_stream.operations.vitals import Contact
from ckm_stream.settings import KafkaSettings
from ckm_stream.snapshots.columns import to_datetime

log = structlog.get_logger(__name__)

#: Updates that are held for listeners: some 30 MB.
_WINDOW: Final = 20_000
_AT_ONCE: Final = 256
_POLL_MS: Final = 500
_PAUSE_S: Final = 2.0
_OFFSET: Final = re.compile(r"[0-9]{1,18}")
#: Records that another gateway may have read and this one not yet.
_AHEAD: Final = 100_000

Positions = list[int]


class PositionError(ValueError):
    """A position that none of this topic's is."""


class Update:
    """A score update and its place; read when the first listener wants it."""

    __slots__ = ("_data", "_update", "offset", "partition", "value")

    def __init__(self, record: ConsumerRecord) -> None:
        self.partition: int = record.partition
        self.offset: int = record.offset
        self.value: bytes | None = record.value
        self._update: ScoreUpdate | None = None
        self._data = b""

    def read(self, codec: OutputCodec) -> ScoreUpdate:
        """
        Return what it says.

        Raises:
            RejectedRecord: If it is none.
        """
        if self._update is None:
            self._update = codec.decode_score_update(self.value)
        return self._update

    def json(self, codec: OutputCodec) -> bytes:
        """Return it as JSON: the fields of a stored score, its reference total and its factors."""
        if not self._data:
            self._data = msgspec.json.encode(_document(self.read(codec)))
        return self._data


def _document(update: ScoreUpdate) -> dict[str, Any]:
    score = update.score
    return {
        "customer_id": update.customer_id,
        "version": update.version,
        "as_of": to_datetime(update.as_of),
        "reason": update.reason,
        **{name: getattr(score, name) for name in _OF_SCORE},
        "previous_class": update.previous_class,
        "event_id": update.event_id,
        "reference_total": update.reference_total,
        "factors": sorted(update.factors, key=lambda each: -abs(each.contribution)),
    }


_OF_SCORE: Final = (
    "epoch_id",
    "total",
    "value",
    "willingness",
    "absorption",
    "value_n_eff",
    "willingness_n_eff",
    "absorption_n_eff",
    "source_class",
    "lead_user",
    "engagement",
    "engagement_reason",
)


class Wanted(msgspec.Struct, frozen=True):
    """Whose updates a listener wants: of one customer, of one class now or before, or all."""

    customer_id: str | None = None
    source_class: SourceClass | None = None

    def takes(self, update: ScoreUpdate) -> bool:
        """Tell whether *update* is one of them."""
        if self.customer_id is not None and update.customer_id != self.customer_id:
            return False
        classes = (update.score.source_class, update.previous_class)
        return self.source_class is None or self.source_class in classes


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
        if not self._covers(positions):
            async with aclosing(self._replay(positions)) as replayed:
                async for update in replayed:
                    if self._is_wanted(update, wanted):
                        yield update
        async with aclosing(self._in_window(positions, heartbeat_s)) as held:
            async for each in held:
                if each is None or self._is_wanted(each, wanted):
                    yield each

    async def _in_window(
        self, positions: Positions, heartbeat_s: float
    ) -> AsyncGenerator[Update | None, None]:
        """Yield the window's updates from *positions* on, and move these."""
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
                async with asyncio.timeout(heartbeat_s):
                    await self._more.wait()
            except TimeoutError:
                yield None

    def _is_wanted(self, update: Update, wanted: Wanted) -> bool:
        try:
            return wanted.takes(update.read(self._codec))
        except RejectedRecord as error:
            place = f"{self._topic}-{update.partition}@{update.offset}"
            log.warning("gateway.update_unreadable", place=place, reason=error.reason)
            return False

    def _covers(self, positions: Positions) -> bool:
        floor = self._floor
        return len(floor) == len(positions) and all(map(ge, positions, floor))

    async def _read(self) -> None:
        consumer = await new_consumer(self._kafka, self._topic)
        try:
            partitions = await consumer.seek_to_end_of_all()
            self._floor = [await consumer.position(each) for each in partitions]
            self._ends = list(self._floor)
            while True:
                # None may also mean that nobody answers: the meter of the flow tells that.
                if fetched := await consumer.getmany(timeout_ms=_POLL_MS):
                    self._broker.answered()
                    self._take(fetched.values())
        finally:
            await consumer.stop()

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

    async def _replay(self, positions: Positions) -> AsyncGenerator[Update, None]:
        """Yield what lies before the window, moving *positions* until the window covers them."""
        consumer = await new_consumer(self._kafka, self._topic)
        try:
            for partition, offset in enumerate(positions):
                consumer.seek(TopicPartition(self._topic, partition), offset)
            while not self._covers(positions) and not self._is_over:
                for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    for record in records:
                        positions[tp.partition] = record.offset + 1
                        yield Update(record)
                for partition in range(len(positions)):
                    # Behind a transaction's end there is a marker that is never delivered.
                    tp = TopicPartition(self._topic, partition)
                    positions[partition] = max(positions[partition], await consumer.position(tp))
        except KafkaError as error:  # the listener has to come again
            log.warning("gateway.replay_ends", reason=type(error).__name__)
        finally:
            await consumer.stop()

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
