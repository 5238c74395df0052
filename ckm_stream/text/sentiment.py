"""
How a customer sounds: a polarity in [-1, 1], and how many words it rests on.

It is weak evidence: irony, sarcasm and facts told without feeling pass unseen, and `docs/text.md`
has how often it is right. Trust takes it at a weight of 0.3 at most; a text of which nothing is
known says nothing, rather than that the customer is neutral.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Final

from ckm_stream.text.chinese import ChineseRules
from ckm_stream.text.english import EnglishRules
from ckm_stream.text.language import Language, language_of, plain, without_han
from ckm_stream.text.lexicon import BUILT_IN, Lexicon, built_in_chinese

#: What is read of a text: a longer one has said by then what it has to say. VADER's rules cost
#: more than linearly, and a text of 100,000 characters, which is valid, must not stop a worker.
MAX_READ_CHARS: Final = 2_000

#: VADER's alpha: a sum x is worth x/√(x² + alpha), so that one strong word is about ±0.6.
ALPHA: Final = 15.0

_DECIMALS: Final = 4
# VADER knows emoji by their names; the Chinese rules do not.
_PICTURES: Final = re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]")


@dataclass(frozen=True, slots=True)
class Sentiment:
    """
    What the words of one text say.

    ``polarity`` is in [-1, 1], negative for displeasure, of 4 decimals. ``evidence`` is the number
    of words with a valence that were found; at 0 the polarity is 0 and nothing is known.
    """

    polarity: float
    evidence: int


UNKNOWN: Final = Sentiment(0.0, 0)


def sentiment_of(text: str, lexicon: Lexicon = BUILT_IN) -> Sentiment:
    """
    Return the sentiment of *text* by VADER's rules, in English, in Chinese or in both.

    Of a text in both languages each part is read by its own rules, and the polarities are averaged
    by the number of words that they rest on.

    Args:
        text: Any text; what lies behind the first 2,000 characters is not read.
        lexicon: A company's own word valences, over the built-in ones.
    """
    read = plain(text[:MAX_READ_CHARS])
    language = language_of(read)
    if language is Language.OTHER:
        return UNKNOWN
    found: list[tuple[float, int]] = []
    if language is not Language.ENGLISH:
        total, words = chinese_rules(lexicon).score(read)
        found.append((total / sqrt(total * total + ALPHA), words))
    if language is not Language.CHINESE or _PICTURES.search(read):
        found.append(english_rules(lexicon).score(without_han(read)))
    evidence = sum(words for _, words in found)
    if not evidence:
        return UNKNOWN
    return Sentiment(round(sum(p * words for p, words in found) / evidence, _DECIMALS), evidence)


@lru_cache(maxsize=4)
def chinese_rules(lexicon: Lexicon) -> ChineseRules:
    """Return the Chinese rules with *lexicon*'s words; made once for each lexicon."""
    return ChineseRules(built_in_chinese(), lexicon.chinese)


@lru_cache(maxsize=4)
def english_rules(lexicon: Lexicon) -> EnglishRules:
    """Return VADER with *lexicon*'s words; made once for each lexicon."""
    return EnglishRules(lexicon.english)
