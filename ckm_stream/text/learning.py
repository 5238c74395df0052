"""
Word valences from a company's own ratings: what "pending" is worth to its customers, in numbers.

A word's valence is the log-odds of being in a well rated rather than a badly rated text. The
built-in valence is its prior, worth ten texts: few ratings leave a word as it was, many decide it.
New words come in when their texts are not rated like all others by chance. The same ratings give
the same lexicon; nothing is downloaded.

Source:
    Monroe, Colaresi, Quinn: Fightin' Words, Political Analysis 16(4), 2008, for log-odds with an
    informative Dirichlet prior; that ratings between -1 and 1 count in part is ours.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt
from types import MappingProxyType
from typing import Final

from ckm_stream.errors import FitError
from ckm_stream.text.chinese import ChineseRules
from ckm_stream.text.english import REACH_WORDS
from ckm_stream.text.language import Language, is_han, language_of, plain, without_han
from ckm_stream.text.lexicon import BUILT_IN, MAX_VALENCE, Lexicon, Section, built_in_chinese
from ckm_stream.text.quality import auc
from ckm_stream.text.segmenting import chinese_segmenter
from ckm_stream.text.sentiment import (
    ALPHA,
    MAX_READ_CHARS,
    chinese_rules,
    english_rules,
    sentiment_of,
)

#: Fewer texts than these, rated, well rated and badly rated, teach chance.
MIN_RATED: Final = 200
MIN_EACH: Final = 50

#: A word that fewer texts have stays as it was.
MIN_TEXTS: Final = 5

#: A word counts so many times in one text: as it is read, but no customer teaches it alone.
MAX_TIMES: Final = 10

#: What a built-in valence is worth, in texts.
PRIOR_TEXTS: Final = 10.0

#: The mean rating of a new word's texts is so many standard errors from that of all. 1 in 22 words
#: that mean nothing gets in; at 3, 1 in 370 does, but held-out AUC was 0.01 to 0.02 lower.
MIN_Z: Final = 2.0
_MIN_VALENCE: Final = 0.2
_DECIMALS: Final = 2

# For log-odds l and a sum of valences x, 2p - 1 = tanh(l/2) and x/√(x² + alpha) have the same slope
# at 0 if x = l·√alpha/2.
_VALENCE_OF_LOG_ODDS: Final = sqrt(ALPHA) / 2

_ENGLISH_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)*|[.,;:!?]")

#: A word in a text, and +1, or -1 where it stands behind a negation.
_Sign = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Text:
    words: Mapping[_Sign, int]
    rating: float


@dataclass(frozen=True, slots=True)
class _Spoken:
    """
    A word, in how many texts it is, and the weight of those for it and against it.

    A text that has it both plain and negated counts as two. ``mean_rating`` is that of its texts,
    turned where it is negated.
    """

    word: str
    texts: int
    pleased: float
    displeased: float
    mean_rating: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """AUC on ratings that were not learnt from: of the built-in lexicon, and of the learnt one."""

    before: float
    after: float


def retrain(ratings: Iterable[tuple[str, float]]) -> Lexicon:
    """
    Return a lexicon whose valences follow *ratings*.

    Args:
        ratings: Texts, each with what the customer gave: -1 (worst) to 1 (best). 0 teaches that a
            word is neutral.

    Raises:
        FitError: If a rating is outside [-1, 1], or fewer than 200 texts, 50 positive or 50
            negative ones are rated and have a word to learn from.
        ConfigurationError: If a text is Chinese and the extra ``text`` is not installed.
    """
    texts = _texts_of(_checked(ratings))
    positive = sum(text.rating > 0 for text in texts)
    negative = sum(text.rating < 0 for text in texts)
    if len(texts) < MIN_RATED or min(positive, negative) < MIN_EACH:
        raise FitError(
            f"{len(texts)} rated texts, {positive} positive and {negative} negative, are too few "
            f"to learn from: at least {MIN_RATED} are needed, {MIN_EACH} of either kind"
        )
    return Lexicon(MappingProxyType(dict(sorted(_learnt(texts)))))


def held_out(ratings: Iterable[tuple[str, float]]) -> HeldOut:
    """
    Return how much a lexicon learnt from one half of *ratings* improves on the other half.

    Each half is learnt from once and judged once. Every second text of either kind is in a half,
    so both are rated alike, in whatever order the texts come.

    Raises:
        FitError: As ``retrain``, for either half.
        ConfigurationError: As ``retrain``.
    """
    rated = sorted(_checked(ratings), key=lambda one: one[1])
    halves = rated[::2], rated[1::2]
    before: list[float] = []
    after: list[float] = []
    for learnt_from, judged in (halves, halves[::-1]):
        learnt = retrain(learnt_from)
        before.append(_auc_of(judged, BUILT_IN))
        after.append(_auc_of(judged, learnt))
    return HeldOut(sum(before) / 2, sum(after) / 2)


def _auc_of(rated: Sequence[tuple[str, float]], lexicon: Lexicon) -> float:
    scores = [sentiment_of(text, lexicon).polarity for text, _ in rated]
    return auc(scores, [rating for _, rating in rated])


def _checked(ratings: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    rated = list(ratings)
    for number, (_, rating) in enumerate(rated, start=1):
        if not isfinite(rating) or abs(rating) > 1.0:
            raise FitError(
                f"rating {number} is {rating:g}, outside -1..1: of a scale from low to high, "
                "take (2·rating - low - high)/(high - low)"
            )
    return rated


def _texts_of(rated: Sequence[tuple[str, float]]) -> list[_Text]:
    """Return the words of each text, of both languages; texts without any are left out."""
    read = [(plain(text[:MAX_READ_CHARS]), rating) for text, rating in rated]
    languages = [language_of(text) for text, _ in read]
    chinese = _chinese_vocabulary(
        [
            text
            for (text, _), language in zip(read, languages, strict=True)
            if language in {Language.CHINESE, Language.MIXED}
        ]
    )
    found: list[_Text] = []
    for (text, rating), language in zip(read, languages, strict=True):
        words: Counter[_Sign] = Counter()
        if language in {Language.CHINESE, Language.MIXED}:
            words.update(
                (one.word, -1 if one.factor < 0 else 1) for one in chinese.occurrences(text)
            )
        if language in {Language.ENGLISH, Language.MIXED}:
            words.update(_english_words(without_han(text)))
        if words:
            found.append(_Text(words, rating))
    return found


def _chinese_vocabulary(texts: Sequence[str]) -> ChineseRules:
    """Return rules that find the words *texts* share beside the built-in ones, those worth 0."""
    sections = built_in_chinese()
    if not texts:
        return chinese_rules(BUILT_IN)
    cut = chinese_segmenter()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({word for word in cut(text) if is_han(word)})
    taken = {word for section in sections.values() for word in section}
    shared = {word: 0.0 for word, n in counts.items() if n >= MIN_TEXTS and word not in taken}
    return ChineseRules(sections, {**shared, **sections[Section.WORDS]})


def _english_words(text: str) -> Iterator[_Sign]:
    rules = english_rules(BUILT_IN)
    reach = 0
    for word in _ENGLISH_WORD.findall(text.lower()):
        if rules.is_negation(word):
            reach = REACH_WORDS
        elif word[0].isalpha():
            if not rules.is_intensifier(word):
                yield word, -1 if reach else 1
            reach = max(0, reach - 1)
        else:
            reach = 0


def _learnt(texts: Sequence[_Text]) -> Iterator[tuple[str, float]]:
    """Yield the words whose valence *texts* change, with what it is then."""
    built_in = {**english_rules(BUILT_IN).valences, **chinese_rules(BUILT_IN).valences}
    spoken = _spoken(texts, built_in)
    pleased = sum(word.pleased for word in spoken)
    displeased = sum(word.displeased for word in spoken)
    mean = sum(one.rating for one in texts) / len(texts)
    sd = sqrt(sum((one.rating - mean) ** 2 for one in texts) / len(texts))
    for word in spoken:
        if word.texts < MIN_TEXTS:
            continue
        yes, no = word.pleased, word.displeased
        log_odds = log(yes / (pleased - yes)) - log(no / (displeased - no))
        z = word.texts**0.5 * (word.mean_rating - mean) / sd
        valence = max(-MAX_VALENCE, min(MAX_VALENCE, log_odds * _VALENCE_OF_LOG_ODDS))
        if word.word in built_in or (abs(z) >= MIN_Z and abs(valence) >= _MIN_VALENCE):
            yield word.word, round(valence, _DECIMALS)


def _spoken(texts: Sequence[_Text], built_in: Mapping[str, float]) -> list[_Spoken]:
    """
    Return how much the texts with each word speak for it and against it, its prior added.

    A text rated r speaks for its words by (1 + r)/2 and against them by (1 - r)/2; for negated
    ones the other way round. The prior is split so that without any text the log-odds are those
    of the built-in valence, whatever the share of pleased customers.

    Raises:
        FitError: If all texts together have a single word.
    """
    counts: Counter[str] = Counter()
    texts_with: Counter[str] = Counter()
    sums: defaultdict[str, float] = defaultdict(float)
    ratings: defaultdict[str, float] = defaultdict(float)
    for text in texts:
        for (word, sign), times in text.words.items():
            counted = min(times, MAX_TIMES)
            counts[word] += counted
            sums[word] += sign * counted * text.rating
            texts_with[word] += 1
            ratings[word] += sign * text.rating
    if len(counts) == 1:
        raise FitError(
            "the rated texts have one word in common and no other: nothing can be learnt"
        )
    share = 0.5 + 0.5 * sum(sums.values()) / counts.total()
    spoken: list[_Spoken] = []
    for word, count in sorted(counts.items()):
        chance = 1.0 / (1.0 + exp(-built_in.get(word, 0.0) / _VALENCE_OF_LOG_ODDS))
        yes = 0.5 * (count + sums[word]) + 2.0 * PRIOR_TEXTS * share * chance
        no = 0.5 * (count - sums[word]) + 2.0 * PRIOR_TEXTS * (1.0 - share) * (1.0 - chance)
        n = texts_with[word]
        spoken.append(_Spoken(word, n, yes, no, ratings[word] / n))
    return spoken
