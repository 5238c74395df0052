"""A small schema registry on a real socket."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Self

from ckm_stream.codec.catalogue import Catalogue
from tests.support.answering import Answer, Request, answering


class Registry:
    """
    Keeps schemas by id; answers the calls that Confluent's REST API documents.

    With a *password* it wants to hear that of the user "user".
    """

    def __init__(self, *, password: str | None = None) -> None:
        self.url = ""
        self.password = password
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {}
        self.calls: list[str] = []
        self.failure: tuple[int, bytes] | None = None

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
    def serving(self) -> Iterator[Self]:
        """Answer meanwhile, at ``url``."""
        with answering(self._answered) as self.url:
            yield self

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

    def _answered(self, request: Request) -> Answer:
        self.calls.append(f"{request.method} {request.path}")
        if not self._is_welcome(request):
            return Answer(HTTPStatus.UNAUTHORIZED, b"{}")
        if self.failure is not None:
            return Answer(*self.failure)
        body = json.loads(request.body) if request.body else {}
        status, answer = self.answer(request.method, request.path, body)
        return Answer(status, json.dumps(answer).encode())

    def _is_welcome(self, request: Request) -> bool:
        if self.password is None:
            return True
        expected = base64.b64encode(f"user:{self.password}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {expected}"
