"""
The names of all topics, once: logical names here, physical names with the configured prefix.

What a topic is configured with is in ``schemas/topics/``; a test holds the two together.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final


class Source(IntEnum):
    """
    What events are read from.

    All but the last feed the profile table; their values index ``Delivery.applied``, hence they are
    part of the state's layout.
    """

    CALL = 0
    TICKET = 1
    PURCHASE = 2
    FEEDBACK = 3
    REFERRAL = 4
    TEXT = 5
    EMPLOYEE = 6


#: Logical topic of each source.
SOURCE_TOPICS: Final = {
    Source.CALL: "ckm.touchpoint.call.v1",
    Source.TICKET: "ckm.touchpoint.ticket.v1",
    Source.PURCHASE: "ckm.touchpoint.purchase.v1",
    Source.FEEDBACK: "ckm.touchpoint.feedback.v1",
    Source.REFERRAL: "ckm.internal.referral.v1",
    Source.TEXT: "ckm.internal.text.v1",
    Source.EMPLOYEE: "ckm.internal.employee.v1",
}
SCORE_UPDATED: Final = "ckm.score.updated.v1"
KNOWLEDGE_ITEM: Final = "ckm.knowledge.item.v1"
DEAD_LETTER: Final = "ckm.deadletter.v1"
EPOCH: Final = "ckm.internal.epoch.v1"
PROFILE_CHANGELOG: Final = "ckm.changelog.profile.v1"
EMPLOYEE_CHANGELOG: Final = "ckm.changelog.employee.v1"

#: All logical topics, in the order that events flow through them.
LOGICAL_TOPICS: Final = (
    *SOURCE_TOPICS.values(),
    SCORE_UPDATED,
    KNOWLEDGE_ITEM,
    DEAD_LETTER,
    EPOCH,
    PROFILE_CHANGELOG,
    EMPLOYEE_CHANGELOG,
)


def subject_of(logical_topic: str) -> str:
    """Return the subject that a topic's values are registered under (TopicNameStrategy)."""
    return f"{logical_topic}-value"


@dataclass(frozen=True, slots=True)
class Topics:
    """Physical topic names: *prefix*, which brings its own separator, before the logical ones."""

    prefix: str = ""
    call: str = field(init=False)
    ticket: str = field(init=False)
    purchase: str = field(init=False)
    feedback: str = field(init=False)
    referral: str = field(init=False)
    text: str = field(init=False)
    employee: str = field(init=False)
    score_updated: str = field(init=False)
    knowledge_item: str = field(init=False)
    dead_letter: str = field(init=False)
    epoch: str = field(init=False)
    profile_changelog: str = field(init=False)
    employee_changelog: str = field(init=False)

    def __post_init__(self) -> None:
        names = {source.name.lower(): logical for source, logical in SOURCE_TOPICS.items()} | {
            "score_updated": SCORE_UPDATED,
            "knowledge_item": KNOWLEDGE_ITEM,
            "dead_letter": DEAD_LETTER,
            "epoch": EPOCH,
            "profile_changelog": PROFILE_CHANGELOG,
            "employee_changelog": EMPLOYEE_CHANGELOG,
        }
        for attribute, logical in names.items():
            object.__setattr__(self, attribute, self.physical(logical))

    def physical(self, logical: str) -> str:
        """Return the name that a logical topic has on the cluster."""
        return f"{self.prefix}{logical}"

    def of(self, source: Source) -> str:
        """Return the physical topic of a source."""
        return self.physical(SOURCE_TOPICS[source])

    @property
    def sources(self) -> dict[str, Source]:
        """Physical name of each source topic, and the source."""
        return {self.physical(logical): source for source, logical in SOURCE_TOPICS.items()}
