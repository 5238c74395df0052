"""
First mentions: which topics a customer was early to speak of, and when.

The earliest are kept, so that a state stays small: whoever spoke of more topics than that is known
well enough by the first ones.
"""

from collections.abc import Iterable
from typing import Final
from zlib import crc32

from ckm_stream.domain.sketch import keep_first, merge_firsts

#: Topics that a state remembers: some 10 bytes each, so 320 bytes at the most.
MOST_MENTIONS: Final = 32

#: First times in Unix seconds by `topic_key`, at most ``MOST_MENTIONS``.
Mentions = dict[int, int]


def topic_key(topic: str) -> int:
    """Return the 32 bits that stand for a topic: two of 1,000 share them once in 8,600 times."""
    return crc32(topic.encode(errors="surrogatepass"))


def note_mention(mentions: Mentions, key: int, t_s: int) -> None:
    """Remember that a topic was spoken of, in place; of too many topics the latest is dropped."""
    keep_first(mentions, key, t_s)
    if len(mentions) > MOST_MENTIONS:
        del mentions[_latest(mentions)]


def note_mentions(mentions: Mentions, topics: Iterable[str], t_s: int) -> None:
    """Remember, in place, that each of *topics* was spoken of."""
    for topic in topics:
        note_mention(mentions, topic_key(topic), t_s)


def merge_mentions(left: Mentions, right: Mentions) -> Mentions:
    """
    Return the first mentions of both: those of the union of their events.

    What either had dropped has so many earlier ones in it that it would be dropped here too.
    """
    merged = merge_firsts(left, right)
    while len(merged) > MOST_MENTIONS:
        del merged[_latest(merged)]
    return merged


def _latest(mentions: Mentions) -> int:
    return max(mentions, key=lambda key: (mentions[key], key))
