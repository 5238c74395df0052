"""
When a population came to speak of a topic, and how far ahead of it a customer was.

Only topics that many came to speak of tell a lead user: being the first of three is no lead.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from ckm_stream.domain.mentions import Mentions

#: A topic tells something once so many customers have spoken of it.
TELLING_FROM: Final = 21

# A mean over n topics counts n/(n + 3): one topic, however early, is chance.
_SHRINKAGE: Final = 3.0

_MOST_KEY: Final = (1 << 32) - 1
_MOST_S: Final = (1 << 43) - 1


@dataclass(frozen=True, slots=True)
class TopicTable:
    """
    First mentions of one topic by a population.

    ``key`` is the topic's (`mentions.topic_key`), ``customers`` how many have spoken of it.
    ``seconds`` are quantiles of their first mentions, in Unix seconds, at evenly spaced shares of
    the others who spoke earlier: the first of all at 0, the last at 1.
    """

    key: int
    customers: int
    seconds: tuple[int, ...]

    def __post_init__(self) -> None:
        """
        Refuse what no share can be read from.

        Raises:
            ValueError: If the seconds fall, are fewer than two or negative, the key has more than
                32 bits, or too few have spoken of the topic.
        """
        seconds = self.seconds
        if not (
            0 <= self.key <= _MOST_KEY
            and self.customers >= TELLING_FROM
            and len(seconds) >= 2  # noqa: PLR2004 -- a line has two ends
            and seconds[0] >= 0
            and seconds[-1] <= _MOST_S
            and all(earlier <= later for earlier, later in pairwise(seconds))
        ):
            raise ValueError(
                f"a topic needs a key of 32 bits, at least {TELLING_FROM} customers, and two or "
                "more seconds that never fall"
            )

    def share_before(self, t_s: int) -> float:
        """
        Return the share of its customers who spoke of the topic before a Unix second.

        In [0, 1], and never less at a later second. Of several quantiles at that very second it is
        their middle: where all spoke at once, each stands half way.
        """
        seconds = self.seconds
        steps = len(seconds) - 1
        low, high = bisect_left(seconds, t_s), bisect_right(seconds, t_s)
        if low < high:
            return (low + high - 1) / (2 * steps)
        if low == 0:
            return 0.0
        if low > steps:
            return 1.0
        before, after = seconds[low - 1], seconds[low]
        return (low - 1 + (t_s - before) / (after - before)) / steps


class Lead(NamedTuple):
    """
    How far ahead of a population a customer was.

    ``topics`` is how many of the customer's own it has tables of, ``later`` the sum over these of
    the share of their customers who spoke of them later.
    """

    topics: int
    later: float

    def is_lead_user(self, least: float) -> bool:
        """Say whether the mean share, shrunk by n/(n + 3), is at least *least*."""
        return self.later / (self.topics + _SHRINKAGE) >= least

    @property
    def percent(self) -> int:
        """The mean share in whole percent, rounded down; there is at least one topic."""
        return int(100.0 * self.later / self.topics)


NO_LEAD: Final = Lead(0, 0.0)


def read_lead(mentions: Mentions, tables: Mapping[int, TopicTable]) -> Lead:
    """Return how far ahead a customer was on the topics that there are *tables* of, by key."""
    topics, later = 0, 0.0
    # In the order of their keys, because the last bit of a sum depends on it.
    for key in sorted(mentions) if tables else ():
        table = tables.get(key)
        if table is not None:
            topics += 1
            later += 1.0 - table.share_before(mentions[key])
    return Lead(topics, later)
