"""
Which language a text is read as, and one spelling for what the rules look for.

Chinese is told by its script. Everything else is read as English, unless it is plainly something
else: VADER's word list would find "die" in most German sentences, and call them sad.
"""

import re
from enum import StrEnum
from typing import Final

from ckm_stream.text.packaged import packaged_words

#: A text is mixed where this share of its words, or more, is in the script of the fewer.
MIXED_FROM: Final = 0.1

#: Han characters, for the inside of a character class.
HAN_RANGES: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HAN: Final = re.compile(f"[{HAN_RANGES}]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
# Twice as many characters as words: segmented, Chinese text has about 1.6 characters to a word.
_HAN_PER_WORD: Final = 2

_ENGLISH: Final = frozenset(packaged_words("en_function_words.txt"))
_OTHER: Final = frozenset(packaged_words("other_function_words.txt"))

_MARKS: Final = {
    "\u3000": " ",  # ideographic space
    "\u3001": ",",  # ideographic comma
    "\u3002": ".",  # ideographic full stop
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2026": ".",  # ellipsis
}


class Language(StrEnum):
    """What a text is read as; ``OTHER`` is not read for sentiment at all."""

    ENGLISH = "english"
    CHINESE = "chinese"
    MIXED = "mixed"
    OTHER = "other"


def language_of(text: str) -> Language:
    """
    Return what *text* is read as, from the share of Chinese among its words.

    Two Han characters count as a word. A share above 0.9 is Chinese, below 0.1 English, between
    them both. Kana make a text Japanese, and foreign function words that outnumber the English
    ones make it foreign: both are ``OTHER``. A text without any word is English.

    Args:
        text: What ``plain`` returned.
    """
    han = 0 if text.isascii() else len(_HAN.findall(text))
    words = _WORD.findall(_HAN.sub(" ", text) if han else text)
    if not han:
        return Language.OTHER if _is_foreign(words) else Language.ENGLISH
    if len(_KANA.findall(text)) * 10 > han:
        return Language.OTHER
    share = han / (han + _HAN_PER_WORD * len(words))
    if share > 1.0 - MIXED_FROM:
        return Language.CHINESE
    if share < MIXED_FROM:
        return Language.OTHER if _is_foreign(words) else Language.ENGLISH
    return Language.MIXED


def _is_foreign(words: list[str]) -> bool:
    lowered = [word.lower() for word in words]
    foreign = sum(word in _OTHER for word in lowered)
    return foreign > sum(word in _ENGLISH for word in lowered)


def plain(text: str) -> str:
    """
    Return *text* with Chinese punctuation and full-width letters in ASCII, characters simplified.

    Every character becomes one character, so positions stay what they were.
    """
    return text if text.isascii() else text.translate(_PLAIN)


def without_han(text: str) -> str:
    """Return *text* with a space in place of every Han character: its English part."""
    return text if text.isascii() else _HAN.sub(" ", text)


def is_han(word: str) -> bool:
    """Return whether any character of *word* is Han."""
    return _HAN.search(word) is not None


def _plain_table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}  # full-width ASCII
    table |= {ord(mark): ascii_mark for mark, ascii_mark in _MARKS.items()}
    for pair in packaged_words("traditional.txt"):
        table[ord(pair[0])] = pair[1]
    return table


_PLAIN: Final = _plain_table()
