"""All customers: the ranking, the map, and the service at a glance."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from ckm_stream.domain.score import SourceClass
from ckm_stream.gateway.answers import (
    Flow,
    Freshness,
    KeySources,
    Overview,
    SourceMap,
)
from ckm_stream.gateway.context import Gateway, answer, gateway_of
from ckm_stream.gateway.flow import TopicFlow
from ckm_stream.gateway.openapi import SECURED, answering
from ckm_stream.gateway.routes.parameters import CursorParameter, Limit, needs
from ckm_stream.snapshots import pages
from ckm_stream.snapshots.pages import SourceFilter
from ckm_stream.snapshots.tokens import Scope

router = APIRouter(dependencies=[Depends(needs(Scope.READ))], tags=["key sources"])

OfClass = Annotated[SourceClass | None, Query(alias="class", description="Only of this class.")]
LeadUser = Annotated[bool | None, Query(description="Only lead users, or only others.")]
MinTotal = Annotated[float | None, Query(ge=0.01, le=1, description="Only from this total on.")]
Prefix = Annotated[str | None, Query(max_length=200, description="Only ids that begin so.")]
Bins = Annotated[int, Query(ge=5, le=50, description="Cells on each side.")]


@router.get(
    "/v1/key-sources",
    responses=answering(KeySources),
    openapi_extra=SECURED,
    summary="Customers by their total, the greatest first",
)
async def read_ranking(  # noqa: PLR0913, PLR0917 -- query parameters, each with a default
    request: Request,
    of_class: OfClass = None,
    lead_user: LeadUser = None,
    min_total: MinTotal = None,
    q: Prefix = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Response:
    """Return a page of the ranking; places count the customers that the filter lets through."""
    which = SourceFilter(
        source_class=of_class, lead_user=lead_user, min_total=min_total, id_prefix=q
    )
    page = await gateway_of(request).store.read(pages.ranking, which, limit=limit, cursor=cursor)
    return answer(KeySources(page.rows, page.next_cursor))


@router.get(
    "/v1/map",
    responses=answering(SourceMap),
    openapi_extra=SECURED,
    summary="How many customers there are by value and willingness",
)
async def read_map(request: Request, bins: Bins = 25) -> Response:
    """Return the cells that have customers, with the mean absorption of each."""
    return answer(await gateway_of(request).source_map(bins))


@router.get(
    "/v1/overview",
    responses=answering(Overview),
    openapi_extra=SECURED,
    summary="The service at a glance",
)
async def read_overview(request: Request) -> Response:
    """Return classes, flow and freshness."""
    gateway = gateway_of(request)
    glance, positions = await gateway.glance()
    flows = gateway.meter.flows()
    return answer(
        Overview(
            at=gateway.now(),
            customers=sum(each.customers for each in glance.classes),
            simulated=glance.is_simulated,
            classes=glance.classes,
            flow=None if flows is None else _flow(gateway, flows),
            freshness=Freshness(
                newest_event=glance.newest_event,
                store_lag_records=_lag(gateway, flows, positions),
                epoch_id=glance.epoch_id,
            ),
        )
    )


def _flow(gateway: Gateway, flows: Sequence[TopicFlow]) -> Flow:
    updates = gateway.topics.score_updated
    rates = {each.topic: each.per_s for each in flows}
    published = [rate for topic, rate in rates.items() if topic != updates]
    return Flow(
        published_per_s=None if None in published else sum(filter(None, published)),
        score_updates_per_s=rates[updates],
        topics=list(flows),
    )


def _lag(gateway: Gateway, flows: Sequence[TopicFlow] | None, stored: int) -> int | None:
    if flows is None:
        return None
    written = next(each.records for each in flows if each.topic == gateway.topics.score_updated)
    return max(0, written - stored)
