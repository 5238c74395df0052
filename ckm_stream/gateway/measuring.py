"""
The outermost frame of every request: it counts, times, and is where an error of ours ends.

Middleware in plain ASGI, because Starlette's own wraps every body. What nobody has named becomes a
500 with an incident number; the log has the number, the error's type and where it was, and nothing
of what it says, which may be what somebody sent (promise P17).
"""

import secrets
import time
import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ckm_stream.errors import TransientError
from ckm_stream.gateway.problems import Problem, of_transient, problem_response
from ckm_stream.operations.metrics import GatewayMetrics

log = structlog.get_logger(__name__)

_NO_ROUTE: Final = "none"
_FRAMES: Final = 8
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Measured:
    """
    Wraps the application.

    Args:
        app: The application.
        metrics: What is counted.
    """

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        started = time.perf_counter()
        with self._metrics.http_requests_in_progress.track_inprogress():
            try:
                await self._app(scope, receive, answer)
            except TransientError as error:
                log.warning("gateway.unavailable", reason=str(error))
                await answer.tell(of_transient(error), scope, receive)
            except Exception as error:  # noqa: BLE001 -- the outermost frame of a request
                await answer.tell(_incident(error), scope, receive)
        route = _route_of(scope)
        method, status = scope["method"], str(answer.status)
        self._metrics.http_requests.labels(route, method, status).inc()
        if not answer.is_stream:
            self._metrics.http_request_duration.labels(route, method).observe(
                time.perf_counter() - started
            )


class _Answer:
    """Passes an answer on, with the headers that all have."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.is_stream = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
            self.is_stream = any(
                name == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in headers
            )
            message["headers"] = [*headers, *_HEADERS]
        await self._send(message)

    async def tell(self, problem: Problem, scope: Scope, receive: Receive) -> None:
        """Answer with *problem*, unless an answer has begun: the server breaks that off."""
        if self.status == 0:
            await problem_response(problem)(scope, receive, self)


def where_of(error: BaseException) -> list[str]:
    """Return the places that *error* came through, the last ones first; no values."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in reversed(frames)]


def _incident(error: Exception) -> Problem:
    number = secrets.token_hex(4)
    log.error("gateway.failed", incident=number, error=type(error).__name__, where=where_of(error))
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"something is wrong on our side; the log has it as incident {number}",
        incident=number,
    )


def _route_of(scope: Scope) -> str:
    """Return the pattern that was matched, never the path: that may name a customer."""
    pattern: str | None = getattr(scope.get("route"), "path_format", None)
    if pattern is None:
        return "/console" if isinstance(scope.get("endpoint"), StaticFiles) else _NO_ROUTE
    return pattern
