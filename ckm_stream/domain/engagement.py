"""Which of the five styles of working with a source (CKM.md) fits, and why."""

from typing import Final

from ckm_stream.domain import counters
from ckm_stream.domain.score import Engagement, SourceClass

# Weighted contacts per week: a report a month is a high rate, one in three months a fair one.
_HIGH_RATE: Final = 0.2
_FAIR_RATE: Final = 0.08
_MOSTLY: Final = 0.6

Advice = tuple[Engagement, str]

_NOT_YET: Final[dict[SourceClass, Advice]] = {
    SourceClass.UNKNOWN: (Engagement.NONE, "Too little evidence to choose a style."),
    SourceClass.ORDINARY: (Engagement.NONE, "Serve well; no special engagement pays."),
    SourceClass.SILENT_VALUABLE: (Engagement.NONE, "Give a reason to talk first."),
    SourceClass.VALUABLE_OUT_OF_REACH: (
        Engagement.NONE,
        "Give a reason to talk, and mend how what is said is taken up.",
    ),
}
_LEAD_USER: Final[Advice] = (
    Engagement.MUTUAL_INNOVATION,
    "A lead user: has needs before the crowd, so develop with them.",
)
_EXPERTS: Final[Advice] = (
    Engagement.COMMUNITY_OF_EXPERTISE,
    "Mostly tacit knowledge and frequent contact: bring experts together.",
)
_INNOVATORS: Final[Advice] = (
    Engagement.MUTUAL_INNOVATION,
    "Mostly tacit knowledge and regular contact: develop together.",
)
_PARTNERS: Final[Advice] = (
    Engagement.JOINT_INTELLECTUAL_PROPERTY,
    "Mostly explicit knowledge and frequent contact: share ventures and training.",
)
_PRODUCERS: Final[Advice] = (
    Engagement.CO_PRODUCTION,
    "Mostly explicit knowledge and little contact: let them shape the product.",
)
_LEARNERS: Final[Advice] = (
    Engagement.TEAM_CO_LEARNING,
    "Explicit and tacit knowledge mixed: let them learn with other customers.",
)
#: For a source that would be valuable, had what it told not been refuted.
DOUBTED: Final[Advice] = (
    Engagement.NONE,
    "Valuable by the numbers, but what was told was not adopted more often than rejected.",
)


def advise(
    source_class: SourceClass, counts: list[int], contacts_per_week: float, *, lead_user: bool
) -> Advice:
    """
    Return the style that fits a source, with its reason in one sentence.

    Args:
        source_class: From the three dimensions; only a willing source gets a style.
        counts: The customer's counters, for the share of items of tacit origin.
        contacts_per_week: Weighted contacts that the customer starts (W1), >= 0.
        lead_user: Whether the customer is known to meet needs before others.
    """
    not_yet = _NOT_YET.get(source_class)
    if not_yet is not None:
        return not_yet
    if lead_user:
        return _LEAD_USER
    share = tacit_share(counts)
    if share >= _MOSTLY and contacts_per_week >= _FAIR_RATE:
        return _EXPERTS if contacts_per_week >= _HIGH_RATE else _INNOVATORS
    if share <= 1 - _MOSTLY:
        return _PARTNERS if contacts_per_week >= _HIGH_RATE else _PRODUCERS
    return _LEARNERS


def with_lead(reason: str, topics: int, percent: int) -> str:
    """
    Return a reason with what makes the customer a lead user.

    Args:
        reason: Why this style, in one sentence.
        topics: On how many topics the customer was ahead.
        percent: Of how many of those who spoke of them, on average.
    """
    named = "a topic" if topics == 1 else f"{topics} topics"
    return f"{reason} Spoke of {named} ahead of {percent} % of those who did."


def tacit_share(counts: list[int]) -> float:
    """Return the share of items that began as somebody's tacit knowledge; 0.5 without items."""
    items = counts[counters.EXPLICIT] + counts[counters.TACIT]
    if not items:
        return 0.5
    return (counts[counters.TACIT] + counts[counters.EXTERNALISED]) / items
