"""The newest state of a changelog: can a worker with these settings read what was written?"""

import time
from contextlib import closing
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from ckm_stream.codec.state import decode_state
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.connection import (
    broker_errors,
    conversation,
    kafka_client_options,
)
from ckm_stream.settings import Settings

_POLL_MS: Final = 200
_PATIENCE_S: Final = 3.0
# The end of a transaction takes an offset too, and is no record.
_TAIL: Final = 20


def newest_state_problem(settings: Settings, topic: str) -> str | None:
    """
    Return why the newest state in *topic* cannot be read; None if it can, or there is none.

    Raises:
        ConfigurationError: If the broker refuses us.
        TransientError: If the broker fails.
    """
    data = _newest(settings, topic)
    if data is None:
        return None
    try:
        decode_state(data, settings.scoring)
    except ConfigurationError as error:
        return str(error)
    return None


def _newest(settings: Settings, topic: str) -> bytes | None:
    """Read the last records of each partition, and return the one written last."""
    options: dict[str, Any] = kafka_client_options(settings) | {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "fetch_max_wait_ms": 50,
    }
    with conversation(settings):
        pass  # for its one sentence, if nobody answers
    with broker_errors(settings), closing(KafkaConsumer(**options)) as consumer:
        tps = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic) or ()]
        if not tps:
            return None
        consumer.assign(tps)
        begins, ends = consumer.beginning_offsets(tps), consumer.end_offsets(tps)
        for tp in tps:
            consumer.seek(tp, max(begins[tp], ends[tp] - _TAIL))
        newest: Any = None
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and any(consumer.position(tp) < ends[tp] for tp in tps):
            for records in consumer.poll(_POLL_MS).values():
                last = max(
                    (record for record in records if record.value is not None),
                    key=lambda record: record.timestamp,
                    default=None,
                )
                if last is not None and (newest is None or last.timestamp >= newest.timestamp):
                    newest = last
        return None if newest is None else bytes(newest.value)
