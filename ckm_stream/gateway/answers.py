"""What the gateway answers with, beside the values of the store: encoded as JSON as they are."""

from datetime import datetime
from typing import Final

import msgspec

from ckm_stream.domain.score import Factor
from ckm_stream.gateway.flow import TopicFlow
from ckm_stream.gateway.problems import FieldError
from ckm_stream.snapshots.overview import Cell
from ckm_stream.snapshots.pages import History, SectionItem
from ckm_stream.snapshots.stored import ClassSize, CustomerProfile, ExplainedScore, RankedSource
from ckm_stream.snapshots.tokens import Scope, TokenView


class Verdict(msgspec.Struct, frozen=True):
    """What became of one event of a request; ``place`` counts from 0."""

    place: int
    event_id: str | None
    status: str
    errors: tuple[FieldError, ...] = ()


class Verdicts(msgspec.Struct, frozen=True):
    """What became of the events of a request."""

    accepted: int
    refused: int
    events: list[Verdict]


class ScoreAnswer(ExplainedScore, frozen=True, kw_only=True):
    """A score with its reasons: as it was announced, or ``cooled`` to *at*."""

    cooled: bool
    at: datetime | None


class KeySources(msgspec.Struct, frozen=True):
    """A page of the ranking."""

    key_sources: list[RankedSource]
    next_cursor: str | None


class Items(msgspec.Struct, frozen=True):
    """A page of knowledge items."""

    items: list[SectionItem]
    next_cursor: str | None


class Flow(msgspec.Struct, frozen=True):
    """
    What is published and announced in the whole cluster.

    Rates are of the last few seconds; None after one look.
    """

    published_per_s: float | None
    score_updates_per_s: float | None
    topics: list[TopicFlow]


class Freshness(msgspec.Struct, frozen=True):
    """How far the store is: its newest event, and the score updates that it has not yet."""

    newest_event: datetime | None
    store_lag_records: int | None
    epoch_id: int


class Overview(msgspec.Struct, frozen=True):
    """The service at a glance; ``flow`` is None while the broker does not answer."""

    at: datetime
    customers: int
    simulated: bool
    classes: list[ClassSize]
    flow: Flow | None
    freshness: Freshness


class SourceMap(msgspec.Struct, frozen=True):
    """Customers by value and willingness, in cells of 1/bins on each side."""

    bins: int
    cells: list[Cell]
    simulated: bool


class Me(msgspec.Struct, frozen=True):
    """Whose token it is and what it is good for."""

    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None


class TokenList(msgspec.Struct, frozen=True):
    """All tokens, oldest first."""

    tokens: list[TokenView]


#: Everything that has a schema in the OpenAPI document.
ANSWERS: Final = (
    CustomerProfile,
    Factor,
    History,
    Items,
    KeySources,
    Me,
    Overview,
    ScoreAnswer,
    SourceMap,
    TokenList,
    Verdicts,
)
