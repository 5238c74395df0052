"""What a worker makes of a text: its sentiment and its topics, by rules, in some 0.1 ms."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ckm_stream.text.language import plain
from ckm_stream.text.lexicon import BUILT_IN, Lexicon, load_lexicon
from ckm_stream.text.sentiment import MAX_READ_CHARS, sentiment_of
from ckm_stream.text.topics import TopicDictionary, default_topics, load_topics


@dataclass(frozen=True, slots=True)
class TextFindings:
    """
    What one text says.

    ``sentiment`` is in [-1, 1] and rests on ``evidence`` words; with 0 of them it is 0 and says
    nothing. ``topics`` are in the order of the dictionary.
    """

    sentiment: float
    evidence: int
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextReader:
    """A lexicon and a topic dictionary, ready to read; reading changes nothing in it."""

    lexicon: Lexicon = BUILT_IN
    topics: TopicDictionary | None = None

    @classmethod
    def load(cls, lexicon: Path | None, topics: Path | None) -> Self:
        """
        Read the files that settings name; ``None`` is the built-in lexicon, or dictionary.

        Raises:
            ConfigurationError: If a file cannot be read or is not valid.
        """
        return cls(load_lexicon(lexicon), load_topics(topics))

    def read(self, text: str) -> TextFindings:
        """Return what *text* says; what lies behind its first 2,000 characters is not read."""
        sentiment = sentiment_of(text, self.lexicon)
        topics = default_topics() if self.topics is None else self.topics
        found = topics.topics_in(plain(text[:MAX_READ_CHARS]))
        return TextFindings(sentiment.polarity, sentiment.evidence, tuple(found))


def read_text(text: str) -> TextFindings:
    """Return what *text* says by the built-in lexicon and dictionary."""
    return TextReader().read(text)
