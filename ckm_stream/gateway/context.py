"""What the routes of one gateway work with, and the answers that they share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.gateway.answers import SourceMap
from ckm_stream.gateway.census import Census
from ckm_stream.gateway.flow import FlowMeter
from ckm_stream.gateway.producer import AckProducer
from ckm_stream.gateway.rules import Rules
from ckm_stream.gateway.store import StoreReader
from ckm_stream.gateway.streams import Streams
from ckm_stream.gateway.tokens import Doorkeeper
from ckm_stream.gateway.updates import UpdateHub
from ckm_stream.operations.metrics import GatewayMetrics
from ckm_stream.pipeline.epochs import Epochs
from ckm_stream.settings import Settings
from ckm_stream.snapshots.overview import Glance
from ckm_stream.snapshots.stored import CustomerProfile
from ckm_stream.snapshots.tokens import Scope, StoredToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """
    The parts of a gateway.

    Attributes:
        rules: What the workers hold events to.
        epochs: Gives the epochs that are activated.
        profile: Gives a customer's profile, if there is one.
        glance: Gives the store at a moment, and how many score updates it has read.
        source_map: Gives the map with so many bins on each side.
        now: The time of day, in UTC.
    """

    settings: Settings
    topics: Topics
    outputs: OutputCodec
    metrics: GatewayMetrics
    store: StoreReader
    doorkeeper: Doorkeeper
    producer: AckProducer
    hub: UpdateHub
    meter: FlowMeter
    streams: Streams
    rules: Rules
    epochs: Callable[[], Awaitable[Epochs]]
    profile: Callable[[str], Awaitable[CustomerProfile | None]]
    census: Census
    glance: Callable[[], Awaitable[tuple[Glance, int]]]
    source_map: Callable[[int], Awaitable[SourceMap]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def admit(self, request: Request, scope: Scope | None) -> StoredToken:
        """
        Return the token of *request*, which must have *scope*.

        Raises:
            Problem: If it may not.
        """
        return await self.doorkeeper.admit(request, scope)


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that *request* has come to."""
    gateway: Gateway = request.app.state.gateway
    return gateway


def answer(value: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return *value* as JSON; nobody on the way may keep it."""
    return Response(
        msgspec.json.encode(value),
        status_code=status.value,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
