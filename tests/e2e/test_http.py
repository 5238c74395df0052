"""The gateway as clients see it: events in, profiles, scores and updates out (DESIGN, HTTP)."""

import gzip
import json
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ckm_stream.codec.topics import SOURCE_TOPICS
from ckm_stream.publishing.files import to_line
from ckm_stream.snapshots.queries import explain
from ckm_stream.snapshots.tokens import Scope, TokenStore
from tests.e2e.conftest import Install, Simulated
from tests.support.http import Gateway, ServerSent, running_gateway, updates_of, wait_for_customer
from tests.support.reading import read_topic
from tests.support.services import wait_until

FEEDBACK = {
    "type": "feedback",
    "event_id": "f-1",
    "source": "webshop",
    "customer_id": "c-1",
    "occurred_at": "2026-03-01T09:30:00Z",
    "recorded_at": "2026-03-01T09:30:02Z",
    "channel": "WEB",
    "feedback_id": "fb-1",
    "kind": "SUGGESTION",
    "text": "Let me pause a delivery.",
    "topics": ["delivery"],
    "novelty": 0.6,
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "f-2",
    "source": "web%20shop",
    "type": "org.ckm.touchpoint.feedback.v1",
    "subject": "c-2",
    "time": "2026-03-01T10:00:00Z",
    "data": {"feedback_id": "fb-2", "kind": "IDEA", "text": "Gift boxes.", "channel": "WEB"},
}


@pytest.fixture
def alone(install: Install) -> Iterator[Gateway]:
    """Give a gateway without workers."""
    with running_gateway(install()) as running:
        yield running


@pytest.fixture
def gateway(alone: Gateway) -> Gateway:
    """Give a gateway with both workers behind it."""
    alone.installation.start()
    return alone


def sent_events(gateway: Gateway) -> list[str]:
    """Return the event ids in the touchpoint topics."""
    servers = gateway.installation.settings.kafka.bootstrap_servers
    topics, codec = gateway.installation.topics, gateway.installation.codec
    return [
        codec.decode(source, record.key, record.value).event_id
        for source in list(SOURCE_TOPICS)[:4]
        for record in read_topic(servers, topics.of(source))
    ]


def test_what_is_sent_over_http_is_folded_scored_stored_and_read(
    gateway: Gateway, simulated: Simulated
) -> None:
    """The same states, updates and rows as if the events had been published to Kafka directly."""
    events = simulated(40, 600)
    lines = [to_line(event) for event in events]

    with gateway.client() as client:
        for begin in range(0, len(lines), 250):
            answer = client.post("/v1/events", json=lines[begin : begin + 250])
            assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
        gateway.installation.wait_until_stored(gateway.installation.expected(events))
        gateway.installation.wait_until_quiet()
        someone = client.get("/v1/key-sources?limit=1").json()["key_sources"][0]
        score = client.get(f"/v1/customers/{someone['customer_id']}/score").json()

    assert gateway.installation.problems() == []
    stored = explain(gateway.installation.engine, someone["customer_id"])
    assert stored is not None
    assert score["total"] == stored.total == someone["total"]
    assert [each["indicator"] for each in score["factors"]] == [
        each.indicator for each in stored.factors
    ]


def test_each_event_has_a_verdict_and_the_right_ones_are_sent(alone: Gateway) -> None:
    """All errors of an event are told with their paths; its neighbours are published."""
    wrong = {**FEEDBACK, "event_id": "f-9", "novelty": "much", "rating": [], "colour": "red"}
    future = {**FEEDBACK, "event_id": "f-8", "occurred_at": "2096-03-01T09:30:00Z"}

    with alone.client() as client:
        answer = client.post("/v1/events", json=[FEEDBACK, wrong, future, "nonsense"])

    document = answer.json()
    assert answer.status_code == HTTPStatus.MULTI_STATUS
    assert (document["accepted"], document["refused"]) == (1, 3)
    assert [each["status"] for each in document["events"]] == ["accepted", *["refused"] * 3]
    assert {each["path"] for each in document["events"][1]["errors"]} == {
        "$.novelty",
        "$.rating",
        "$.colour",
    }
    assert document["events"][2]["errors"] != []
    assert sent_events(alone) == ["f-1"]


@pytest.mark.parametrize(
    ("events", "status"),
    [([FEEDBACK], HTTPStatus.OK), ([FEEDBACK, {}], HTTPStatus.UNPROCESSABLE_ENTITY)],
)
def test_only_validated_events_are_not_sent(
    alone: Gateway, events: list[Any], status: HTTPStatus
) -> None:
    """``?validate=only`` judges as publishing does, and changes nothing."""
    with alone.client() as client:
        answer = client.post("/v1/events?validate=only", json=events)

    assert answer.status_code == status
    assert len(answer.json()["events"]) == len(events)
    assert sent_events(alone) == []


def test_cloud_events_are_taken_alone_in_batches_and_packed(gateway: Gateway) -> None:
    """The envelope's attributes become the event's fields; the source is decoded."""
    batch = [{**CLOUD_EVENT, "id": f"f-{number}"} for number in range(3)]
    packed = gzip.compress(json.dumps(batch).encode())
    one = {"Content-Type": "application/cloudevents+json"}
    many = {"Content-Type": "application/cloudevents-batch+json", "Content-Encoding": "gzip"}

    with gateway.client() as client:
        answers = [
            client.post("/v1/events", content=json.dumps(CLOUD_EVENT), headers=one),
            client.post("/v1/events", content=packed, headers=many),
        ]
        profile = wait_for_customer(client, "c-2", version=3)

    assert [each.status_code for each in answers] == [HTTPStatus.ACCEPTED] * 2
    assert sorted(sent_events(gateway)) == ["f-0", "f-1", "f-2", "f-2"]  # one id twice
    assert profile["version"] == 3  # and counted once
    assert {item["source"] for item in profile["from"]["items"]} == {"web shop"}
    assert {item["occurred_at"] for item in profile["from"]["items"]} == {"2026-03-01T10:00:00Z"}


def test_a_score_is_told_as_announced_and_cooled_to_an_instant(gateway: Gateway) -> None:
    """Without ``at`` as it was stored; with ``at`` it is lower the longer nothing happens."""
    with gateway.client() as client:
        client.post("/v1/events", json=FEEDBACK)
        wait_for_customer(client, "c-1")
        path = "/v1/customers/c-1/score"
        wait_until(
            lambda: client.get(path).status_code == HTTPStatus.OK, timeout_s=30, what="a score"
        )
        announced = client.get(path).json()
        soon = client.get(path, params={"at": "2026-03-02T00:00:00Z"}).json()
        late = client.get(path, params={"at": "2028-03-02T00:00:00+01:00"}).json()
        early = client.get(path, params={"at": "2026-02-01T00:00:00Z"})
        zoneless = client.get(path, params={"at": "2026-03-02T00:00:00"})

    assert (announced["cooled"], soon["cooled"]) == (False, True)
    assert announced["version"] == soon["version"] == 1
    assert late["willingness_n_eff"] < soon["willingness_n_eff"] <= announced["willingness_n_eff"]
    assert late["as_of"] == late["at"] == "2028-03-01T23:00:00Z"
    assert [early.status_code, zoneless.status_code] == [HTTPStatus.UNPROCESSABLE_ENTITY] * 2
    assert early.json()["errors"][0]["path"] == "$.query.at"


def test_score_updates_resume_without_a_gap_or_a_repetition(
    gateway: Gateway, simulated: Simulated
) -> None:
    """Broken off again and again, at two gateways in turn, a stream is the topic's content."""
    events = simulated(60, 900)
    installation = gateway.installation
    with (
        running_gateway(installation) as other,
        gateway.client() as here,
        other.client() as there,
        here.stream("GET", "/v1/score-updates", timeout=60) as opened,
    ):
        first = next(line for line in opened.iter_lines() if line.startswith("id:"))
        position = first.removeprefix("id: ")
        installation.publish(events)
        installation.wait_until_stored(installation.expected(events))
        installation.wait_until_quiet()
        topic = installation.topics.score_updated
        written = read_topic(installation.settings.kafka.bootstrap_servers, topic)
        expected = sorted(
            (update.customer_id, update.version)
            for update in map(installation.outputs.decode_score_update, (r.value for r in written))
        )
        found: list[ServerSent] = []
        clients = [here, there]
        while len(found) < len(expected):
            wanted = min(7 + len(found) // 3, len(expected) - len(found))
            some, position = updates_of(clients[0], last=position, until=wanted)
            found += some
            clients.reverse()

    assert len({each.event_id for each in found}) == len(found)
    assert sorted((each.data["customer_id"], each.data["version"]) for each in found) == expected
    assert all(each.event == "score-updated" for each in found)
    assert all(len(each.data["factors"]) == 12 for each in found)


def test_a_stream_can_be_of_one_customer(gateway: Gateway) -> None:
    """Others' updates are not sent; the position moves on over them."""
    others = [
        {**FEEDBACK, "event_id": f"o-{number}", "customer_id": f"o-{number}"}
        for number in range(20)
    ]
    with gateway.client() as client:
        with client.stream("GET", "/v1/score-updates", timeout=60) as opened:
            first = next(line for line in opened.iter_lines() if line.startswith("id:"))
        client.post("/v1/events", json=[*others, FEEDBACK])
        found, _ = updates_of(
            client,
            last=first.removeprefix("id: "),
            until=1,
            path="/v1/score-updates?customer_id=c-1",
        )

    assert [each.data["customer_id"] for each in found] == ["c-1"]


def test_a_revoked_token_hears_no_more_of_its_stream(gateway: Gateway) -> None:
    """What is announced after the revocation ends the stream instead of being told."""
    token = gateway.token(Scope.READ)
    headers = {"Authorization": f"Bearer {token}"}
    address = f"{gateway.address}/v1/score-updates"
    with gateway.client() as client, httpx.stream("GET", address, headers=headers) as opened:
        lines = opened.iter_lines()
        next(line for line in lines if line.startswith("id:"))
        TokenStore(gateway.installation.engine).revoke(token.split("_")[1], now_s=0.0)
        wait_until(
            lambda: httpx.get(f"{gateway.address}/v1/me", headers=headers).status_code == 401,
            timeout_s=15,
            what="a revocation",
        )
        client.post("/v1/events", json=FEEDBACK)
        wait_for_customer(client, "c-1")
        rest = [line for line in lines if line]

    assert rest == []


def test_an_id_may_end_as_a_path_does(gateway: Gateway) -> None:
    """A slash of an id is told from one of the path by its encoding."""
    ids = ("c-1", "c-1/score", "c-1/history", "a/b c", "%2F", "score")
    events = [
        {**FEEDBACK, "event_id": f"f-{place}", "customer_id": each}
        for place, each in enumerate(ids)
    ]
    with gateway.client() as client:

        def is_told(path: str) -> bool:  # scores, items and profiles come by topics of their own
            score, items = (client.get(f"/v1/customers/{path}/{of}") for of in ("score", "items"))
            return score.is_success and bool(items.json()["items"])

        client.post("/v1/events", json=events)
        for each in ids:
            path = quote(each, safe="")
            assert wait_for_customer(client, path)["customer_id"] == each
            wait_until(partial(is_told, path), timeout_s=30, what=f"score and items of {each}")
            assert client.get(f"/v1/customers/{path}/score").json()["customer_id"] == each
            assert client.get(f"/v1/customers/{path}/items").json()["items"]
        nul = client.get("/v1/customers/c-1%00").status_code

    assert nul == HTTPStatus.NOT_FOUND


def test_pages_give_everybody_once_in_order(gateway: Gateway, simulated: Simulated) -> None:
    """The ranking a few at a time is the ranking; places go on; a filter is kept by the cursor."""
    events = simulated(50, 600)
    installation = gateway.installation
    installation.publish(events)
    installation.wait_until_stored(installation.expected(events))
    installation.wait_until_quiet()

    def pages(client: httpx.Client, **filters: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            parameters = {**filters, "limit": "7", **({"cursor": cursor} if cursor else {})}
            page = client.get("/v1/key-sources", params=parameters).json()
            yield from page["key_sources"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    with gateway.client() as client:
        everybody = list(pages(client))
        ordinary = list(pages(client, **{"class": "ordinary"}))
        unknown = list(pages(client, **{"class": "unknown"}))
        prefix = everybody[0]["customer_id"][:4]
        named = list(pages(client, q=prefix))
        overview = client.get("/v1/overview").json()

    totals = [each["total"] for each in everybody]
    assert [each["place"] for each in everybody] == list(range(1, len(everybody) + 1))
    assert totals == sorted(totals, reverse=True)
    assert len({each["customer_id"] for each in everybody}) == len(everybody)
    assert {each["source_class"] for each in ordinary} <= {"ordinary"}
    assert {each["source_class"] for each in unknown} <= {"unknown"}
    assert all(each["customer_id"].startswith(prefix) for each in named)
    assert len(named) == sum(each["customer_id"].startswith(prefix) for each in everybody)
    assert overview["customers"] == len(everybody)
    assert sum(each["customers"] for each in overview["classes"]) == len(everybody)


def test_what_is_not_there_is_told_in_a_sentence(alone: Gateway) -> None:
    """An unknown customer, path or method, and a cursor of somebody else's."""
    with alone.client() as client:
        answers = {
            path: client.get(path)
            for path in (
                "/v1/customers/nobody",
                "/v1/customers/nobody/score",
                "/v1/customers/nobody/history",
                "/v1/customers/nobody/items",
                "/v1/nothing",
                "/v1/key-sources?cursor=bm9uc2Vuc2U",
            )
        }
        wrong_method = client.get("/v1/events")

    statuses = [each.status_code for each in answers.values()]
    assert statuses == [HTTPStatus.NOT_FOUND] * 5 + [HTTPStatus.UNPROCESSABLE_ENTITY]
    for each in [*answers.values(), wrong_method]:
        assert each.headers["content-type"] == "application/problem+json"
        assert each.json()["detail"]
    assert wrong_method.status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_a_token_is_good_for_its_scopes_until_it_ends(alone: Gateway) -> None:
    """A right one is let in, and no other: unknown, altered, of another scope, expired, revoked."""
    store = TokenStore(alone.installation.engine)
    reading = alone.token(Scope.READ)
    expired = alone.token(Scope.READ, expires_in_s=-1)
    altered = reading[:-1] + ("0" if reading[-1] != "0" else "1")

    def status(token: str | None, method: str = "GET", path: str = "/v1/overview") -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.request(method, alone.address + path, headers=headers, json={}).status_code

    assert status(reading) == HTTPStatus.OK
    assert status(reading, "POST", "/v1/events") == HTTPStatus.FORBIDDEN
    assert status(alone.token(Scope.PUBLISH)) == HTTPStatus.FORBIDDEN
    assert status(reading, "GET", "/v1/tokens") == HTTPStatus.FORBIDDEN
    assert status(alone.token(Scope.ADMIN), "GET", "/v1/tokens") == HTTPStatus.OK
    for refused in (None, "nonsense", altered, expired):
        assert status(refused) == HTTPStatus.UNAUTHORIZED
    assert httpx.get(f"{alone.address}/v1/overview?token={reading}").status_code == 401

    store.revoke(reading.split("_")[1], now_s=0.0)
    wait_until(
        lambda: status(reading) == HTTPStatus.UNAUTHORIZED, timeout_s=15, what="a revocation"
    )
