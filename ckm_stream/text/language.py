"""
Which language a text is read as, and one spelling for what the rules look for.

Chinese is told by its script. Everything else is read as English, unless it is plainly something
else: VADER's word list would find "die" in every German sentence, and call it sad.
"""

import re
from enum import StrEnum
from importlib import resources
from typing import Final

#: A text is mixed where this share of its words, or more, is in the script of the fewer.
MIXED_FROM: Final = 0.1

#: Han characters, for the inside of a character class.
HAN_RANGES: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HAN: Final = re.compile(f"[{HAN_RANGES}]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Twice as many characters as words: segmented, Chinese text has about 1.6 characters to a word.
_HAN_PER_WORD: Final = 2

# Words without which few sentences get by. A word that two of the languages share is in neither:
# "die", "in", "was" and "also" are German and English.
_ENGLISH: Final = frozenset(
    "the and is are to of my your it this that with have has not for you i'm don't can't what how "
    "when why been were they we he she would could should will did does".split()
)
_OTHER: Final = frozenset(
    "der das und ist nicht ich sie ein eine mit auf für dem wir auch noch aber wurde sehr "  # German
    "le les des est une et pas je vous dans sur mais que qui avec très nous "  # French
    "el los las es y muy pero por para una mi su porque está como "  # Spanish
    "il gli che non è sono di della ho molto questo ancora "  # Italian
    "os uma não é muito eu foi mas seu "  # Portuguese
    "het een en niet ik dat maar zijn geen heb ".split()  # Dutch
)


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
    """Return *text* with a space in place of every Han character: what is left to read as English."""
    return text if text.isascii() else _HAN.sub(" ", text)


def is_han(word: str) -> bool:
    """Return whether any character of *word* is Han."""
    return _HAN.search(word) is not None


def _plain_table() -> dict[int, str]:
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {ord(mark): plain_mark for mark, plain_mark in zip("。、；：…　’‘“”", ".,;:. ''\"\"")}  # noqa: RUF001
    file = resources.files("ckm_stream.text").joinpath("data/traditional.txt")
    for line in file.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            table |= {ord(traditional): simple for traditional, simple in line.split()}
    return table


_PLAIN: Final = _plain_table()
