"""A score update as it was announced, as listeners get it, and whose updates a listener wants."""

from typing import Any, Final

import msgspec
from aiokafka.structs import ConsumerRecord

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.domain.score import Score, ScoreUpdate, SourceClass, largest_first
from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.stored import StoredScore

#: What a stored score has of the score itself; its instant is the update's, which is finer.
_OF_SCORE: Final = tuple(
    field.name
    for field in msgspec.structs.fields(StoredScore)
    if field.name in Score.__struct_fields__
)


class Wanted(msgspec.Struct, frozen=True):
    """Whose updates a listener wants: of one customer, of one class now or before, or all."""

    customer_id: str | None = None
    source_class: SourceClass | None = None

    def takes(self, customer_id: str, *classes: SourceClass | None) -> bool:
        """Tell whether an update of a customer, now of one of *classes* and before, is one."""
        if self.customer_id is not None and customer_id != self.customer_id:
            return False
        return self.source_class is None or self.source_class in classes


class Update:
    """
    A score update and its place; read when the first listener looks at it.

    A record takes 0.9 kB, and 5 kB when it is decoded: what is held is whom it is about and, once
    somebody wants it, its JSON of 3 kB instead of the record.
    """

    __slots__ = ("_data", "_of", "_value", "offset", "partition")

    def __init__(self, record: ConsumerRecord) -> None:
        self.partition: int = record.partition
        self.offset: int = record.offset
        self._value: bytes | None = record.value
        self._of: tuple[str, SourceClass, SourceClass | None] | None = None
        self._data = b""

    def is_wanted(self, wanted: Wanted, codec: OutputCodec) -> bool:
        """
        Tell whether it is one of those that are *wanted*.

        Raises:
            RejectedRecord: If it is none at all.
        """
        if self._of is None:
            update = codec.decode_score_update(self._value)
            self._of = (update.customer_id, update.score.source_class, update.previous_class)
        return wanted.takes(*self._of)

    def json(self, codec: OutputCodec) -> bytes:
        """Return it as JSON: the fields of a stored score, its reference total and its factors."""
        if not self._data:
            self._data = msgspec.json.encode(_document(codec.decode_score_update(self._value)))
            self._value = None
        return self._data


def _document(update: ScoreUpdate) -> dict[str, Any]:
    score = update.score
    return {
        "customer_id": update.customer_id,
        "version": update.version,
        "as_of": to_datetime(update.as_of),
        "reason": update.reason,
        **{name: getattr(score, name) for name in _OF_SCORE},
        "previous_class": update.previous_class,
        "event_id": update.event_id,
        "reference_total": update.reference_total,
        "factors": largest_first(update.factors),
    }
