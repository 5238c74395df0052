"""What stands between a client and the gateway on a bad day."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import httpx

from tests.support.answering import Answer, Request, answering


class Front:
    """A proxy before the gateway: its address, and the ids of the events that reached it."""

    def __init__(self) -> None:
        self.url = ""
        self.ids: list[str] = []


@contextmanager
def unreliable(url: str) -> Iterator[Front]:
    """Give a proxy of *url* that refuses the first POST and loses the answer to the second."""
    front = Front()

    def answer(request: Request) -> Answer:
        front.ids += [event["event_id"] for event in json.loads(request.body)]
        if len(front.ids) == 1:
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})
        passed = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        given = httpx.post(url + request.path, content=request.body, headers=passed, timeout=10)
        if len(front.ids) == 2:
            return Answer(HTTPStatus.BAD_GATEWAY, b"<html>gone</html>")
        return Answer(given.status_code, given.content)

    with answering(answer) as front.url:
        yield front
