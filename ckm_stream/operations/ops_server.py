"""
The programs' operations port: ``/metrics``, ``/livez`` and ``/readyz``, by GET, and nothing else.

Served from threads of their own, so that it answers while an event loop does not. The answers hold
no customer and no secret; see docs/operations.md for their meaning.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, Final, Protocol
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.health import Verdict

METRICS: Final = "/metrics"
LIVE: Final = "/livez"
READY: Final = "/readyz"
# Seconds that a client may take to send its request, so that a slow one does not keep a thread.
_PATIENCE_S: Final = 5.0


class Wellbeing(Protocol):
    """What is told of a program's health."""

    def live(self) -> Verdict:
        """Tell whether it is alive."""

    def ready(self) -> Verdict:
        """Tell whether it does its work."""


Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class OpsServer:
    """
    The HTTP server of one program.

    Args:
        registry: What ``/metrics`` exports.
        health: What ``/livez`` and ``/readyz`` tell.
        host: Address to listen on.
        port: 0 lets the system choose.

    Raises:
        ConfigurationError: If the port is taken or the address is not this machine's.
    """

    def __init__(
        self, registry: CollectorRegistry, health: Wellbeing, *, host: str, port: int
    ) -> None:
        try:
            family, *_ = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            server = type("Server", (_Server,), {"address_family": family})
            application = _Application(registry, health)
            self._server: WSGIServer = make_server(host, port, application, server, _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"metrics and health cannot be served on {host}:{port} "
                f"({error.strerror or error}); choose another port with "
                "CKM__METRICS__PROFILE_PORT, CKM__METRICS__SNAPSHOT_PORT, CKM__METRICS__TEXT_PORT "
                "or CKM__METRICS__GATEWAY_PORT, whichever is this program's"
            ) from None
        self.port: int = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="ckm-operations", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving and wait for the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the overridden signature
        """Log nothing: probes come every few seconds."""


class _Application:
    def __init__(self, registry: CollectorRegistry, health: Wellbeing) -> None:
        self._metrics = make_wsgi_app(registry)
        self._verdicts = {LIVE: health.live, READY: health.ready}

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != METRICS and path not in self._verdicts:
            return _answer(start, HTTPStatus.NOT_FOUND, b"", [])
        if environ["REQUEST_METHOD"] != "GET":
            return _answer(start, HTTPStatus.METHOD_NOT_ALLOWED, b"", [("Allow", "GET")])
        if path == METRICS:
            exposition: Iterator[bytes] = self._metrics(environ, start)
            return exposition
        return _tell(start, self._verdicts[path]())


def _tell(start: StartResponse, verdict: Verdict) -> list[bytes]:
    status = HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return _answer(start, status, json.dumps(verdict.document()).encode(), headers)


def _answer(
    start: StartResponse, status: HTTPStatus, body: bytes, headers: list[tuple[str, str]]
) -> list[bytes]:
    start(f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [body]
