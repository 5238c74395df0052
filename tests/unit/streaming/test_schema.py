"""Values pass as they are: decoding is the application core's, where a bad record has a verdict."""

from typing import Any

import faust
import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from ckm_stream.streaming.schema import Fetch, SliceSchema, messages_of, records_of


def message_of(value: Any) -> ConsumerMessage:
    """Return a message of the calls."""
    seconds = 1_700_000_000.123
    tp = TP("calls", 0)
    return ConsumerMessage(
        tp.topic, tp.partition, 9, seconds, 0, [("h", b"v")], b"c-1", value, None, 0, 0, tp
    )


async def test_a_message_passes_as_it_is() -> None:
    """A list of records, or one record's bytes, whatever they are."""
    app = faust.App("test", broker="memory://", autodiscover=False, store="memory://")
    decode = SliceSchema().compile(app)
    records: Any = [object()]
    message = message_of(records)

    event = await decode(message, propagate=True)

    assert event.value is records
    assert (event.key, event.headers, event.message) == (b"c-1", {"h": b"v"}, message)


async def test_a_fetch_is_the_messages_of_its_slices() -> None:
    """What the stock transport delivers is one itself, whatever its bytes are."""
    slices = Fetch([message_of([object()]), message_of([object()])])

    assert messages_of(await event_of(slices)) is slices
    stock = await event_of(b"value")
    assert messages_of(stock) == [stock.message]


async def event_of(value: Any) -> Any:
    """Return the event that an agent gets."""
    app = faust.App("test", broker="memory://", autodiscover=False, store="memory://")
    return await SliceSchema().compile(app)(message_of(value), propagate=True)


def test_a_stock_message_is_a_slice_of_one() -> None:
    """The stock transport delivers records one by one; its seconds become milliseconds again."""
    (record,) = records_of(message_of(b"value"))

    assert (record.offset, record.timestamp) == (9, 1_700_000_000_123)
    assert (record.key, record.value, record.headers) == (b"c-1", b"value", [("h", b"v")])


@pytest.mark.parametrize("millis", [1_700_000_000_123, 1_078_386_518_837, 0, -1])
def test_milliseconds_survive_the_stock_transports_seconds(millis: int) -> None:
    """A verdict depends on the record's timestamp, so both transports must tell the same."""
    message = message_of(b"value")
    message.timestamp = millis / 1000.0

    assert records_of(message)[0].timestamp == millis


@pytest.mark.parametrize("records", [[object()], (object(), object())])
def test_a_slice_s_records_are_what_its_message_carries(records: Any) -> None:
    """Of whatever kind the sequence is."""
    assert records_of(message_of(records)) is records


@pytest.mark.parametrize("value", [None, b""])
def test_a_stock_message_without_a_value_is_a_record_too(value: bytes | None) -> None:
    """It has its verdict, as any other."""
    (record,) = records_of(message_of(value))

    assert record.value == value
