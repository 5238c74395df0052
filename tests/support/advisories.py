"""An advisory service that answers OSV queries as the public one does, on this machine."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Advisories:
    """The service: what it knows, and what it has been asked."""

    def __init__(self, known: Mapping[tuple[str, str], str]) -> None:
        self._known = known
        self.asked: set[tuple[str, str]] = set()
        self.url = ""

    def answer(self, query: dict[str, Any]) -> dict[str, Any]:
        """Return what is known of a release: nothing, or one advisory, fixed in 99.0."""
        release = (query["package"]["name"], query["version"])
        self.asked.add(release)
        if release not in self._known:
            return {}
        package = {"name": release[0], "ecosystem": "PyPI"}
        ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}]
        advisory = {
            "id": self._known[release],
            "schema_version": "1.6.0",
            "summary": "It lets anybody in.",
            "affected": [{"package": package, "ranges": ranges}],
        }
        return {"vulns": [advisory]}


@contextmanager
def advisories(known: Mapping[tuple[str, str], str] | None = None) -> Iterator[Advisories]:
    """Give a running service that knows an advisory for each release of *known*."""
    service = Advisories(known or {})

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(service.answer(query)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}/v1/query"
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
