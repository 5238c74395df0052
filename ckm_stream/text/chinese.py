"""
Sentiment of Chinese by rules: VADER's, over words that are found without segmenting.

Words are matched longest first from left to right, so no dictionary of the language is needed and
the cost is linear. A negation or an intensifier acts on the next polar word of its clause.

Source:
    Hutto, Gilbert: VADER, ICWSM 2014, for the constants and the shape of the rules. How far back a
    modifier reaches, and that it stays within its clause, is ours.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from ckm_stream.text.lexicon import Section, Sections

#: A modifier acts across this many characters, about three words: VADER looks back three.
REACH_CHARS: Final = 6

BEFORE_ADVERSATIVE: Final = 0.5
AFTER_ADVERSATIVE: Final = 1.5
_EXCLAMATION: Final = 0.292
_MOST_EXCLAMATIONS: Final = 4
_QUESTION: Final = 0.18
_MANY_QUESTIONS: Final = 3
_MANY_QUESTIONS_ADD: Final = 0.96
_SENTENCE_ENDS: Final = ".!?\n;"
_CLAUSE_ENDS: Final = ","


class _Entry(NamedTuple):
    """What a word does; one word may do two things: 好 is good, and very in 好慢."""

    valence: float = 0.0
    factor: float = 1.0
    increment: float = 0.0
    is_adversative: bool = False
    ends_clause: bool = False
    ends_sentence: bool = False

    @property
    def modifies(self) -> bool:
        return self.factor != 1.0 or self.increment != 0.0


class Occurrence(NamedTuple):
    """A word of the vocabulary in a text: its valence there, and how what is before it turns it."""

    word: str
    valence: float
    factor: float


class _Token(NamedTuple):
    start: int
    word: str
    entry: _Entry


class ChineseRules:
    """The rules over one vocabulary; reading changes nothing in it."""

    def __init__(self, sections: Sections, own: Mapping[str, float]) -> None:
        """Compile the words of *sections*, with those of *own* in place of or beside them."""
        self.valences: Final = {**sections[Section.WORDS], **own}
        self._entries: Final = _compile(sections, self.valences)
        lengths: dict[str, set[int]] = {}
        for word in self._entries:
            lengths.setdefault(word[0], set()).add(len(word))
        self._lengths: Final = {
            first: tuple(sorted(some, reverse=True)) for first, some in lengths.items()
        }

    def score(self, text: str) -> tuple[float, int]:
        """
        Return the sum of valences in *text*, and of how many polar words.

        Args:
            text: What ``language.plain`` returned.

        Returns:
            An unbounded sum, its sign the sentiment's, exclamation and question marks added; and
            the number of words with a valence, 0 if nothing is known.
        """
        total, evidence = 0.0, 0
        for sentence in self._sentences(text):
            for occurrence, weight in sentence:
                if occurrence.valence:
                    total += occurrence.valence * weight
                    evidence += 1
        if total:
            total += _emphasis(text) if total > 0 else -_emphasis(text)
        return total, evidence

    def occurrences(self, text: str) -> list[Occurrence]:
        """Return the words of the vocabulary in *text*, in its order, neutral ones too."""
        return [occurrence for sentence in self._sentences(text) for occurrence, _ in sentence]

    def _sentences(self, text: str) -> Iterator[list[tuple[Occurrence, float]]]:
        """Yield the words of each sentence with the weight that an adversative gives them."""
        sentence: list[Occurrence] = []
        turn: int | None = None
        modifiers: list[tuple[int, _Entry]] = []
        tokens = self._tokens(text)
        for index, (start, word, entry) in enumerate(tokens):
            if entry.ends_sentence:
                yield _weighed(sentence, turn)
                sentence, turn, modifiers = [], None, []
            elif entry.ends_clause:
                modifiers = []
            elif entry.is_adversative:
                turn, modifiers = len(sentence) if turn is None else turn, []
            elif entry.modifies and not _stands_alone(tokens, index):
                modifiers.append((start + len(word), entry))
            elif word in self.valences:
                acting = [entry for at, entry in modifiers if start - at <= REACH_CHARS]
                sentence.append(_occurrence(word, entry.valence, acting))
                modifiers = [] if entry.valence else modifiers
        yield _weighed(sentence, turn)

    def _tokens(self, text: str) -> list[_Token]:
        tokens: list[_Token] = []
        entries, lengths = self._entries, self._lengths
        at, size = 0, len(text)
        while at < size:
            for length in lengths.get(text[at], ()):
                entry = entries.get(text[at : at + length])
                if entry is not None and at + length <= size:
                    tokens.append(_Token(at, text[at : at + length], entry))
                    at += length
                    break
            else:
                at += 1
        return tokens


def _compile(sections: Sections, valences: Mapping[str, float]) -> dict[str, _Entry]:
    entries = {word: _Entry() for word in sections.get(Section.NEUTRAL, {})}
    entries |= {
        word: _Entry(is_adversative=True) for word in sections.get(Section.ADVERSATIVES, {})
    }
    for word, valence in valences.items():
        entries[word] = _Entry(valence=valence)
    for word, factor in sections.get(Section.NEGATIONS, {}).items():
        entries[word] = entries.get(word, _Entry())._replace(factor=factor)
    for word, increment in sections.get(Section.INTENSIFIERS, {}).items():
        entries[word] = entries.get(word, _Entry())._replace(increment=increment)
    entries |= {mark: _Entry(ends_clause=True) for mark in _CLAUSE_ENDS}
    entries |= {mark: _Entry(ends_sentence=True) for mark in _SENTENCE_ENDS}
    return entries


def _stands_alone(tokens: list[_Token], index: int) -> bool:
    """Return whether a word that can modify is meant by itself: 好, if no polar word touches it."""
    start, word, entry = tokens[index]
    if not entry.valence:
        return False
    if index + 1 == len(tokens):
        return True
    following = tokens[index + 1]
    return not (following.entry.valence and following.start == start + len(word))


def _occurrence(word: str, valence: float, acting: list[_Entry]) -> Occurrence:
    factor = 1.0
    for modifier in acting:
        factor *= modifier.factor
        if valence:
            # Towards the word's own side: "very" makes bad worse, "somewhat" makes it less bad.
            valence += modifier.increment if valence > 0 else -modifier.increment
    return Occurrence(word, valence * factor, factor)


def _weighed(sentence: list[Occurrence], turn: int | None) -> list[tuple[Occurrence, float]]:
    if turn is None:
        return [(occurrence, 1.0) for occurrence in sentence]
    return [
        (occurrence, BEFORE_ADVERSATIVE if index < turn else AFTER_ADVERSATIVE)
        for index, occurrence in enumerate(sentence)
    ]


def _emphasis(text: str) -> float:
    """Return what exclamation and question marks add: VADER's, 0.292 each up to 4."""
    questions = text.count("?")
    added = _EXCLAMATION * min(text.count("!"), _MOST_EXCLAMATIONS)
    if questions > _MANY_QUESTIONS:
        return added + _MANY_QUESTIONS_ADD
    return added + (_QUESTION * questions if questions > 1 else 0.0)
