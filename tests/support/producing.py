"""Producing raw records, as a wrong program would: any key, any bytes, any partition."""

from dataclasses import dataclass

from confluent_kafka import Producer

_ANY = -1  # librdkafka's RD_KAFKA_PARTITION_UA


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record; without a partition it goes where murmur2 of its key says."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def produce_raw(bootstrap_servers: str, records: list[RawRecord]) -> None:
    """Produce *records* and wait for their acknowledgements."""
    failed: list[str] = []
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": "murmur2_random",
            "message.max.bytes": 12 << 20,
            "acks": "all",
        }
    )
    for record in records:
        producer.produce(
            record.topic,
            record.value,
            record.key,
            partition=_ANY if record.partition is None else record.partition,
            headers=list(record.headers),
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
    assert producer.flush(30) == 0
    assert not failed, failed
