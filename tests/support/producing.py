"""Producing raw records, as a wrong program would: any key, any bytes, any partition."""

from dataclasses import dataclass

from confluent_kafka import Producer


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record; without a partition it goes where murmur2 of its key says."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None


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
        where = {} if record.partition is None else {"partition": record.partition}
        producer.produce(
            record.topic,
            record.value,
            record.key,
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
            **where,
        )
    assert producer.flush(30) == 0
    assert not failed, failed
