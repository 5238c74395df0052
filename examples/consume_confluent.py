"""
Read score updates with confluent-kafka, and keep the newest of each customer.

    python consume_confluent.py

Needs: confluent-kafka 2.16, fastavro 1.13; of this project only docs/asyncapi.yaml or schemas/.
Settings: KAFKA_BOOTSTRAP_SERVERS; KAFKA_GROUP, a consumer group of your own; KAFKA_TOPIC,
ckm.score.updated.v1 unless set; CKM_SCHEMAS, the folder with the .avsc files; on a secured Kafka
KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_CA_FILE.
Prints one JSON line for each customer, greatest total first, when it has read to the end of the
topic; a service would write to its own database instead, and go on.
"""

import json
import os
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

TOPIC = os.environ.get("KAFKA_TOPIC", "ckm.score.updated.v1")
SCHEMAS = Path(os.environ.get("CKM_SCHEMAS", Path(__file__).parents[1] / "schemas" / "avro"))
#: `x-schema-id` in docs/asyncapi.yaml. With a schema registry, ask it for an id that is not here.
FILES = {10_000_007: "score_updated.v1.avsc"}
FRAME = struct.Struct(">bi")  # byte 0, schema id
TIMEOUT_S = 30.0

PARSED = {
    schema_id: fastavro.parse_schema(json.loads((SCHEMAS / file).read_text()))
    for schema_id, file in FILES.items()
}
#: What we read as, whatever version a record was written with.
READER = PARSED[max(PARSED)]


def settings() -> dict[str, Any]:
    """Return librdkafka's settings."""
    found: dict[str, Any] = {
        "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        # No group is joined and no offset is committed, because what was read is in memory alone:
        # all partitions are read from their beginning each time. librdkafka asks for the group's
        # coordinator nevertheless, so it has to be one that we may READ.
        "group.id": os.environ["KAFKA_GROUP"],
        "enable.auto.commit": False,
        # The workers write in transactions; what was aborted never happened.
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }
    if "KAFKA_USERNAME" in os.environ:
        found |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": os.environ["KAFKA_USERNAME"],
            "sasl.password": os.environ["KAFKA_PASSWORD"],
            "ssl.ca.location": os.environ["KAFKA_CA_FILE"],
        }
    return found


def decoded(value: bytes) -> dict[str, Any]:
    """Return the update in a record's value."""
    magic, schema_id = FRAME.unpack_from(value)
    if magic != 0 or schema_id not in PARSED:
        raise ValueError(f"not a score update of a version that is known here: id {schema_id}")
    found = fastavro.schemaless_reader(BytesIO(value[FRAME.size :]), PARSED[schema_id], READER)
    if not isinstance(found, dict):
        raise TypeError("a score update is a record")
    return found


def place(update: dict[str, Any]) -> tuple[Any, ...]:
    """Return what orders a customer's updates; equal places of one epoch are equal updates."""
    return update["version"], update["as_of"], update["epoch_id"]


def take(newest: dict[str, dict[str, Any]], message: Message) -> None:
    """Keep an update if it is the newest of its customer; one that comes twice changes nothing."""
    value = message.value()
    if value is None:
        return  # a tombstone: the customer was forgotten
    update = decoded(value)
    known = newest.get(update["customer_id"])
    if known is None or place(update) > place(known):
        newest[update["customer_id"]] = update


def main() -> None:
    """Read all partitions to their ends."""
    newest: dict[str, dict[str, Any]] = {}
    consumer = Consumer(settings())
    found = consumer.list_topics(TOPIC, timeout=TIMEOUT_S).topics[TOPIC]
    if found.error is not None:  # such as a missing right; there are no partitions then
        raise KafkaException(found.error)
    unread = set(found.partitions)
    consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in unread])
    try:
        while unread:
            message = consumer.poll(TIMEOUT_S)
            if message is None:
                raise SystemExit(f"partitions {sorted(unread)} were silent for {TIMEOUT_S:g} s")
            if (error := message.error()) is None:
                take(newest, message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 -- has no other name
                unread.discard(message.partition())
            else:
                raise KafkaException(error)
    finally:
        consumer.close()
    for update in sorted(newest.values(), key=lambda each: -each["total"]):
        shown = ("customer_id", "total", "source_class", "version")
        print(json.dumps({name: update[name] for name in shown}))


if __name__ == "__main__":
    main()
