"""
The application: routes, errors as problems, the console's files, and what runs beside them.

Everything that is sent from outside is bounded before it is looked at (promise P20); what each
route does is in ``routes``.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ckm_stream.errors import InvariantError
from ckm_stream.gateway.context import Gateway, answer
from ckm_stream.gateway.measuring import Measured, where_of
from ckm_stream.gateway.openapi import document_of
from ckm_stream.gateway.problems import FieldError, Problem, problem_response, unprocessable
from ckm_stream.gateway.routes import customers, events, sources, stream, tokens
from ckm_stream.gateway.routes.parameters import bad_parameter
from ckm_stream.gateway.tokens import Tokens
from ckm_stream.snapshots.pages import CursorError

log = structlog.get_logger(__name__)

_CONSOLE: Final = Path(__file__).parent / "console"
_DESCRIPTION: Final = (
    "Touchpoint events in, knowledge profiles and key-source scores out. Errors are "
    "application/problem+json. Tokens are made by `ckm tokens create`."
)
# Nothing of anybody else's, nothing inline: what a customer wrote is never run.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def build_app(gateway: Gateway, held: Tokens) -> FastAPI:
    """
    Return the application of *gateway*.

    Args:
        gateway: Its parts; they are started and stopped with the application.
        held: The tokens, which are read again and again.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await gateway.producer.start()
        parts = (gateway.hub.run(), gateway.meter.run(), gateway.census.run(), held.keep_reading())
        tasks = [asyncio.create_task(part) for part in parts]
        for task in tasks:
            task.add_done_callback(_end_with)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            await gateway.producer.stop()
            gateway.store.close()

    app = FastAPI(
        title="ckm-stream",
        version=version("ckm-stream"),
        description=_DESCRIPTION,
        lifespan=running,
        openapi_url=None,  # served below, with our own schemas
        docs_url=None,  # these come from elsewhere, with scripts
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.gateway = gateway
    for each in (events, stream, sources, customers, tokens):
        app.include_router(each.router)
    _add_public_routes(app)
    app.add_middleware(Measured, metrics=gateway.metrics)
    app.add_exception_handler(Problem, _tell)
    app.add_exception_handler(HTTPException, _tell_http)
    app.add_exception_handler(RequestValidationError, _tell_parameters)
    app.add_exception_handler(CursorError, _tell_cursor)
    return app


def _end_with(task: "asyncio.Task[None]") -> None:
    """End the process with a part that has failed: nothing else would notice."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.critical("gateway.ends", error=type(error).__name__, where=where_of(error))
        os._exit(InvariantError.exit_code)


def _add_public_routes(app: FastAPI) -> None:
    """Add what needs no token: the document of the interface, and the console's files."""
    document: dict[str, Any] = {}

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def read_document() -> Response:
        if not document:
            document.update(document_of(app))
        return answer(document)

    @app.get("/", include_in_schema=False)
    async def go_to_console() -> Response:
        return RedirectResponse("/console/")

    app.mount("/console", _Console(directory=_CONSOLE, html=True), name="console")


class _Console(StaticFiles):
    """The console's files, which are asked for again when the gateway is another version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = _POLICY
        return response


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 -- Starlette's signature, our registration
    return problem_response(error)


async def _tell_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- likewise
    status = HTTPStatus(error.status_code)
    said = {
        HTTPStatus.NOT_FOUND: "there is nothing here; /v1/openapi.json has what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: "this path has other methods, see Allow",
    }
    return problem_response(
        Problem(status, said.get(status, status.description), headers=error.headers)
    )


async def _tell_cursor(_: Request, error: Exception) -> Response:
    return problem_response(bad_parameter("cursor", str(error)))


async def _tell_parameters(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- likewise
    errors = [
        FieldError("$." + ".".join(map(str, each["loc"])), each["msg"]) for each in error.errors()
    ]
    return problem_response(unprocessable("a parameter cannot be what it is", *errors))
