"""Score updates and knowledge items and their bytes, for the worker, the store and consumers."""

from collections.abc import Callable
from typing import Any, Final

from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.formats import Format
from ckm_stream.codec.topics import KNOWLEDGE_ITEM, SCORE_UPDATED
from ckm_stream.domain.events import MICROS
from ckm_stream.domain.knowledge import Form, KnowledgeItem, Section
from ckm_stream.domain.score import (
    Engagement,
    Factor,
    Indicator,
    Score,
    ScoreUpdate,
    SourceClass,
    UpdateReason,
)
from ckm_stream.errors import InvariantError

#: Where the fields of the flat record are in a ``ScoreUpdate``.
_SCORE_PATHS: Final = {
    name: f"score.{name}"
    for name in (
        "value",
        "willingness",
        "absorption",
        "total",
        "value_n_eff",
        "willingness_n_eff",
        "absorption_n_eff",
        "source_class",
        "lead_user",
        "engagement",
        "engagement_reason",
        "epoch_id",
    )
} | {"contributions": "factors"}


def _score_update(  # noqa: PLR0913 -- the record's fields that are not the score's own
    *,
    customer_id: str,
    version: int,
    as_of: int,
    reason: UpdateReason,
    previous_class: SourceClass | None,
    reference_total: float,
    contributions: tuple[Factor, ...],
    event_id: str,
    **score: Any,  # noqa: ANN401 -- the fields of `Score`, read by its schema
) -> ScoreUpdate:
    return ScoreUpdate(
        customer_id=customer_id,
        version=version,
        as_of=as_of,
        reason=reason,
        score=Score(as_of_s=as_of // MICROS, **score),
        previous_class=previous_class,
        reference_total=reference_total,
        factors=contributions,
        event_id=event_id,
    )


_INDICATORS: Final = {indicator.value: indicator for indicator in Indicator}


def _factor(  # noqa: PLR0913, PLR0917 -- the record's fields, by position: there are twelve a score
    indicator: str,
    value: float,
    normalised: float,
    weight: float,
    contribution: float,
    half_life_s: int,
    n_eff: float,
    newest_event_id: str | None,
) -> Factor:
    return Factor(
        _INDICATORS[indicator],
        value,
        normalised,
        weight,
        contribution,
        half_life_s,
        n_eff,
        newest_event_id,
    )


_SCORE_TYPES: Final[dict[str, Callable[..., Any]]] = {
    "org.ckm.ScoreUpdated": _score_update,
    "org.ckm.Factor": _factor,
    "org.ckm.UpdateReason": UpdateReason,
    "org.ckm.SourceClass": SourceClass,
    "org.ckm.Engagement": Engagement,
}
_ITEM_TYPES: Final[dict[str, Callable[..., Any]]] = {
    "org.ckm.KnowledgeItem": KnowledgeItem,
    "org.ckm.Section": Section,
    "org.ckm.Form": Form,
}


class OutputCodec:
    """
    Encodes and decodes what the profile worker announces; both framed.

    Raises:
        ConfigurationError: If the catalogue lacks a subject, or the registry a schema.
    """

    def __init__(self, schemas: SchemaSource) -> None:
        self._scores = Format(schemas, SCORE_UPDATED, _SCORE_TYPES, _SCORE_PATHS)
        self._items = Format(schemas, KNOWLEDGE_ITEM, _ITEM_TYPES)

    @property
    def score_head(self) -> bytes:
        """The frame's head of score updates."""
        return self._scores.head

    @property
    def item_head(self) -> bytes:
        """The frame's head of knowledge items."""
        return self._items.head

    def encode_score_update(self, update: ScoreUpdate) -> bytes:
        """
        Return the framed value of *update*; equal updates give equal bytes.

        Raises:
            InvariantError: If the score is not as of the update's instant.
        """
        if update.score.as_of_s != update.as_of // MICROS:
            raise InvariantError(
                f"score as of second {update.score.as_of_s} in an update as of {update.as_of} µs"
            )
        return self._scores.encode(update)

    def decode_score_update(self, value: bytes | None) -> ScoreUpdate:
        """
        Return the score update in a framed value.

        Raises:
            RejectedRecord: If it is not one.
        """
        update: ScoreUpdate = self._scores.read(value)
        return update

    def encode_item(self, item: KnowledgeItem) -> bytes:
        """Return the framed value of *item*."""
        return self._items.encode(item)

    def decode_item(self, value: bytes | None) -> KnowledgeItem:
        """
        Return the knowledge item in a framed value.

        Raises:
            RejectedRecord: If it is not one.
        """
        item: KnowledgeItem = self._items.read(value)
        return item
