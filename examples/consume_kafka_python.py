"""
Tell of every customer who becomes another class, and why, with kafka-python.

    python consume_kafka_python.py --count 3

Needs: kafka-python 3.0, fastavro 1.13; of this project only docs/asyncapi.yaml or schemas/.
Settings: KAFKA_BOOTSTRAP_SERVERS; KAFKA_GROUP, a consumer group of your own; KAFKA_TOPIC,
ckm.score.updated.v1 unless set; CKM_SCHEMAS, the folder with the .avsc files; on a secured Kafka
KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_CA_FILE.
Prints one JSON line for each change, and goes on in its next run where it was. Ends after --count
changes, or after --idle seconds in which nothing came; without either it does not end.
"""

import argparse
import json
import os
import struct
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord

TOPIC = os.environ.get("KAFKA_TOPIC", "ckm.score.updated.v1")
SCHEMAS = Path(os.environ.get("CKM_SCHEMAS", Path(__file__).parents[1] / "schemas" / "avro"))
#: `x-schema-id` in docs/asyncapi.yaml. With a schema registry, ask it for an id that is not here.
FILES = {10_000_007: "score_updated.v1.avsc"}
FRAME = struct.Struct(">bi")  # byte 0, schema id

PARSED = {
    schema_id: fastavro.parse_schema(json.loads((SCHEMAS / file).read_text()))
    for schema_id, file in FILES.items()
}
#: What we read as, whatever version a record was written with.
READER = PARSED[max(PARSED)]

Place = tuple[Any, ...]


def new_consumer() -> KafkaConsumer:
    """Return a consumer of the topic."""
    security: dict[str, Any] = {}
    if "KAFKA_USERNAME" in os.environ:
        security = {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": os.environ["KAFKA_USERNAME"],
            "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
            "ssl_cafile": os.environ["KAFKA_CA_FILE"],
        }
    return KafkaConsumer(
        TOPIC,
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","),
        group_id=os.environ["KAFKA_GROUP"],
        auto_offset_reset="earliest",
        # The workers write in transactions; what was aborted never happened.
        isolation_level="read_committed",
        # Committed below, behind what was told: nothing is left out, something may come twice.
        enable_auto_commit=False,
        # So long a member that died keeps its partitions.
        session_timeout_ms=10_000,
        **security,
    )


def decoded(value: bytes) -> dict[str, Any]:
    """Return the update in a record's value."""
    magic, schema_id = FRAME.unpack_from(value)
    if magic != 0 or schema_id not in PARSED:
        raise ValueError(f"not a score update of a version that is known here: id {schema_id}")
    found = fastavro.schemaless_reader(BytesIO(value[FRAME.size :]), PARSED[schema_id], READER)
    if not isinstance(found, dict):
        raise TypeError("a score update is a record")
    return found


def records(consumer: KafkaConsumer, idle_s: float | None) -> Iterator[ConsumerRecord]:
    """Yield records, until none has come for *idle_s* since partitions were assigned."""
    busy = time.monotonic()
    while idle_s is None or time.monotonic() - busy < idle_s:
        batches = consumer.poll(timeout_ms=500)
        for batch in batches.values():
            yield from batch
        if batches or not consumer.assignment():
            busy = time.monotonic()


def changes(
    found: Iterator[ConsumerRecord],
) -> Iterator[tuple[ConsumerRecord, dict[str, Any]]]:
    """
    Yield what to tell people, and the record that says it.

    What comes twice is told once as long as this process lives. A service keeps the places in its
    own database, in the transaction that it acts in.
    """
    told: dict[str, Place] = {}
    for record in found:
        if record.value is None:
            continue  # a tombstone: the customer was forgotten
        update = decoded(record.value)
        place = (update["version"], update["as_of"], update["epoch_id"])
        if place <= told.get(update["customer_id"], ()):
            continue  # it came before, or a newer one did
        told[update["customer_id"]] = place
        if update["source_class"] != update["previous_class"]:
            yield (
                record,
                {
                    "customer_id": update["customer_id"],
                    "from": update["previous_class"],
                    "to": update["source_class"],
                    "total": update["total"],
                    "why": reasons(update),
                },
            )


def reasons(update: dict[str, Any], most: int = 3) -> list[str]:
    """Return the indicators that move the total most; the shares add up to its logarithm's."""
    factors = sorted(update["contributions"], key=lambda each: -abs(each["contribution"]))
    return [f"{each['indicator']} {each['contribution']:+.3f}" for each in factors[:most]]


def main() -> None:
    """Print changes until enough were told or nothing comes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--count", type=int, help="changes to tell")
    parser.add_argument("--idle", type=float, help="seconds without a record to end after")
    arguments = parser.parse_args()
    consumer = new_consumer()
    try:
        found = changes(records(consumer, arguments.idle))
        for number, (record, change) in enumerate(found, start=1):
            print(json.dumps(change), flush=True)
            # The next one of its partition. What was fetched besides is not committed by this.
            partition = TopicPartition(record.topic, record.partition)
            consumer.commit({partition: OffsetAndMetadata(record.offset + 1, "", -1)})
            if number == arguments.count:
                break
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
