"""
The HTTP server: uvicorn, with what it lacks against clients that never finish.

uvicorn 0.54 waits for ever for the headers of a request (its only timer is for connections that are
kept alive after one), and for any number of them, so a few hundred sockets of nothing would fill
it. Nor does it end a body that nobody reads, such as that of a request that was refused. Here a
connection has a time and a size for its headers, and a time for the body.
"""

import asyncio
from collections.abc import Sized
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ckm_stream.errors import ConfigurationError
from ckm_stream.gateway.health import GatewayHealth
from ckm_stream.gateway.problems import Problem, problem_response, unavailable
from ckm_stream.gateway.updates import UpdateHub
from ckm_stream.settings import GatewaySettings

_KEEP_ALIVE_S: Final = 30
_DRAIN_S: Final = 8
_LONGEST_HEADERS: Final = 1 << 16
_SLACK_S: Final = 1.0


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a time and a size for headers, and a time for the body."""

    header_timeout_s = 10.0
    body_timeout_s = 10.0
    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's signature
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect(self.header_timeout_s)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of this one."""
        super().on_message_begin()
        self._header_bytes = 0
        self._expect(self.header_timeout_s)

    def on_url(self, url: bytes) -> None:
        """Count a part of the path."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """Begin to wait for the body; a route that reads it gives up first, with an answer."""
        self._expect(self.body_timeout_s + _SLACK_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait no more."""
        self._stop_expecting()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_expecting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- it says less
        """Answer what is no request."""
        self._refuse(Problem(HTTPStatus.BAD_REQUEST, "this is not a request of HTTP/1.1"))

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _LONGEST_HEADERS:
            self._refuse(
                Problem(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    f"path and headers may have {_LONGEST_HEADERS:,} bytes together",
                )
            )

    def _refuse(self, problem: Problem) -> None:
        """Answer outside of the application, unless another answer is under way, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            response = problem_response(problem)
            response.headers["Connection"] = "close"
            lines = [
                b"HTTP/1.1 %d %s" % (problem.status, problem.status.phrase.encode()),
                *(b"%s: %s" % pair for pair in response.raw_headers),
            ]
            self.transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        self._give_up()

    def _expect(self, within_s: float) -> None:
        self._stop_expecting()
        self._deadline = self.loop.call_later(within_s, self._give_up)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class _Bounded:
    """The application for so many connections; the others are told to come again."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self.connections: Sized = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or len(self.connections) <= self._most:
            await self._app(scope, receive, send)
            return
        response = problem_response(
            unavailable("this gateway has too many connections; come again, or ask another one")
        )
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


class Server(uvicorn.Server):
    """
    A server that is not ready before it stops, and lets listeners go.

    Args:
        app: The application.
        settings: Where it listens, and its bounds.
        health: Told of its beginning and its end.
        hub: Whose listeners would otherwise keep the server from ending.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: GatewaySettings,
        *,
        health: GatewayHealth,
        hub: UpdateHub,
    ) -> None:
        bounded = _Bounded(app, settings.max_connections)
        super().__init__(
            uvicorn.Config(
                bounded,
                host=settings.host,
                port=settings.port,
                http=type(
                    "Protocol",
                    (BoundedProtocol,),
                    {
                        "header_timeout_s": settings.header_timeout_s,
                        "body_timeout_s": settings.body_timeout_s,
                    },
                ),
                loop="uvloop",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_DRAIN_S,
                ws="none",
                ssl_certfile=settings.tls_certificate_file,
                ssl_keyfile=settings.tls_key_file,
            )
        )
        bounded.connections = self.server_state.connections
        self._health = health
        self._hub = hub

    async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 -- uvicorn's signature
        """Begin to listen."""
        await super().startup(sockets)
        self._health.beat(asyncio.get_running_loop())

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 -- uvicorn's signature
        """Stop, at first by saying so."""
        self._health.stop()
        self._hub.end()
        super().handle_exit(sig, frame)


def serve(server: Server) -> None:
    """
    Serve until SIGTERM or SIGINT; what is under way has 8 s to end.

    Raises:
        ConfigurationError: If the port is taken, or a part could not be started.
    """
    config = server.config
    try:
        server.run()
    except SystemExit as error:  # uvicorn's way to say that it cannot listen
        if not error.code:
            raise
        raise ConfigurationError(
            f"HTTP cannot be served on {config.host}:{config.port}; see the line above, or choose "
            "another port with CKM__GATEWAY__PORT"
        ) from None
    if not server.started:
        raise ConfigurationError("the gateway could not be started; see the line above")
