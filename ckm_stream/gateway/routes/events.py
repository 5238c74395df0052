"""``POST /v1/events``: touchpoints from channels that do not speak Kafka."""

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from ckm_stream.gateway.answers import Verdict, Verdicts
from ckm_stream.gateway.bodies import media_type_of, read_body
from ckm_stream.gateway.context import Gateway, answer, gateway_of
from ckm_stream.gateway.openapi import SECURED, answering, events_body, problem_answer
from ckm_stream.gateway.problems import Problem, unavailable
from ckm_stream.gateway.routes.parameters import needs
from ckm_stream.gateway.verdicts import MEDIA_TYPES, BodyError, Judged, judge, split
from ckm_stream.snapshots.tokens import Scope

router = APIRouter(dependencies=[Depends(needs(Scope.PUBLISH))], tags=["events"])

# Some 40 µs an event: more at once would keep other requests waiting, so a thread does it.
_JUDGED_IN_PLACE: Final = 20
_ANSWERS: Final[dict[int | str, Any]] = {
    status.value: {**answering(Verdicts)[200], "description": said}
    for status, said in (
        (HTTPStatus.ACCEPTED, "all events are acknowledged by the brokers"),
        (HTTPStatus.MULTI_STATUS, "those accepted are acknowledged; the others were not sent"),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "no event was accepted; nothing was sent"),
    )
}
# Both what is wrong with the events and what is wrong with a parameter.
_ANSWERS[HTTPStatus.UNPROCESSABLE_ENTITY.value]["content"] |= problem_answer(
    HTTPStatus.UNPROCESSABLE_ENTITY
)["content"]
_ALL: Final[dict[int | str, Any]] = {
    **answering(
        Verdicts,
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ),
    **_ANSWERS,
}


class Validate(StrEnum):
    """What is done with events beside judging them: nothing."""

    ONLY = "only"


OnlyValidate = Annotated[
    Validate | None,
    Query(description="`only`: judge the events, send nothing; 200 if all are right."),
]


@router.post(
    "/v1/events",
    responses=_ALL,
    openapi_extra={**SECURED, "requestBody": events_body()},
    summary="Publish touchpoint events, one or a batch",
)
async def publish_events(request: Request, validate: OnlyValidate = None) -> Response:
    """
    Judge each event by the workers' rules, and publish those that are right.

    The answer says of each event whether it was accepted, or all that is wrong with it. It comes
    when all replicas have acknowledged what was accepted; 503 means that some of it is not known to
    have arrived. Send the same events again then: by its id an event counts once.
    """
    gateway = gateway_of(request)
    judged = await _judged(gateway, request)
    accepted = [each for each in judged if each.event is not None]
    if validate is not None:
        is_right = len(accepted) == len(judged)
        status = HTTPStatus.OK if is_right else HTTPStatus.UNPROCESSABLE_ENTITY
        return answer(_verdicts(judged), status)
    lost = await gateway.producer.send(accepted) if accepted else []
    _count(gateway, judged, lost)
    if lost:
        places = sorted(each.place for each in lost)
        raise unavailable(
            f"{len(lost)} of {len(judged)} events were not acknowledged by the brokers in time; "
            "send all of them again with the same ids",
            unacknowledged=places,
        )
    return answer(_verdicts(judged), _status(len(accepted), len(judged)))


async def _judged(gateway: Gateway, request: Request) -> list[Judged]:
    settings = gateway.settings.gateway
    media_type = media_type_of(request, MEDIA_TYPES)
    body = await read_body(
        request, max_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s
    )

    def judge_all(entries: Sequence[object]) -> list[Judged]:
        return [
            judge(place, entry, media_type, gateway.rules) for place, entry in enumerate(entries)
        ]

    try:
        entries = split(body, media_type, most=settings.max_events)
    except BodyError as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, f"the body is not a batch of events: {error}"
        ) from None
    if len(entries) <= _JUDGED_IN_PLACE:
        return judge_all(entries)
    return await asyncio.to_thread(judge_all, entries)


def _status(accepted: int, sent: int) -> HTTPStatus:
    if accepted == sent:
        return HTTPStatus.ACCEPTED
    return HTTPStatus.MULTI_STATUS if accepted else HTTPStatus.UNPROCESSABLE_ENTITY


def _verdicts(judged: Sequence[Judged]) -> Verdicts:
    verdicts = [
        Verdict(each.place, each.event_id, "refused" if each.errors else "accepted", each.errors)
        for each in judged
    ]
    refused = sum(bool(each.errors) for each in judged)
    return Verdicts(len(judged) - refused, refused, verdicts)


def _count(gateway: Gateway, judged: Sequence[Judged], lost: Sequence[Judged]) -> None:
    events = gateway.metrics.http_events
    refused = sum(each.event is None for each in judged)
    events.labels("refused").inc(refused)
    events.labels("unacknowledged").inc(len(lost))
    events.labels("accepted").inc(len(judged) - refused - len(lost))
