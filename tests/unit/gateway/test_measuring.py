"""What is counted of a request, and what of a stream."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from ckm_stream.gateway.measuring import Measured
from ckm_stream.operations.metrics import GatewayMetrics


async def _events() -> AsyncIterator[bytes]:
    yield b"data: {}\n\n"


@pytest.mark.parametrize(
    ("answer", "durations"),
    [
        (Response("{}", media_type="application/json"), [1.0]),
        (StreamingResponse(_events(), media_type="text/event-stream"), []),
    ],
    ids=["request", "stream"],
)
async def test_a_stream_is_counted_and_takes_no_time(
    answer: Response, durations: list[float]
) -> None:
    """However long a listener stays, requests are no slower for it."""
    registry = CollectorRegistry()

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_: Message) -> None:
        pass

    scope = {"type": "http", "method": "GET", "asgi": {"spec_version": "2.4"}}
    await Measured(answer, GatewayMetrics(registry))(scope, receive, send)
    samples = [each for family in registry.collect() for each in family.samples]

    assert [each.value for each in samples if each.name == "ckm_http_requests_total"] == [1.0]
    counted = [each for each in samples if each.name == "ckm_http_request_duration_seconds_count"]
    assert [each.value for each in counted] == durations
