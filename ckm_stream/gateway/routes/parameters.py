"""Parameters that several routes have, and who is let in."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from urllib.parse import unquote

from fastapi import Depends, Path, Query
from starlette.requests import Request

from ckm_stream.gateway.context import gateway_of
from ckm_stream.gateway.problems import FieldError, Problem, unprocessable
from ckm_stream.snapshots.tokens import Scope

#: Characters of a customer's id.
LONGEST_ID: Final = 1000

_SentId = Annotated[
    str,
    Path(
        alias="customer_id",
        description="The customer's id, percent-encoded.",
        min_length=1,
        max_length=LONGEST_ID,
    ),
]


def _decoded(customer_id: _SentId) -> str:
    return unquote(customer_id)


#: As it was before it was sent; paths of customers are matched as they were sent.
CustomerId = Annotated[str, Depends(_decoded)]
Limit = Annotated[int, Query(ge=1, le=500, description="Rows of a page.")]
CursorParameter = Annotated[
    str | None,
    Query(max_length=2000, description="What the page before gave as next_cursor."),
]


def needs(scope: Scope) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that lets in who has *scope*."""

    async def admit(request: Request) -> None:
        request.state.token = await gateway_of(request).admit(request, scope)

    return admit


def bad_parameter(name: str, message: str) -> Problem:
    """Return the problem of a query parameter."""
    return unprocessable(f"{name}: {message}", FieldError(f"$.query.{name}", message))
