"""``GET /v1/score-updates``: score updates as they are announced, as server-sent events."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ckm_stream.domain.score import SourceClass
from ckm_stream.gateway.announced import Wanted
from ckm_stream.gateway.context import Gateway, gateway_of
from ckm_stream.gateway.openapi import SECURED, answering
from ckm_stream.gateway.problems import Problem, unavailable
from ckm_stream.gateway.routes.parameters import LONGEST_ID, needs
from ckm_stream.gateway.streams import PlacedStream
from ckm_stream.gateway.updates import PositionError, Positions, name_of
from ckm_stream.snapshots.tokens import Scope, StoredToken

router = APIRouter(dependencies=[Depends(needs(Scope.READ))], tags=["score updates"])

_MEDIA_TYPE: Final = "text/event-stream"
_HEARTBEAT_S: Final = 15.0
_RETRY_MS: Final = 2_000
_RESPONSES: Final[dict[int | str, Any]] = answering(None, HTTPStatus.BAD_REQUEST, sent=_MEDIA_TYPE)

OfCustomer = Annotated[
    str | None, Query(max_length=LONGEST_ID, description="Only of this customer.")
]
OfClass = Annotated[
    SourceClass | None, Query(alias="class", description="Only into or out of this class.")
]
LastEventId = Annotated[
    str | None,
    Header(max_length=20_000, description="The id that was received last: goes on behind it."),
]


@router.get(
    "/v1/score-updates",
    responses=_RESPONSES,
    response_class=StreamingResponse,
    openapi_extra=SECURED,
    summary="Score updates as they are announced",
)
async def stream_updates(
    request: Request,
    customer_id: OfCustomer = None,
    of_class: OfClass = None,
    last_event_id: LastEventId = None,
) -> Response:
    """
    Send each committed score update once, as server-sent events, until the client goes.

    Each has an id; a client that comes back with the last one as Last-Event-ID, here or at another
    gateway, gets what it has missed. An id alone, without data, is a sign of life every 15 s. A
    stream ends before anything is told to a token that has been revoked or has expired.
    """
    gateway = gateway_of(request)
    if not gateway.hub.is_open:
        raise unavailable("score updates cannot be read for now: the broker does not answer")
    try:
        positions = gateway.hub.newest if not last_event_id else gateway.hub.parse(last_event_id)
    except PositionError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"{error}; leave it out to begin with what comes next"
        ) from None
    if not gateway.streams.take():
        raise unavailable("too many streams are open at this gateway; try again", retry_after_s=10)
    return PlacedStream(
        _events(gateway, request.state.token, positions, Wanted(customer_id, of_class)),
        gateway.streams,
        media_type=_MEDIA_TYPE,
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    gateway: Gateway, token: StoredToken, positions: Positions, wanted: Wanted
) -> AsyncIterator[bytes]:
    yield f"retry: {_RETRY_MS}\nid: {name_of(positions)}\n\n".encode()
    followed = gateway.hub.follow(positions, wanted, heartbeat_s=_HEARTBEAT_S)
    async with aclosing(followed) as updates:
        async for update in updates:
            if not gateway.doorkeeper.is_in_force(token):
                return
            head = f"id: {name_of(positions)}\n".encode()
            if update is None:
                yield head + b": still here\n\n"
            else:
                data = update.json(gateway.outputs)
                yield head + b"event: score-updated\ndata: " + data + b"\n\n"
