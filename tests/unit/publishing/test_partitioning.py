"""Which partition a customer falls into: the same for every producer, in any language."""

import pytest
from kafka import KafkaProducer
from kafka.partitioner import DefaultPartitioner, murmur2


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_keys_are_hashed_as_the_java_client_hashes_them(key: bytes, hashed: int) -> None:
    """The vectors are those of Apache Kafka's own tests of murmur2."""
    assert murmur2(key) == hashed % 2**32


def test_the_producer_partitions_by_that_hash_unless_told_otherwise() -> None:
    """We rely on kafka-python's default, so an upgrade that changes it must be noticed."""
    assert type(KafkaProducer.DEFAULT_CONFIG["partitioner"]) is DefaultPartitioner
