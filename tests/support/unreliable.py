"""What stands between a client and the gateway on a bad day."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


class Front:
    """A proxy before the gateway: its address, and the ids of the events that reached it."""

    def __init__(self) -> None:
        self.url = ""
        self.ids: list[str] = []


@contextmanager
def unreliable(url: str) -> Iterator[Front]:
    """Give a proxy of *url* that refuses the first POST and loses the answer to the second."""
    front = Front()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            front.ids += [event["event_id"] for event in json.loads(body)]
            if len(front.ids) == 1:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"", **{"Retry-After": "1"})
                return
            passed = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
            answer = httpx.post(url + self.path, content=body, headers=passed, timeout=10)
            if len(front.ids) == 2:
                self._answer(HTTPStatus.BAD_GATEWAY, b"<html>gone</html>")
            else:
                self._answer(HTTPStatus(answer.status_code), answer.content)

        def _answer(self, status: HTTPStatus, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        front.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()
