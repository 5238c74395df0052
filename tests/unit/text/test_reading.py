"""What a worker makes of a text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.reading import TextFindings, TextReader, read_text
from ckm_stream.text.sentiment import MAX_READ_CHARS, sentiment_of


def test_a_text_is_read_for_sentiment_and_topics() -> None:
    """In the order of the dictionary."""
    read = read_text("Terrible: the courier lost my parcel. Refund me!")

    assert read.sentiment < 0
    assert read.evidence == 2
    assert read.topics == ("delivery", "refund")


def test_a_chinese_text_is_read_for_sentiment_and_topics() -> None:
    """In traditional characters as well."""
    assert read_text("快遞太慢") == read_text("快递太慢")
    assert read_text("快递太慢").topics == ("delivery",)
    assert read_text("快递太慢").sentiment < 0


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    """And its sentiment is the one that sentiment_of says."""
    read = read_text(text)
    sentiment = sentiment_of(text)

    assert (read.sentiment, read.evidence) == (sentiment.polarity, sentiment.evidence)


def test_topics_behind_the_first_characters_are_not_read() -> None:
    """The cost of a text is bounded."""
    assert read_text("x" * MAX_READ_CHARS + " card") == TextFindings(0.0, 0, ())


def test_a_reader_takes_ones_own_files(tmp_path: Path) -> None:
    """A lexicon and a dictionary that settings name."""
    lexicon, topics = tmp_path / "own.txt", tmp_path / "topics.yaml"
    lexicon.write_text("-3 blinking\n", "utf-8")
    topics.write_text("router: [router*, 光猫]\n", "utf-8")

    read = TextReader.load(lexicon, topics).read("The routers are blinking")

    assert read.topics == ("router",)
    assert read.evidence == 1
    assert read.sentiment < 0


def test_a_reader_without_files_has_the_built_in_ones() -> None:
    """As read_text."""
    text = "The delivery was great"

    assert TextReader.load(None, None).read(text) == read_text(text)


def test_a_reader_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    """At the start, not at the first text."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        TextReader.load(None, tmp_path / "none.yaml")
