"""A gateway of an installation, and clients of it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ckm_stream.snapshots.tokens import Scope, TokenStore
from tests.support.installation import Installation
from tests.support.services import Service, wait_until

ALL = (Scope.PUBLISH, Scope.READ)


@dataclass(frozen=True)
class Gateway:
    """A gateway that runs, and how to talk to it."""

    installation: Installation
    service: Service

    @property
    def address(self) -> str:
        """The address of its HTTP."""
        return f"http://127.0.0.1:{self.service.env['CKM__GATEWAY__PORT']}"

    def token(self, *scopes: Scope, expires_in_s: float = 600.0) -> str:
        """Return a new token."""
        now_s = time.time()
        store = TokenStore(self.installation.engine)
        token, _ = store.create("test", scopes or ALL, now_s=now_s, expires_s=now_s + expires_in_s)
        return token

    def client(self, *scopes: Scope) -> httpx.Client:
        """Return a client with a token of its own; to be closed."""
        return httpx.Client(
            base_url=self.address,
            headers={"Authorization": f"Bearer {self.token(*scopes)}"},
            timeout=30,
        )


@contextmanager
def running_gateway(installation: Installation, *faults: str, **extra: str) -> Iterator[Gateway]:
    """Run a gateway of *installation* with more settings, or with faults; it is ready."""
    if faults:
        service = installation.new_faulty("serve", *faults)
    else:
        service = installation.new_service("serve", own_port=True)
    service.env |= extra
    service.start()
    try:
        service.wait_until_ready()
        yield Gateway(installation, service)
    finally:
        service.stop()


@dataclass(frozen=True)
class ServerSent:
    """One server-sent event."""

    event_id: str
    event: str
    data: Any


def server_sent(lines: Iterator[str]) -> Iterator[ServerSent]:
    """Yield the events of a stream, those without data too."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = json.loads(fields["data"]) if "data" in fields else None
            yield ServerSent(fields.get("id", ""), fields.get("event", ""), data)
            fields = {}


def updates_of(
    client: httpx.Client, *, last: str | None, until: int, path: str = "/v1/score-updates"
) -> tuple[list[ServerSent], str]:
    """Return *until* score updates from behind *last* on, and the id that came last."""
    headers = {} if last is None else {"Last-Event-ID": last}
    found: list[ServerSent] = []
    position = last or ""
    with client.stream("GET", path, headers=headers, timeout=60) as answer:
        assert answer.status_code == httpx.codes.OK, answer.read()
        for sent in server_sent(answer.iter_lines()):
            position = sent.event_id
            if sent.data is not None:
                found.append(sent)
            if len(found) >= until:
                break
    return found, position


def wait_for_customer(client: httpx.Client, customer_id: str, *, version: int = 1) -> Any:
    """Wait until the store has a customer at a version; return the profile."""
    found: list[Any] = []

    def is_there() -> bool:
        answer = client.get(f"/v1/customers/{customer_id}")
        if answer.status_code == httpx.codes.OK and answer.json()["version"] >= version:
            found.append(answer.json())
        return bool(found)

    wait_until(is_there, timeout_s=60, what=f"customer {customer_id} at version {version}")
    return found[-1]
