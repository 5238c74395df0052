"""
Topics that the dictionary does not know yet: phrases that many texts share, for an analyst to judge.

English phrases are proposed by YAKE, Chinese words by jieba; both are ranked by the number of texts
that have them, so a single talkative customer makes no topic. It costs about 1 ms a text and is
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

# Chinese words that say how something is said, not what about.
_CHINESE_STOP_WORDS: Final = frozenset(
    "的 了 是 我 你 他 她 它 您 们 不 没 在 很 太 都 有 也 就 还 又 再 要 去 来 会 能 给 个 到 说 好 和 跟 与 或 把 被 让 "
    "这 那 吗 吧 呢 啊 哦 呀 嘛 得 地 着 过 上 下 里 中 后 前 从 对 为 以 而 但 如 才 只 最 更 多 少 大 小 一 二 两 三 几 "
    "我们 你们 他们 她们 自己 大家 这个 那个 这些 那些 这样 那样 这里 那里 这么 那么 什么 怎么 怎样 为什么 哪里 哪个 "
    "多少 几个 一个 一些 一下 一直 一样 一点 一次 一种 没有 不是 不会 不能 不要 不用 不到 不了 还是 还有 还要 就是 "
    "都是 也是 只是 但是 可是 不过 而且 因为 所以 如果 虽然 然后 或者 以及 并且 其实 真的 非常 比较 特别 已经 现在 "
    "今天 昨天 明天 刚才 以后 以前 之后 之前 时候 时间 可以 可能 应该 需要 想要 觉得 感觉 知道 希望 请问 谢谢 你好 "
    "您好 麻烦 东西 事情 问题 情况 方面 地方 看到 收到 起来 出来 下来 过来 进去 还会 开始 继续 不错 很多 有点 有些 "
    "这次 上次 每次 第一次 有人 别人 客户 先生 女士 公司 今年 去年 最近 之间 其他 其它 怎么办 有没有 是不是 能不能".split()
)


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
