"""The registry client, against a small registry on a real socket."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import frame, schema_id_of
from ckm_stream.codec.registry import RegistryClient, RegistrySchemas, register_all
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Call, CallOutcome, Direction
from ckm_stream.errors import ConfigurationError, Reason, RejectedRecord, TransientError
from tests.support.registry import Registry

CATALOGUE = Catalogue.load()
CALL_SUBJECT = "p.ckm.touchpoint.call.v1-value"
CALL = Call(
    event_id="e",
    source="s",
    customer_id="c",
    occurred_at=1,
    recorded_at=1,
    direction=Direction.INBOUND,
    outcome=CallOutcome.ANSWERED,
)
RECURSIVE = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "a", "type": ["null", "R"], "default": None}],
}


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Give a registry without schemas."""
    with Registry(password="word").serving() as server:
        yield server


@pytest.fixture
def client(registry: Registry) -> RegistryClient:
    """Give a client that knows the password."""
    return RegistryClient(registry.url + "/", username="user", password="word")


def test_registered_schemas_are_written_and_read_by_their_ids(
    registry: Registry, client: RegistryClient
) -> None:
    """With a registry, its ids are in the frames, and events come back as they were."""
    registered = dict(register_all(client, CATALOGUE, prefix="p."))
    codec = EventCodec(RegistrySchemas(client, CATALOGUE, prefix="p."))

    value = codec.encode(CALL)

    assert schema_id_of(value) == registered[CALL_SUBJECT] < 100
    assert codec.decode(Source.CALL, b"c", value) == CALL
    assert registry.levels[CALL_SUBJECT] == "FULL_TRANSITIVE"
    assert len(registered) == len(CATALOGUE.subjects)


def test_registering_again_changes_nothing(client: RegistryClient) -> None:
    """The ids stay, so provisioning may run as often as it likes."""
    first = list(register_all(client, CATALOGUE))

    assert list(register_all(client, CATALOGUE)) == first


def test_id_is_asked_once(registry: Registry, client: RegistryClient) -> None:
    """One call per id, known or not, however many records carry it."""
    list(register_all(client, CATALOGUE, prefix="p."))
    codec = EventCodec(RegistrySchemas(client, CATALOGUE, prefix="p."))
    value = codec.encode(CALL)
    registry.calls.clear()

    for _ in range(3):
        codec.decode(Source.CALL, b"c", value)
        with pytest.raises(RejectedRecord) as caught:
            codec.decode(Source.CALL, b"c", frame(99, b""))
        assert caught.value.reason is Reason.SCHEMA_UNKNOWN

    assert registry.calls == [f"GET /schemas/ids/{schema_id_of(value)}", "GET /schemas/ids/99"]


def test_records_from_before_the_registry_stay_readable(
    registry: Registry, client: RegistryClient
) -> None:
    """The catalogue's own ids need no registry."""
    value = EventCodec(CATALOGUE).encode(CALL)
    codec = EventCodec(RegistrySchemas(client, CATALOGUE))

    assert codec.decode(Source.CALL, b"c", value) == CALL
    assert registry.calls == []


def test_schema_that_is_not_registered_is_a_configuration_error(client: RegistryClient) -> None:
    """Publishing does not register; the message says what does."""
    codec = EventCodec(RegistrySchemas(client, CATALOGUE, prefix="p."))

    with pytest.raises(ConfigurationError, match=r"p\.ckm\.touchpoint.*run `ckm schemas register`"):
        codec.encode(CALL)


@pytest.mark.parametrize("schema", [RECURSIVE, "string", {"type": "nothing"}])
def test_schema_that_could_ask_for_unbounded_work_is_not_read_with(
    registry: Registry, client: RegistryClient, schema: Any
) -> None:
    """A registry's schema is somebody else's input; a record that uses a bad one is rejected."""
    number = registry.add("x-value", json.dumps(schema))
    codec = EventCodec(RegistrySchemas(client, CATALOGUE))

    with pytest.raises(RejectedRecord) as caught:
        codec.decode(Source.CALL, b"c", frame(number, b""))

    assert caught.value.reason is Reason.SCHEMA_MISMATCH


def test_wrong_password_is_a_configuration_error(registry: Registry) -> None:
    """The message names the settings, not the password."""
    client = RegistryClient(registry.url, username="user", password="guess")

    with pytest.raises(ConfigurationError, match="CKM__REGISTRY__PASSWORD") as caught:
        client.schema_of(1)

    assert "guess" not in str(caught.value)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        ((500, b"{}"), TransientError),
        ((429, b"{}"), TransientError),
        ((409, b"incompatible"), ConfigurationError),
        ((200, b"<html>"), TransientError),
    ],
)
def test_refusal_is_for_good_or_for_now(
    registry: Registry,
    client: RegistryClient,
    failure: tuple[int, bytes],
    expected: type[Exception],
) -> None:
    """A registry that is unwell is asked again; one that says no is not."""
    registry.failure = failure

    with pytest.raises(expected, match=registry.url):
        client.register("s-value", "string")


def test_registry_that_knows_no_subjects_cannot_register(
    registry: Registry, client: RegistryClient
) -> None:
    """An address that answers 404 to everything is not a registry's."""
    registry.failure = (404, b"{}")

    with pytest.raises(ConfigurationError, match="cannot register s-value"):
        client.register("s-value", "string")


def test_registry_that_is_down_is_a_transient_error() -> None:
    """Records wait for the registry; they are not rejected."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = RegistryClient(f"http://127.0.0.1:{unused.getsockname()[1]}", timeout_s=1)

        with pytest.raises(TransientError, match="CKM__REGISTRY__URL"):
            EventCodec(RegistrySchemas(client, CATALOGUE)).decode(Source.CALL, b"c", frame(5, b""))


@pytest.mark.parametrize("url", ["registry:8081", "file:///etc/passwd", ""])
def test_address_must_be_http(url: str) -> None:
    """Nothing but http and https is opened."""
    with pytest.raises(ConfigurationError, match="http or https"):
        RegistryClient(url)
