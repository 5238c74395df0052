"""
What is read from the store: values that encode as JSON.

Their fields are the stable output of ``ckm top|show|explain --json`` and of the HTTP gateway. Times
are UTC.
"""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from ckm_stream.domain.score import Factor
from ckm_stream.snapshots.columns import to_datetime


class StoredScore(msgspec.Struct, frozen=True, kw_only=True):
    """An announced score; dimensions and total lie in [0.01, 1]."""

    customer_id: str
    version: int
    as_of: datetime
    reason: str
    epoch_id: int
    total: float
    value: float
    willingness: float
    absorption: float
    value_n_eff: float
    willingness_n_eff: float
    absorption_n_eff: float
    source_class: str
    previous_class: str | None
    lead_user: bool
    engagement: str
    engagement_reason: str
    event_id: str


class RankedSource(StoredScore, frozen=True, kw_only=True):
    """A place in the ranking, from 1; ``simulated`` if any of the customer's events is."""

    place: int
    simulated: bool


class ExplainedScore(StoredScore, frozen=True, kw_only=True):
    """
    The newest announced score with its explanation.

    The contributions of *factors*, largest first, add up to ln(total) - ln(reference_total).
    """

    simulated: bool
    reference_total: float
    factors: tuple[Factor, ...]


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """An announced change of class; ``previous_class`` is None for the first."""

    version: int
    as_of: datetime
    previous_class: str | None
    source_class: str
    reason: str


class StoredItem(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge item; ``source`` is the system that published its event."""

    item_id: str
    event_id: str
    source: str
    occurred_at: datetime
    form: str
    kind: str
    subject_id: str
    text: str | None
    product: str | None
    topics: tuple[str, ...]
    novelty: float | None
    stage: str
    externalised: bool


class StoredSection(msgspec.Struct, frozen=True, kw_only=True):
    """One direction of the knowledge: what the profile sums up, and the newest items."""

    summary: dict[str, Any]
    items: list[StoredItem]


class LifetimeValue(msgspec.Struct, frozen=True, kw_only=True):
    """
    A customer's expected buying, by a model.

    Attributes:
        epoch_id: The epoch whose models these are.
        model: The model of buying: of those fitted, the one that made the data likeliest.
        as_of_s: The end of observation, Unix seconds: the epoch's, or the newest event if later.
        horizon_weeks: How far ahead is looked.
        probability_alive: That the customer has not left for good, 0..1.
        expected_purchases: Days with a purchase within the horizon.
        expected_margin: Their discounted margin, in minor units.
    """

    epoch_id: int
    model: str
    as_of_s: int
    horizon_weeks: int
    probability_alive: float
    expected_purchases: float
    expected_margin: int


class KnownCustomer(
    msgspec.Struct, frozen=True, kw_only=True, rename={"for_": "for", "from_": "from"}
):
    """What is known about, for and from a customer, as of the newest event."""

    customer_id: str
    version: int
    as_of: datetime
    simulated: bool
    about: StoredSection
    for_: StoredSection
    from_: StoredSection


class CustomerProfile(KnownCustomer, frozen=True, kw_only=True):
    """A customer's profile with the newest announced score, if there is one."""

    score: StoredScore | None


class StoredProfile(KnownCustomer, frozen=True, kw_only=True):
    """
    A customer's profile with the newest scores and all classes.

    ``lifetime`` is None unless it was asked for and an activated epoch can price it.
    """

    scores: list[StoredScore]
    classes: list[ClassChange]
    lifetime: LifetimeValue | None = None


class ClassSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers are in a class."""

    source_class: str
    customers: int


def fields_of(row: Row[Any]) -> dict[str, Any]:
    """Return the columns of *row*, instants as datetimes."""
    fields = {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001 -- the public name of a row's mapping
    for name in ("as_of", "occurred_at"):
        if name in fields:
            fields[name] = to_datetime(fields[name])
    return fields
