"""One customer: profile, score with its reasons, history and knowledge items."""

from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from ckm_stream.domain.knowledge import Section
from ckm_stream.gateway.answers import Items, ScoreAnswer
from ckm_stream.gateway.context import answer, gateway_of
from ckm_stream.gateway.cooling import TooEarlyError, cooled
from ckm_stream.gateway.openapi import SECURED, answering
from ckm_stream.gateway.problems import not_found
from ckm_stream.gateway.routes.parameters import (
    CursorParameter,
    CustomerId,
    Limit,
    bad_parameter,
    needs,
)
from ckm_stream.snapshots import pages
from ckm_stream.snapshots.pages import History
from ckm_stream.snapshots.stored import CustomerProfile
from ckm_stream.snapshots.tokens import Scope

router = APIRouter(dependencies=[Depends(needs(Scope.READ))], tags=["customers"])
T = TypeVar("T")


class SectionName(StrEnum):
    """Direction of the knowledge: about, for, or from the customer."""

    ABOUT = "about"
    FOR = "for"
    FROM = "from"


At = Annotated[
    datetime | None,
    Query(description="RFC 3339 with an offset: the score cooled to then, if nothing happens."),
]
OfSection = Annotated[SectionName | None, Query(description="Of this direction only.")]


@router.get(
    "/v1/customers/{customer_id:path}/score",
    responses=answering(ScoreAnswer, HTTPStatus.NOT_FOUND),
    openapi_extra=SECURED,
    summary="A customer's score, and why",
)
async def read_score(request: Request, customer_id: CustomerId, at: At = None) -> Response:
    """Return the newest announced score with its explanation as announced, or cooled to `at`."""
    gateway = gateway_of(request)
    if at is None:
        announced = _known(await gateway.store.read(pages.announced, customer_id))
        fields = msgspec.structs.asdict(announced)
        return answer(ScoreAnswer(**fields, cooled=False, at=None))
    if at.tzinfo is None:
        raise bad_parameter("at", "needs an offset, such as Z, or +02:00 with its plus as %2B")
    at = at.astimezone(UTC)
    epochs = await gateway.epochs()
    try:
        found = await gateway.store.read(
            cooled, customer_id, at=at, epochs=epochs, policy=gateway.settings.scoring
        )
    except TooEarlyError as error:
        raise bad_parameter("at", str(error)) from None
    return answer(ScoreAnswer(**msgspec.structs.asdict(_known(found)), cooled=True, at=at))


@router.get(
    "/v1/customers/{customer_id:path}/history",
    responses=answering(History, HTTPStatus.NOT_FOUND),
    openapi_extra=SECURED,
    summary="A customer's announced scores and changes of class",
)
async def read_history(
    request: Request, customer_id: CustomerId, limit: Limit = 100, cursor: CursorParameter = None
) -> Response:
    """Return what was announced, newest first."""
    gateway = gateway_of(request)
    found = await gateway.store.read(pages.history, customer_id, limit=limit, cursor=cursor)
    if not found.scores and cursor is None:
        _known(await gateway.profile(customer_id))
    return answer(found)


@router.get(
    "/v1/customers/{customer_id:path}/items",
    responses=answering(Items, HTTPStatus.NOT_FOUND),
    openapi_extra=SECURED,
    summary="What touchpoints of a customer taught, or gave them",
)
async def read_items(
    request: Request,
    customer_id: CustomerId,
    section: OfSection = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Response:
    """Return knowledge items, newest first."""
    gateway = gateway_of(request)
    of = None if section is None else Section[section.name]
    page = await gateway.store.read(pages.items, customer_id, of, limit=limit, cursor=cursor)
    if not page.rows and cursor is None:
        _known(await gateway.profile(customer_id))
    return answer(Items(page.rows, page.next_cursor))


@router.get(
    "/v1/customers/{customer_id:path}",
    responses=answering(CustomerProfile, HTTPStatus.NOT_FOUND),
    openapi_extra=SECURED,
    summary="What is known about, for and from a customer",
)
async def read_customer(request: Request, customer_id: CustomerId) -> Response:
    """Return the profile with the newest items of each direction and the newest score."""
    return answer(_known(await gateway_of(request).profile(customer_id)))


def _known(found: T | None) -> T:
    if found is None:
        raise not_found("no event of this customer is in the store; new ones take a second")
    return found
