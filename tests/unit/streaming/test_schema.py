"""Values pass as they are: decoding is the application core's, where a bad record has a verdict."""

from typing import Any

import faust
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from ckm_stream.streaming.schema import SliceSchema


async def test_a_message_passes_as_it_is() -> None:
    """A list of records, or one record's bytes, whatever they are."""
    app = faust.App("test", broker="memory://", autodiscover=False, store="memory://")
    decode = SliceSchema().compile(app)
    records: Any = [object()]
    message = ConsumerMessage(
        "calls", 0, 9, 1.5, 0, [("h", b"v")], b"\xff", records, None, 0, 0, TP("calls", 0)
    )

    event = await decode(message, propagate=True)

    assert event.value is records
    assert (event.key, event.headers, event.message) == (b"\xff", {"h": b"v"}, message)
