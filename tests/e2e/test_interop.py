"""
Other people's tools read what the service writes, with nothing of ours at hand.

kcat and a plain Kafka client get keys and Confluent's frame, fastavro decodes the body by the
published .avsc file, and Prometheus' own linter reads the metrics. This module takes nothing of
``ckm_stream`` for that: schemas and ids come from the files in ``schemas/``.
"""

import json
import struct
import subprocess
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
import pytest
import yaml
from confluent_kafka import Consumer, KafkaError

from tests.e2e.conftest import Install, Simulated
from tests.support.broker import Broker, BrokerKind
from tests.support.installation import Installation
from tests.support.tools import tool

_SCHEMAS = Path(__file__).parents[2] / "schemas"
_TOPIC = "ckm.score.updated.v1"
_FRAME = struct.Struct(">bi")  # magic byte 0, schema id


class Read(NamedTuple):
    """A record as another client sees it."""

    key: bytes
    value: bytes


@pytest.fixture
def service(install: Install, simulated: Simulated) -> Installation:
    """Give an installation that has stored 500 events of 60 customers, and goes on running."""
    events = simulated(60, 500)
    running = install()
    running.start()
    running.publish(events)
    running.wait_until_stored(running.expected(events))
    running.wait_until_quiet()
    return running


def read_with_kcat(servers: str, topic: str) -> Iterator[Read]:
    """Let kcat print key, value's length and value of all records of *topic*."""
    command = [tool("kcat"), "-C", "-q", "-e", "-b", servers, "-t", topic, "-f", "%k\n%S\n%s\n"]
    ended = subprocess.run(command, capture_output=True, timeout=30, check=True)
    stream = BytesIO(ended.stdout)
    while key := stream.readline():
        value = stream.read(int(stream.readline()))
        yield Read(key.removesuffix(b"\n"), value)
        assert stream.read(1) == b"\n"


def read_with_librdkafka(servers: str, topic: str) -> Iterator[Read]:
    """Read all records of *topic* as anybody would: subscribe, poll, stop at the end."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": f"somebody-else-{topic}",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            # The first member of a group of the embedded broker waits half of it.
            "session.timeout.ms": 3000,
        }
    )
    consumer.subscribe([topic])
    unread = set(consumer.list_topics(topic, timeout=20).topics[topic].partitions)
    try:
        while unread:
            message = consumer.poll(20)
            assert message is not None, f"partitions {unread} have no end"
            if (error := message.error()) is None:
                key, value = message.key(), message.value()
                assert isinstance(key, bytes)
                assert value is not None
                yield Read(key, value)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                unread.discard(message.partition())
    finally:
        consumer.close()


def decoded(value: bytes) -> dict[str, Any]:
    """Take the frame off and decode the body by the file that the catalogue names for its id."""
    magic, schema_id = _FRAME.unpack_from(value)
    assert magic == 0
    catalogue = yaml.safe_load((_SCHEMAS / "catalogue.yaml").read_text())
    entry = next(each for each in catalogue["schemas"] if each["id"] == schema_id)
    assert entry["subject"] == f"{_TOPIC}-value"
    schema = json.loads((_SCHEMAS / "avro" / entry["file"]).read_text())
    body = BytesIO(value[_FRAME.size :])
    update = fastavro.schemaless_reader(body, schema, None)
    assert isinstance(update, dict)
    assert body.read() == b""
    return update


@pytest.mark.parametrize("read", [read_with_kcat, read_with_librdkafka])
def test_other_clients_read_key_frame_and_body_of_a_score_update(
    broker: Broker, request: pytest.FixtureRequest, read: Any
) -> None:
    """Every update: the key is its customer, the id is the catalogue's, the total a score."""
    if read is read_with_kcat and broker.kind is BrokerKind.EMBEDDED:
        # Debian's kcat 1.7 reports "Read underflow" on the embedded broker's ApiVersions answer.
        pytest.skip("kcat does not talk to the embedded broker; it reads real Kafka's topics")
    service: Installation = request.getfixturevalue("service")
    records = list(read(service.settings.kafka.bootstrap_servers, service.topics.score_updated))
    updates = [decoded(record.value) for record in records]

    assert [record.key.decode() for record in records] == [each["customer_id"] for each in updates]
    assert {each["customer_id"] for each in updates} == service.stored_customers()
    assert all(0 < each["total"] <= 1 for each in updates)
    assert all(each["version"] >= 1 for each in updates)


def test_promtool_finds_nothing_wrong_with_the_metrics_of_both_workers(
    service: Installation,
) -> None:
    """Names, units, types and help texts are as Prometheus wants them; the law holds."""
    promtool = tool("promtool")

    for setting in ("CKM__METRICS__PROFILE_PORT", "CKM__METRICS__SNAPSHOT_PORT"):
        with urllib.request.urlopen(f"http://127.0.0.1:{service.env[setting]}/metrics") as answer:
            page = answer.read()
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=page, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    counts = service.metrics()
    assert counts["ckm_events_unaccounted"] == 0
    assert counts["ckm_events_consumed_total"] == counts["ckm_events_applied_total"] > 500
