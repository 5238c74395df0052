"""
Topics that the dictionary does not know yet: phrases of many texts, for an analyst to judge.

English phrases are proposed by YAKE, Chinese words by jieba; both are ranked by the number of texts
that have them, so a single talkative customer makes no topic. It costs 1 to 2 ms a text and is
never on the way of an event. Neither package downloads anything; both are in the extra ``text``.

Source:
    Campos and others: YAKE! Keyword extraction from single documents using multiple local
    features, Information Sciences 509, 2020.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from ckm_stream.text.language import Language, is_han, language_of, plain, without_han
from ckm_stream.text.packaged import packaged_words
from ckm_stream.text.segmenting import chinese_segmenter, load_extra
from ckm_stream.text.sentiment import MAX_READ_CHARS
from ckm_stream.text.topics import TopicDictionary

#: A phrase that fewer texts have is chance.
MIN_TEXTS: Final = 3

#: YAKE ranks within a document; so many texts are one, and give so many phrases.
_BATCH_TEXTS: Final = 500
_BATCH_PHRASES: Final = 100
_MAX_WORDS: Final = 3
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")

_CHINESE_STOP_WORDS: Final = frozenset(packaged_words("zh_stop_words.txt"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase that may be a topic, in lower case, and in how many texts it occurs."""

    phrase: str
    language: Language
    texts: int


def discover(texts: Iterable[str], *, known: TopicDictionary, top: int = 50) -> list[Candidate]:
    """
    Return the phrases that most texts share and *known* has no topic for.

    The same texts in the same order give the same candidates. A phrase inside a longer one that
    occurs in as many texts is left out.

    Args:
        texts: One text of a customer each; what lies behind 2,000 characters is not read.
        known: The dictionary; phrases with one of its topics in them are not candidates.
        top: How many to return, of both languages together, those in most texts first.

    Raises:
        ConfigurationError: If the extra ``text`` is not installed and a text needs it.
    """
    english: list[str] = []
    chinese: list[str] = []
    for text in texts:
        read = plain(text[:MAX_READ_CHARS])
        language = language_of(read)
        if language in {Language.ENGLISH, Language.MIXED}:
            english.append(without_han(read))
        if language in {Language.CHINESE, Language.MIXED}:
            chinese.append(read)
    found = [*_of_english(english), *_of_chinese(chinese)]
    new = [one for one in found if one.texts >= MIN_TEXTS and not known.topics_in(one.phrase)]
    new.sort(key=lambda one: (-one.texts, one.phrase))
    return list(islice(_without_parts(new), top))


def _of_english(texts: Sequence[str]) -> Iterator[Candidate]:
    if not texts:
        return
    yake = load_extra("yake")
    extractor = yake.KeywordExtractor(lan="en", n=_MAX_WORDS, top=_BATCH_PHRASES)
    proposed: set[tuple[str, ...]] = set()
    for start in range(0, len(texts), _BATCH_TEXTS):
        # A full stop after each text: YAKE builds no phrase across the end of a sentence.
        document = "\n".join(f"{text.strip()}." for text in texts[start : start + _BATCH_TEXTS])
        phrases = extractor.extract_keywords(document)
        proposed |= {tuple(_words_of(phrase)) for phrase, _ in phrases}
    # YAKE lets a stop word pass that is written in capitals, as if it were a name.
    proposed = {phrase for phrase in proposed if not extractor.stopword_set.issuperset(phrase)}
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = _words_of(text)
        counts.update(set(_runs(words)) & proposed)
    for phrase, count in counts.items():
        yield Candidate(" ".join(phrase), Language.ENGLISH, count)


def _words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _runs(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for length in range(1, _MAX_WORDS + 1):
        for start in range(len(words) - length + 1):
            yield tuple(words[start : start + length])


def _of_chinese(texts: Sequence[str]) -> Iterator[Candidate]:
    if not texts:
        return
    cut = chinese_segmenter()
    counts: Counter[str] = Counter()
    for text in texts:
        words = [word if _may_be_topic(word) else "" for word in cut(text)]
        # Pairs as well: jieba cuts 取件码, a pick-up code, in two.
        pairs = {one + other for one, other in pairwise(words) if one and other}
        counts.update({word for word in words if len(word) > 1} | pairs)
    for word, count in counts.items():
        yield Candidate(word, Language.CHINESE, count)


@lru_cache(maxsize=100_000)
def _may_be_topic(word: str) -> bool:
    return word not in _CHINESE_STOP_WORDS and is_han(word)


def _without_parts(ordered: list[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates that no longer one of as many texts contains."""
    by_count: dict[int, list[str]] = {}
    for candidate in ordered:
        by_count.setdefault(candidate.texts, []).append(_bounded(candidate))
    for candidate in ordered:
        inside = _bounded(candidate)
        longer = by_count[candidate.texts]
        if not any(inside in other and inside != other for other in longer):
            yield candidate


def _bounded(candidate: Candidate) -> str:
    """Return the phrase so that it is in another only as whole words, where there are such."""
    return f" {candidate.phrase} " if candidate.language is Language.ENGLISH else candidate.phrase
