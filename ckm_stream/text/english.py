"""
Sentiment of English: VADER's word list and rules, with a company's own words in place of its own.

The package is pinned exactly: a private method of it is extended, and another version of the word
list would score the same text differently in two workers.

Source:
    Hutto, Gilbert: VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media
    Text, ICWSM 2014.
"""

from collections.abc import Mapping
from typing import Final

from vader.analyzer import SentimentIntensityAnalyzer

#: A negation acts across this many words in VADER's rules.
REACH_WORDS: Final = 3


class _CountingAnalyzer(SentimentIntensityAnalyzer):
    """VADER that also says how many words spoke: its own answer has only proportions."""

    def _score_valence(self, sentiments: list[float], text: str) -> dict[str, float]:
        found = super()._score_valence(sentiments, text)
        return found | {"polar": sum(1 for valence in sentiments if valence)}


class EnglishRules:
    """The rules over one vocabulary; reading changes nothing in it."""

    def __init__(self, own: Mapping[str, float]) -> None:
        """Take VADER's words, and those of *own* in place of or beside them."""
        merged = SentimentIntensityAnalyzer(extra_lexicon=own).lexicon
        # VADER's rules add an intensifier's strength even to a valence of 0.
        spoken = {word: valence for word, valence in merged.items() if valence}
        self._analyzer: Final = _CountingAnalyzer(spoken)
        self.valences: Final[Mapping[str, float]] = spoken

    def score(self, text: str) -> tuple[float, int]:
        """Return VADER's compound score of *text*, in [-1, 1], and the number of polar words."""
        found = self._analyzer.polarity_scores(text)
        return found["compound"], int(found["polar"]) if "polar" in found else 0

    def is_negation(self, word: str) -> bool:
        """Return whether the lower-case *word* turns the valence of the words after it."""
        return word in self._analyzer.negations or word.endswith("n't")

    def is_intensifier(self, word: str) -> bool:
        """Return whether the lower-case *word* strengthens or weakens those after it."""
        return word in self._analyzer.booster
