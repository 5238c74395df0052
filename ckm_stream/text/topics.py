"""
What customers write about, from a dictionary of phrases that a company can change.

Phrases are matched over units, in one pass: a Latin word is a unit, a Han character is one. So
English matches whole words and Chinese needs no segmenting. Topics are those that the dictionary
names, in its order; what it does not know, ``discovery`` looks for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.language import HAN_RANGES, plain
from ckm_stream.text.packaged import packaged_text

#: A ``*`` needs this many letters before it: "a*" would be every tenth word.
MIN_STEM_CHARS: Final = 3

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
# The marks end a phrase: "I want my money. Back in June ..." is no "money back".
_UNIT: Final = re.compile(
    rf"[{HAN_RANGES}]|[^\W_{HAN_RANGES}]+(?:'[^\W_{HAN_RANGES}]+)*|[.,;:!?\n]"
)
_PATTERN_UNIT: Final = re.compile(_UNIT.pattern + r"|\*")


@dataclass(slots=True)
class _Node:
    """
    Where a phrase has got to: what may come next, and the topics if it may end here.

    ``stems`` are found by their first three letters: one look-up for a word that has none.
    """

    words: dict[str, "_Node"] = field(default_factory=dict)
    stems: dict[str, dict[str, "_Node"]] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)

    def grown(self, unit: str, *, is_stem: bool) -> "_Node":
        """Return where *unit* leads, a new place if it led nowhere."""
        leads = self.stems.setdefault(unit[:MIN_STEM_CHARS], {}) if is_stem else self.words
        return leads.setdefault(unit, _Node())

    def longest(self, units: list[str], at: int) -> tuple[int, list[str]]:
        """Return how many units the longest phrase at *at* has, and its topics; 0 if none."""
        if at == len(units):
            return _NOTHING
        unit = units[at]
        exact = self.words.get(unit)
        stems = self.stems.get(unit[:MIN_STEM_CHARS])
        if exact is None and stems is None:
            return _NOTHING
        best = _NOTHING if exact is None else exact.with_this(units, at)
        for stem, node in stems.items() if stems else ():
            if unit.startswith(stem):
                found = node.with_this(units, at)
                best = found if found[0] > best[0] else best
        return best

    def with_this(self, units: list[str], at: int) -> tuple[int, list[str]]:
        """Return the longest phrase that has come here by the unit at *at*, that one counted."""
        length, topics = self.longest(units, at + 1)
        if length:
            return length + 1, topics
        return (1, self.topics) if self.topics else _NOTHING


_NOTHING: Final[tuple[int, list[str]]] = (0, [])


class TopicDictionary:
    """
    Topics and their phrases, compiled for matching; equal dictionaries find equal topics.

    A phrase ``refund*`` matches words that begin so. Where phrases begin at the same word, the
    longest counts and hides the others; a phrase may belong to several topics.
    """

    def __init__(self, phrases: Mapping[str, Iterable[str]], name: str = "topics") -> None:
        """
        Compile *phrases*, a topic's name to its phrases; *name* is what errors call it.

        Raises:
            ConfigurationError: If there is no topic, a topic's name is not one of 1 to 63 small
                letters, digits and underscores, it has no phrase, or a phrase is not valid.
        """
        if not phrases:
            raise ConfigurationError(f"{name} has no topic: write 'billing: [invoice, 账单]'")
        self._root: Final = _Node()
        self.topics: Final = tuple(phrases)
        self._ranks: Final = {topic: rank for rank, topic in enumerate(self.topics)}
        for topic, some in phrases.items():
            self._add_topic(topic, list(some), f"{name}, topic {topic!r}")

    def _add_topic(self, topic: str, phrases: list[str], place: str) -> None:
        if not _NAME.fullmatch(topic):
            raise ConfigurationError(
                f"{place}: a topic's name is small letters, digits and _, 63 at most"
            )
        if not phrases:
            raise ConfigurationError(f"{place} has no phrase: add one, or take the topic away")
        for phrase in phrases:
            node = self._root
            for unit, is_stem in _pattern_of(phrase, place):
                node = node.grown(unit, is_stem=is_stem)
            if topic in node.topics:
                raise ConfigurationError(f"{place}: {phrase!r} is there twice; leave it out once")
            node.topics.append(topic)

    def topics_in(self, text: str) -> dict[str, int]:
        """
        Return how often *text* speaks of each topic that it speaks of, in the dictionary's order.

        Args:
            text: What ``language.plain`` returned.
        """
        units = _UNIT.findall(text.lower())
        found: dict[str, int] = {}
        at = 0
        while at < len(units):
            length, topics = self._root.longest(units, at)
            for topic in topics:
                found[topic] = found.get(topic, 0) + 1
            at += length or 1
        return {topic: found[topic] for topic in sorted(found, key=self._ranks.__getitem__)}


def load_topics(path: Path | None) -> TopicDictionary:
    """
    Read the topic dictionary that *path* names; ``None`` is the built-in one.

    Raises:
        ConfigurationError: If the file cannot be read, is not YAML, or is not a mapping from topics
            to lists of phrases; the message names the file, the topic and the remedy.
    """
    if path is None:
        return default_topics()
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(f"topics {path} cannot be read: {reason}") from error
    return _parsed(text, f"topics {path}")


@lru_cache(maxsize=1)
def default_topics() -> TopicDictionary:
    """Return the dictionary of customer service that this package brings."""
    return _parsed(packaged_text("topics.yaml"), "topics.yaml")


def _parsed(text: str, name: str) -> TopicDictionary:
    try:
        _refuse_repeated_topics(yaml.compose(text, yaml.SafeLoader), name)
        loaded: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name} is not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ConfigurationError(f"{name} must map topics to phrases: 'billing: [invoice, 账单]'")
    phrases: dict[str, list[str]] = {}
    for topic, some in loaded.items():
        if not isinstance(topic, str):
            raise ConfigurationError(
                f"{name}: quote the topic {topic!r}, which YAML does not read as text"
            )
        if not isinstance(some, list):
            raise ConfigurationError(
                f"{name}, topic {topic!r}: give a list of phrases, such as [{topic}]"
            )
        for phrase in some:
            if not isinstance(phrase, str):
                raise ConfigurationError(
                    f"{name}, topic {topic!r}: quote {phrase!r}, which YAML does not read as text"
                )
        phrases[topic] = some
    return TopicDictionary(phrases, name)


def _refuse_repeated_topics(root: yaml.Node | None, name: str) -> None:
    """Refuse a topic that is there twice: YAML would keep the last and drop the others' phrases."""
    seen: set[str] = set()
    for key, _ in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value in seen:
            line = key.start_mark.line + 1
            raise ConfigurationError(
                f"{name}, line {line}: topic {key.value!r} is there twice; put its phrases together"
            )
        seen.add(key.value)


def _pattern_of(phrase: str, place: str) -> list[tuple[str, bool]]:
    """Return the units of *phrase*, each with whether it is a stem."""
    units = _PATTERN_UNIT.findall(plain(phrase).lower())
    pattern: list[tuple[str, bool]] = []
    for unit in units:
        if unit != "*":
            pattern.append((unit, False))
            continue
        if not pattern or pattern[-1][1] or len(pattern[-1][0]) < MIN_STEM_CHARS:
            raise ConfigurationError(
                f"{place}: in {phrase!r} put * behind a word of {MIN_STEM_CHARS} letters or more"
            )
        pattern[-1] = (pattern[-1][0], True)
    if not any(unit[0].isalnum() for unit, _ in pattern):
        raise ConfigurationError(f"{place}: {phrase!r} has no word; take it away")
    return pattern
