"""
Errors as people and programs get them: ``application/problem+json`` (RFC 9457).

A sentence says what is wrong, where, and what to do. What went wrong inside stays in the log, under
an incident number that the answer names.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.responses import Response

from ckm_stream.errors import TransientError

MEDIA_TYPE: Final = "application/problem+json"
#: Seconds after which to try again what is unavailable for now.
RETRY_AFTER_S: Final = 2


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong with what was sent, and where: ``$.lines[0].amount``."""

    path: str
    message: str


class Problem(Exception):  # noqa: N818 -- the RFC's word for it
    """
    An answer other than the one that was asked for.

    Args:
        status: The answer's status.
        detail: What is wrong, where, and what to do; no personal value.
        errors: All that is wrong with what was sent.
        headers: Such as Retry-After.
        **more: Further members of the document.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401 -- whatever is JSON
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.more = more


def problem_response(problem: Problem) -> Response:
    """Return *problem* as an answer."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        **problem.more,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return Response(
        msgspec.json.encode(document),
        status_code=problem.status.value,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def unavailable(detail: str, *, retry_after_s: float = RETRY_AFTER_S, **more: Any) -> Problem:  # noqa: ANN401 -- whatever is JSON
    """Return the problem of something that is away for now."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        detail,
        headers={"Retry-After": str(max(1, round(retry_after_s)))},
        **more,
    )


def of_transient(error: TransientError) -> Problem:
    """Return the problem of an error that passes; its sentence names hosts, and stays inside."""
    return unavailable(
        "the store or the broker is unavailable for now; try again",
        retry_after_s=max(error.retry_after_s, RETRY_AFTER_S),
    )


def not_found(detail: str) -> Problem:
    """Return the problem of something that is not there."""
    return Problem(HTTPStatus.NOT_FOUND, detail)


def unprocessable(detail: str, *errors: FieldError) -> Problem:
    """Return the problem of something that was understood and cannot be."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)
