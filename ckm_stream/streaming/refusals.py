"""
What a topic will not take however often it is tried: the worker stops, and drops nothing (P7).

A dead letter that cannot be written is the case that matters: its record would be lost if the
offset moved on without it. Rights that are missing are ``rights``' business.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    RecordTooLargeError,
)

from ckm_stream.errors import ConfigurationError
from ckm_stream.pipeline.records import Effects

_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError, RecordTooLargeError)
# A retry does not heal them; somebody who configures the cluster does.
_REFUSALS: Final = (*_TOO_LARGE, InvalidTopicError, PolicyViolationError)


@contextmanager
def refusals(effects: Effects) -> Iterator[None]:
    """
    Name what a topic does not take of *effects*.

    Raises:
        ConfigurationError: One line with the topic and the remedy.
    """
    try:
        yield
    except _REFUSALS as error:
        raise _refusal(effects, error) from error


def _refusal(effects: Effects, error: KafkaError) -> ConfigurationError:
    if effects.dead_letters and isinstance(error, _TOO_LARGE):
        largest = max(len(record.value or b"") for record in effects.dead_letters)
        what = f"a dead letter of up to {largest} bytes for topic '{effects.dead_letters[0].topic}'"
        remedy = "raise its max.message.bytes (`ckm topics apply` sets what it should be)"
    else:
        written = [*effects.dead_letters, *effects.forwarded, *effects.updates, *effects.items]
        topics = sorted({f"'{record.topic}'" for record in written})
        what = f"a record for {', '.join([*topics, 'the changelog'])}"
        remedy = "repair the topic (`ckm topics plan` shows what differs)"
    return ConfigurationError(
        f"partition {effects.partition}: Kafka does not take {what} ({type(error).__name__}); "
        f"{remedy} and start again: no offset has moved, nothing was dropped"
    )
