"""A partition read to its end with kafka-python, for programs that read it once and leave."""

from collections.abc import Iterator
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from ckm_stream.settings import Guarantee, KafkaSettings

_POLL_MS: Final = 200


def read_partition(
    consumer: KafkaConsumer, tp: TopicPartition, kafka: KafkaSettings, *, start: int = 0
) -> Iterator[Any]:
    """
    Yield the committed records of *tp* from *start* on, up to where it ends now.

    Raises:
        KafkaTimeoutError: If nothing comes for as long as a request may take.
    """
    knows_its_ends = kafka.guarantee is Guarantee.EXACTLY_ONCE
    consumer.assign([tp])
    end = consumer.end_offsets([tp])[tp]
    consumer.seek(tp, max(start, consumer.beginning_offsets([tp])[tp]))
    empty = 0
    while consumer.position(tp) < end:
        records = consumer.poll(_POLL_MS).get(tp, ())
        if not knows_its_ends:
            # The embedded broker tells the first offset of the last batch + 1; the fetch is
            # right, and without transactions everything up to the high watermark is readable.
            end = max(end, consumer.highwater(tp) or 0)
        yield from records
        empty = 0 if records else empty + 1
        if empty * _POLL_MS > kafka.request_timeout_s * 1000:
            raise KafkaTimeoutError(f"{tp.topic} partition {tp.partition} sends nothing")
