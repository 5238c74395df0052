"""
What a score is: three dimensions, a total, a class, and the factors that explain it.

Values only; how they come about is in ``indicators``, ``epoch`` and ``scoring``.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec


class Dimension(StrEnum):
    """The three sides of a key knowledge source."""

    VALUE = "VALUE"
    WILLINGNESS = "WILLINGNESS"
    ABSORPTION = "ABSORPTION"


class Indicator(StrEnum):
    """The indicators of SCORING.md; the order is the order of their bits and columns."""

    BASE_POTENTIAL = "V1"
    GROWTH_POTENTIAL = "V2"
    NETWORKING_POTENTIAL = "V3"
    LEARNING_POTENTIAL = "V4"
    CONTACT_FREQUENCY = "W1"
    ACCEPTANCE_RATE = "W2"
    TRUST = "W3"
    PERCEIVED_BENEFIT = "W4"
    SOURCE_DIVERSITY = "A1"
    COMPLEMENTARITY = "A2"
    EMPLOYEE_MOTIVATION = "A3"
    IT_SUPPORT = "A4"


class SourceClass(StrEnum):
    """High or low on (value, willingness, absorption), or too little evidence to say."""

    KEY_SOURCE = "key_source"
    SILENT_VALUABLE = "silent_valuable"
    UNABSORBED = "unabsorbed"
    WILLING_SCOUT = "willing_scout"
    VALUABLE_OUT_OF_REACH = "valuable_out_of_reach"
    ORDINARY = "ordinary"
    UNKNOWN = "unknown"


class UpdateReason(StrEnum):
    """Why a score update was sent."""

    EVENT = "EVENT"
    DECAY = "DECAY"
    EPOCH = "EPOCH"
    MERGE = "MERGE"


class Engagement(StrEnum):
    """The five styles of working with a source (CKM.md), or none yet."""

    CO_PRODUCTION = "co_production"
    TEAM_CO_LEARNING = "team_co_learning"
    MUTUAL_INNOVATION = "mutual_innovation"
    COMMUNITY_OF_EXPERTISE = "community_of_expertise"
    JOINT_INTELLECTUAL_PROPERTY = "joint_intellectual_property"
    NONE = "none"


class Factor(msgspec.Struct, frozen=True, gc=False):
    """
    One indicator's share in a score.

    ``value`` is the indicator in its own unit, ``normalised`` in [0, 1], ``weight`` its weight in
    the total, ``contribution`` in natural-log units: the contributions of all factors add up to
    ln(total) - ln(reference total) within 1e-9.
    """

    indicator: Indicator
    value: float
    normalised: float
    weight: float
    contribution: float
    half_life_s: int
    n_eff: float
    newest_event_id: str | None


def largest_first(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """Return *factors* as people read them: by how far each moves the total, whichever way."""
    return tuple(sorted(factors, key=lambda each: -abs(each.contribution)))


class Score(msgspec.Struct, frozen=True, gc=False):
    """A score as of an instant of event time; every dimension and the total lie in [0.01, 1]."""

    as_of_s: int
    epoch_id: int
    value: float
    willingness: float
    absorption: float
    total: float
    value_n_eff: float
    willingness_n_eff: float
    absorption_n_eff: float
    source_class: SourceClass
    lead_user: bool
    engagement: Engagement
    engagement_reason: str


class ScoreUpdate(msgspec.Struct, frozen=True, gc=False):
    """What ``ckm.score.updated.v1`` carries: a score, why, and its place in the order."""

    customer_id: str
    version: int
    as_of: int
    reason: UpdateReason
    score: Score
    previous_class: SourceClass | None
    reference_total: float
    factors: tuple[Factor, ...]
    event_id: str
