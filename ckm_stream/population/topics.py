"""When the population came to speak of its topics: the epoch's tables behind the lead-user flag."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from ckm_stream.domain.mentions import Mentions
from ckm_stream.domain.topics import TELLING_FROM, TopicTable

#: Topics that an epoch knows, those of the most customers.
MOST_TOPICS: Final = 256

#: Quantiles of a table, 1/16 apart: a topic has 21 customers at least, so each is between another
#: two. Read on a line between two, a share is off by less than 1/16, and a mean of several by less
#: still. A table takes some 95 bytes, all of an epoch's together 24 KB.
KNOTS: Final = 17


class FirstMentions:
    """
    The first mentions of a population, by topic: 8 bytes each, so 80 MB of a million by ten.

    Exact, and the same for any order of the customers.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[int, array[int]] = defaultdict(lambda: array("q"))

    def add(self, mentions: Mentions) -> None:
        """Note a customer's first mentions."""
        for key, t_s in mentions.items():
            self._seconds[key].append(t_s)

    def tables(self) -> tuple[TopicTable, ...]:
        """Return the topics that tell something, those of the most customers, by rising key."""
        telling = [
            (-len(seconds), key)
            for key, seconds in self._seconds.items()
            if len(seconds) >= TELLING_FROM
        ]
        kept = sorted(key for _, key in nsmallest(MOST_TOPICS, telling))
        return tuple(_table(key, self._seconds[key]) for key in kept)


def _table(key: int, unordered: Iterable[int]) -> TopicTable:
    seconds = sorted(unordered)
    last = len(seconds) - 1
    knots = []
    for step in range(KNOTS):
        place, part = divmod(step * last, KNOTS - 1)
        ahead = seconds[min(place + 1, last)] - seconds[place]
        knots.append(seconds[place] + ahead * part // (KNOTS - 1))
    return TopicTable(key, len(seconds), tuple(knots))
