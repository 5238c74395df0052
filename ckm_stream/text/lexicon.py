"""
Word lists as plain text: the built-in Chinese one, and a company's own on top of VADER and it.

A line is a number and the words that have it; ``#`` begins a comment; ``[section]`` says what the
numbers mean. A file without sections is a list of valences: what ``ckm text retrain`` writes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.language import is_han, plain
from ckm_stream.text.packaged import packaged_text

#: Valences lie within ±4, as those of VADER's raters.
MAX_VALENCE: Final = 4.0


class Section(StrEnum):
    """What the number of a line is; ``docs/text.md`` describes each."""

    WORDS = "words"
    NEGATIONS = "negations"
    INTENSIFIERS = "intensifiers"
    ADVERSATIVES = "adversatives"
    NEUTRAL = "neutral"


_WITHOUT_NUMBER: Final = frozenset({Section.ADVERSATIVES, Section.NEUTRAL})
Sections = Mapping[Section, Mapping[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """
    A company's own word valences, over the built-in ones; an empty one changes nothing.

    ``own`` maps lower-case words to valences in [-4, 4]; 0 makes a word neutral. Words with Han
    characters go to the Chinese rules, all others to VADER.
    """

    own: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def chinese(self) -> dict[str, float]:
        """The words of it that the Chinese rules read."""
        return {word: valence for word, valence in self.own.items() if is_han(word)}

    @property
    def english(self) -> dict[str, float]:
        """The words of it that VADER reads."""
        return {word: valence for word, valence in self.own.items() if not is_han(word)}


#: The built-in valences and none besides.
BUILT_IN: Final = Lexicon()


def load_lexicon(path: Path | None) -> Lexicon:
    """
    Read the lexicon that *path* names; ``None`` is the built-in one.

    Raises:
        ConfigurationError: If the file cannot be read, or a line of it is not valid.
    """
    if path is None:
        return BUILT_IN
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(f"lexicon {path} cannot be read: {reason}") from error
    sections = parse_lexicon(text, str(path))
    beyond = [section for section in sections if section is not Section.WORDS]
    if beyond:
        raise ConfigurationError(
            f"lexicon {path} has a section [{beyond[0]}]: a lexicon of one's own has words only"
        )
    return Lexicon(MappingProxyType(dict(sections.get(Section.WORDS, {}))))


def save_lexicon(lexicon: Lexicon, path: Path, *, about: Iterable[str] = ()) -> None:
    """
    Write *lexicon* to *path*, the worst word first; each line of *about* is a comment above it.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    lines = [f"# {line}" for line in about]
    ordered = sorted(lexicon.own.items(), key=lambda item: (item[1], item[0]))
    lines += [f"{valence:.2f} {word}" for word, valence in ordered]
    try:
        path.write_text("\n".join(lines) + "\n", "utf-8")
    except OSError as error:
        raise ConfigurationError(f"lexicon {path} cannot be written: {error.strerror}") from error


def built_in_chinese() -> Sections:
    """Return the sections of the Chinese lexicon that this package brings."""
    return parse_lexicon(packaged_text("zh_sentiment.txt"), "zh_sentiment.txt")


def parse_lexicon(text: str, name: str) -> Sections:
    """
    Return the sections of a lexicon file; *name* is what errors call it.

    Raises:
        ConfigurationError: If a line is not valid, or a section has a word twice.
    """
    sections: dict[Section, dict[str, float]] = {}
    section = Section.WORDS
    for number, line in _lines(text):
        place = f"lexicon {name}, line {number}"
        if line.startswith("["):
            section = _section(line, place)
            continue
        words = sections.setdefault(section, {})
        value, entries = _entries(line, section, place)
        for word in entries:
            if word in words:
                raise ConfigurationError(f"{place}: {word!r} is there twice; leave it out once")
            words[word] = value
    return sections


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _section(line: str, place: str) -> Section:
    try:
        return Section(line.strip("[]").strip())
    except ValueError:
        known = ", ".join(f"[{section}]" for section in Section)
        raise ConfigurationError(f"{place}: {line} is no section; there are {known}") from None


def _entries(line: str, section: Section, place: str) -> tuple[float, list[str]]:
    words = plain(line).lower().split()
    if section in _WITHOUT_NUMBER:
        return 0.0, words
    try:
        value = float(words[0])
    except ValueError:
        raise ConfigurationError(f"{place}: begin it with a number, such as -2.5") from None
    if not isfinite(value) or abs(value) > MAX_VALENCE:
        raise ConfigurationError(f"{place}: {words[0]} is outside -4..4, the scale of valences")
    if len(words) == 1:
        raise ConfigurationError(f"{place}: there is no word behind the number")
    return value, words[1:]
