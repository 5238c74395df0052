"""Which consumer a core has, and reading from either."""

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from ckm_stream import native
from ckm_stream.settings import CoreKind
from ckm_stream.streaming.fetching import consumer_class, fetch_once

ONE, TWO = TopicPartition("calls", 0), TopicPartition("calls", 1)


def test_the_compiled_core_has_a_consumer_of_its_own() -> None:
    """The Python core has aiokafka's."""
    kinds = {wanted: consumer_class(wanted) for wanted in CoreKind}

    assert kinds[CoreKind.PYTHON] is AIOKafkaConsumer
    for wanted in (CoreKind.AUTO, CoreKind.COMPILED):
        assert issubclass(kinds[wanted], AIOKafkaConsumer)
        assert (kinds[wanted] is not AIOKafkaConsumer) == native.is_built()


def test_a_machine_without_a_compiler_has_aiokafkas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked for: that the core is not there is said elsewhere."""
    monkeypatch.setattr(native, "is_built", lambda: False)

    assert {consumer_class(wanted) for wanted in CoreKind} == {AIOKafkaConsumer}


class Plain:
    """A consumer that hands over lists."""

    async def getmany(self, *tps: TopicPartition, timeout_ms: int) -> dict[Any, list[int]]:
        """Return what was fetched."""
        assert timeout_ms == 20
        return {tp: [1, 2] for tp in tps}


class Reader:
    """Has so many records."""

    def __init__(self, count: int) -> None:
        self._left = count

    def take(self, most: int) -> list[int]:
        """Return the next ones."""
        taken = min(most, self._left)
        self._left -= taken
        return [taken] * taken


class Unread:
    """A consumer that hands over readers: of nothing but markers, and of 4,500 records."""

    async def fetched_readers(self, *tps: TopicPartition, timeout_s: float) -> dict[Any, Reader]:
        """Return what was fetched."""
        assert timeout_s == pytest.approx(0.02)
        return dict(zip(tps, (Reader(0), Reader(4_500)), strict=True))


@pytest.mark.parametrize(
    ("consumer", "sizes"),
    [(Plain(), [(ONE, 2), (TWO, 2)]), (Unread(), [(TWO, 2_000), (TWO, 2_000), (TWO, 500)])],
)
async def test_a_fetch_comes_in_portions(consumer: Any, sizes: list[Any]) -> None:
    """Unread ones in pieces, with a turn of the loop for the next answer after each."""
    portions = [
        (tp, len(records)) async for tp, records in fetch_once(consumer, [ONE, TWO], timeout_s=0.02)
    ]

    assert portions == sizes
