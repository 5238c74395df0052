"""A small schema registry on a real socket."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ckm_stream.codec.catalogue import Catalogue


class Registry(ThreadingHTTPServer):
    """
    Keeps schemas by id; answers the calls that Confluent's REST API documents.

    With a *password* it wants to hear that of the user "user".
    """

    daemon_threads = True

    def __init__(self, *, password: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.password = password
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {}
        self.calls: list[str] = []
        self.failure: tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, subject: str, schema: str) -> int:
        """Register a schema; the same one twice has one id."""
        known = {json.dumps(json.loads(text)): number for number, text in self.schemas.items()}
        number = known.get(json.dumps(json.loads(schema)), len(self.schemas) + 1)
        self.schemas[number] = schema
        self.subjects.setdefault(subject, []).append(number)
        return number

    def add_catalogue(self, catalogue: Catalogue, prefix: str) -> None:
        """Register what the catalogue has, under the catalogue's ids."""
        for subject, versions in catalogue.subjects.items():
            for version in versions:
                self.schemas[version.schema_id] = json.dumps(version.schema.json)
                self.subjects.setdefault(prefix + subject, []).append(version.schema_id)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer meanwhile."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()

    def answer(self, method: str, path: str, body: dict[str, str]) -> tuple[int, Any]:
        """Return status and JSON."""
        parts = path.strip("/").split("/")
        if method == "GET" and parts[:2] == ["schemas", "ids"]:
            schema = self.schemas.get(int(parts[2]))
            return (404, {"error_code": 40403}) if schema is None else (200, {"schema": schema})
        if method == "PUT":
            self.levels[parts[1]] = body["compatibility"]
            return 200, body
        if parts[-1] == "versions":
            return 200, {"id": self.add(parts[1], body["schema"])}
        wanted = json.loads(body["schema"])
        for number in self.subjects.get(parts[1], []):
            if json.loads(self.schemas[number]) == wanted:
                return 200, {"id": number, "subject": parts[1], "version": 1}
        return 404, {"error_code": 40401}


class _Handler(BaseHTTPRequestHandler):
    server: Registry

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else {}
        self.server.calls.append(f"{self.command} {self.path}")
        if not self._is_welcome():
            status, text = 401, b"{}"
        elif self.server.failure is not None:
            status, text = self.server.failure
        else:
            status, answer = self.server.answer(self.command, self.path, body)
            text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _is_welcome(self) -> bool:
        if self.server.password is None:
            return True
        expected = base64.b64encode(f"user:{self.server.password}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 -- names that http.server looks up

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- http.server's name
        """Say nothing."""
