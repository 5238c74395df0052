"""What the gateway refuses, and that it goes on meanwhile (promise P20)."""

import gzip
import http.client
import json
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
import pytest

from ckm_stream.settings import GatewaySettings
from ckm_stream.snapshots.tokens import Scope
from tests.e2e.conftest import Install
from tests.support.http import Gateway, running_gateway
from tests.support.installation import scrape
from tests.support.services import wait_until

pytestmark = pytest.mark.embedded
_DEFAULTS = GatewaySettings()
_MIB = 1 << 20
_SHORT = {"CKM__GATEWAY__HEADER_TIMEOUT_S": "1", "CKM__GATEWAY__BODY_TIMEOUT_S": "1"}


@pytest.fixture
def gateway(install: Install) -> Iterator[Gateway]:
    """Give a gateway that waits a second for what clients do not send."""
    with running_gateway(install(), **_SHORT) as running:
        yield running


def raw(gateway: Gateway) -> socket.socket:
    """Return a connection to the gateway."""
    host, port = gateway.address.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def zeros(size: int) -> bytes:
    """Return so many zeros, packed with gzip."""
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(bytes(size)) + packer.flush()


_BODIES: Final[tuple[tuple[bytes, dict[str, str], int], ...]] = (
    (b"[]", {}, HTTPStatus.BAD_REQUEST),
    (b"", {}, HTTPStatus.BAD_REQUEST),
    (b"{", {}, HTTPStatus.BAD_REQUEST),
    (b"\xff\xfe", {}, HTTPStatus.BAD_REQUEST),
    (b"NaN", {}, HTTPStatus.BAD_REQUEST),
    (b"[" * 100_000, {}, HTTPStatus.BAD_REQUEST),
    (b'{"a":' * 100_000, {}, HTTPStatus.BAD_REQUEST),
    (b"[" + b"{}," * _DEFAULTS.max_events + b"{}]", {}, HTTPStatus.BAD_REQUEST),
    (b" " * (_DEFAULTS.max_body_bytes + 1), {}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (b"{}", {"Content-Type": "text/plain"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (b"{}", {"Content-Type": "application/json; charset=utf-16"}, 415),
    (b"{}", {"Content-Type": "application/xml"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (b"{}", {"Content-Encoding": "br"}, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (b"{}", {"Content-Encoding": "gzip"}, HTTPStatus.BAD_REQUEST),
    (gzip.compress(b"{}")[:-4], {"Content-Encoding": "gzip"}, HTTPStatus.BAD_REQUEST),
    (gzip.compress(b"{}") * 2, {"Content-Encoding": "gzip"}, HTTPStatus.BAD_REQUEST),
    (b'"\\ud800"', {}, HTTPStatus.BAD_REQUEST),
    (b"7", {}, HTTPStatus.UNPROCESSABLE_ENTITY),
    (b'[{"type": "call", "event_id": 7}]', {}, HTTPStatus.UNPROCESSABLE_ENTITY),
)


def test_a_body_that_cannot_be_is_refused_with_a_sentence(gateway: Gateway) -> None:
    """Each with its own status; nothing is published, and no error of ours is in the log."""
    given = {"Content-Type": "application/json"}
    with gateway.client() as client:
        answers = [
            client.post("/v1/events", content=content, headers={**given, **headers})
            for content, headers, _ in _BODIES
        ]

    assert [each.status_code for each in answers] == [status for _, _, status in _BODIES]
    for document in (each.json() for each in answers):
        assert document.get("detail") or document["events"][0]["errors"]
    assert "gateway.failed" not in gateway.service.log()


def bombed(gateway: Gateway, bomb: bytes) -> tuple[set[int], int]:
    """Send *bomb* three times; return the statuses, and how much higher memory has been for it."""
    assert gateway.service.process is not None
    status = Path(f"/proc/{gateway.service.process.pid}/status")
    before = peak_bytes(status)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with gateway.client() as client:
        answers = [client.post("/v1/events", content=bomb, headers=headers) for _ in range(3)]
    return {each.status_code for each in answers}, peak_bytes(status) - before


def peak_bytes(status: Path) -> int:
    """Return the most memory that a process has had."""
    line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) << 10


def test_a_gigabyte_in_a_megabyte_is_refused_at_its_first_megabyte(gateway: Gateway) -> None:
    """The bomb is let in for its size as sent, and never unpacked."""
    bomb = zeros(1 << 30)

    statuses, grown = bombed(gateway, bomb)

    assert len(bomb) < _DEFAULTS.max_body_bytes
    assert statuses == {HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    assert grown < 30 * _MIB


def test_control_unpacked_without_bounds_the_bomb_goes_off(install: Install) -> None:
    """A quarter of it is refused too, after all of it has been in memory."""
    with running_gateway(install(), "without_unpacking_in_bounds") as gateway:
        statuses, grown = bombed(gateway, zeros(1 << 28))

    assert statuses == {HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    assert grown > 200 * _MIB


def test_a_body_without_a_length_is_cut_off_at_the_cap(gateway: Gateway) -> None:
    """Chunks are counted as they come; an endless body is not read on."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 * _MIB:
            sent += 65536
            yield b" " * 65536

    with gateway.client() as client:
        try:
            status = client.post(
                "/v1/events", content=endless(), headers={"Content-Type": "application/json"}
            ).status_code
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE  # it hung up in the midst of it

    assert status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert sent < 32 * _MIB


def test_clients_that_never_finish_are_let_go_and_hold_nobody_up(gateway: Gateway) -> None:
    """Slowloris: two hundred connections with half a request; others are answered all the while."""
    token = gateway.token(Scope.PUBLISH)
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n"
    )
    with ExitStack() as stack, gateway.client() as client:
        silent = [stack.enter_context(raw(gateway)) for _ in range(70)]
        slow_headers = [stack.enter_context(raw(gateway)) for _ in range(70)]
        unread = [stack.enter_context(raw(gateway)) for _ in range(20)]
        slow_bodies = [stack.enter_context(raw(gateway)) for _ in range(60)]
        for each in unread:
            each.sendall(b"GET /v1/me HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
            answer = http.client.HTTPResponse(each)
            answer.begin()
            assert (answer.status, bool(answer.read())) == (HTTPStatus.UNAUTHORIZED, True)
        for each in slow_headers:
            each.sendall(head[:40].encode())
        for each in slow_bodies:
            each.sendall(f"{head}\r\n{{".encode())
        statuses = {client.get("/v1/me").status_code for _ in range(20)}
        time.sleep(2.5)
        ends = [each.recv(4096) for each in (*silent, *slow_headers, *unread)]
        told = [each.recv(4096).partition(b"\r\n")[0] for each in slow_bodies]

    assert statuses == {HTTPStatus.OK}
    assert set(ends) == {b""}
    assert set(told) == {b"HTTP/1.1 408 Request Timeout"}


def test_headers_without_end_are_cut_off(gateway: Gateway) -> None:
    """64 kB of headers are the most."""
    with raw(gateway) as connection:
        connection.sendall(b"GET /v1/me HTTP/1.1\r\n")
        with pytest.raises((ConnectionError, TimeoutError)):  # noqa: PT012 -- which write fails is chance
            for number in range(2000):
                connection.sendall(f"x-{number}: {'a' * 1000}\r\n".encode())
            while connection.recv(4096):
                pass
            raise ConnectionResetError


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /" + b"a" * 66_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
    ids=["no request", "two lengths", "long path"],
)
def test_what_is_not_http_gets_a_problem_too(gateway: Gateway, sent: bytes, status: int) -> None:
    """The server's own answers are of the same kind as all others."""
    with raw(gateway) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        problem = json.loads(answer.read())

    assert answer.status == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]


def test_more_connections_than_there_may_be_are_told_to_come_again(install: Install) -> None:
    """503 with Retry-After; those that are there go on."""
    with (
        running_gateway(install(), CKM__GATEWAY__MAX_CONNECTIONS="3") as gateway,
        gateway.client() as client,
        ExitStack() as stack,
    ):
        first = client.get("/v1/me")
        silent = [stack.enter_context(raw(gateway)) for _ in range(2)]
        last = httpx.get(f"{gateway.address}/v1/me")
        for each in silent:
            each.close()
        again = client.get("/v1/me")

    assert (first.status_code, again.status_code) == (HTTPStatus.OK, HTTPStatus.OK)
    assert last.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert last.headers["content-type"] == "application/problem+json"
    assert last.headers["retry-after"]


@pytest.mark.parametrize("lengths", ["-1", "abc", "1_0", "+5"])
def test_a_length_that_is_no_number_is_refused(gateway: Gateway, lengths: str) -> None:
    """The server's parser or the gateway says so; nothing waits for such a body."""
    with raw(gateway) as connection:
        connection.sendall(
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: {lengths}\r\n\r\n".encode()
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()

    assert HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR


def test_a_token_that_asks_too_often_is_told_when_to_come_again(install: Install) -> None:
    """429 with Retry-After; another token is not concerned, and after the wait this one is not."""
    few = {"CKM__GATEWAY__RATE_PER_S": "2", "CKM__GATEWAY__RATE_BURST": "5"}
    with running_gateway(install(), **few) as gateway, gateway.client() as eager:
        answers = [eager.get("/v1/me") for _ in range(8)]
        with gateway.client() as other:
            others = other.get("/v1/me").status_code
        refused = [each for each in answers if each.status_code == HTTPStatus.TOO_MANY_REQUESTS]
        wait_s = int(refused[0].headers["Retry-After"])
        time.sleep(wait_s)
        later = eager.get("/v1/me").status_code
        limited = scrape(gateway.service.port)["ckm_http_rate_limited_total"]

    assert [each.status_code for each in answers[:5]] == [HTTPStatus.OK] * 5
    assert 1 <= wait_s <= 2
    assert (others, later, limited) == (HTTPStatus.OK, HTTPStatus.OK, len(refused))


def test_more_streams_than_may_be_open_are_told_to_come_again(install: Install) -> None:
    """However many are asked for at the same instant; a place that is left is taken."""
    with running_gateway(install(), CKM__GATEWAY__MAX_STREAMS="3") as gateway, ExitStack() as stack:
        token = gateway.token(Scope.READ)
        ask = f"GET /v1/score-updates HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        asking = [stack.enter_context(raw(gateway)) for _ in range(40)]
        for each in asking:
            each.sendall(ask.encode())
        answers = {each: each.recv(4096) for each in asking}
        opened = [each for each, answer in answers.items() if answer.startswith(b"HTTP/1.1 200")]
        refused = [answer for each, answer in answers.items() if each not in opened]
        opened[0].close()
        wait_until(
            lambda: scrape(gateway.service.port)["ckm_http_streams"] == 2,
            timeout_s=10,
            what="the place of a listener that has gone",
        )
        late = stack.enter_context(raw(gateway))
        late.sendall(ask.encode())
        later = late.recv(4096)

    assert len(opened) == 3
    assert all(each.startswith(b"HTTP/1.1 503") for each in refused)
    assert all(b"retry-after" in each.lower() for each in refused)
    assert later.startswith(b"HTTP/1.1 200")


def test_nothing_that_was_sent_is_in_the_log_or_the_metrics(install: Install) -> None:
    """Promise P17: markers in every place that a request has, at DEBUG, with errors of ours too."""
    marker = "zq-marker-7431"
    broken = {
        "type": "feedback",
        "event_id": marker,
        "source": marker,
        "customer_id": marker,
        "text": marker,
        marker: marker,
    }
    with running_gateway(install(), CKM__LOG_LEVEL="DEBUG") as gateway, gateway.client() as client:
        token = client.headers["Authorization"].removeprefix("Bearer ")
        client.post("/v1/events", json=[broken, {**broken, "occurred_at": marker}])
        client.post("/v1/events", content=f"{{{marker}", headers={"Content-Type": marker})
        for path in (f"/v1/customers/{marker}", f"/v1/customers/{marker}/score?at={marker}"):
            client.get(path)
        client.get("/v1/key-sources", params={"q": marker, "cursor": marker, "class": marker})
        client.get(f"/{marker}", headers={"X-Marker": marker})
        client.get("/v1/score-updates", headers={"Last-Event-ID": marker})
        httpx.get(f"{gateway.address}/v1/me", headers={"Authorization": f"Bearer {marker}"})
        gateway.installation.engine.dispose()
        metrics = httpx.get(f"http://127.0.0.1:{gateway.service.port}/metrics").text
        log = gateway.service.log()

    assert "ckm_http_requests_total" in metrics
    for text in (metrics, log):
        assert marker not in text
        assert token not in text
        assert token.rpartition("_")[2] not in text


def test_every_answer_keeps_browsers_from_guessing(gateway: Gateway) -> None:
    """Types are not sniffed, nothing is framed; the console runs its own scripts only."""
    with gateway.client() as client:
        answers = [client.get("/v1/me"), client.get("/v1/nothing"), client.get("/console/")]

    for each in answers:
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["x-frame-options"] == "DENY"
        assert "server" not in each.headers
    policy = answers[-1].headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_document_is_there_without_a_token(gateway: Gateway) -> None:
    """OpenAPI 3.1, with a schema for everything that it names."""
    document = httpx.get(f"{gateway.address}/v1/openapi.json").json()
    text = json.dumps(document)

    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(document["components"]["schemas"])
    assert {"/v1/events", "/v1/customers/{customer_id}", "/v1/key-sources"} <= set(
        document["paths"]
    )
