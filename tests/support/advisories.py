"""An advisory service that answers OSV queries as the public one does, on this machine."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from tests.support.answering import Answer, Request, answering


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

    def answer(request: Request) -> Answer:
        body = json.dumps(service.answer(json.loads(request.body))).encode()
        return Answer(HTTPStatus.OK, body, {"Content-Type": "application/json"})

    with answering(answer) as url:
        service.url = f"{url}/v1/query"
        yield service
