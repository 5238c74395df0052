"""Lexicon files: what a line means, what is refused, and that what is written can be read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.errors import ConfigurationError
from ckm_stream.text.lexicon import (
    BUILT_IN,
    MAX_VALENCE,
    Lexicon,
    Section,
    built_in_chinese,
    load_lexicon,
    parse_lexicon,
    save_lexicon,
)

_LETTERS = "abcdefghijklmnopqrstuvwxyz好坏快慢"
_words = st.dictionaries(
    st.text(_LETTERS, min_size=1, max_size=6),
    st.integers(-400, 400).map(lambda hundredths: hundredths / 100),
)


def test_a_line_is_a_number_and_the_words_that_have_it() -> None:
    """Words before any section are valences; comments and blank lines are nothing."""
    read = parse_lexicon("# comment\n\n-2.5 pending Refused\n[negations]\n-0.5 不太\n", "own")

    assert read == {
        Section.WORDS: {"pending": -2.5, "refused": -2.5},
        Section.NEGATIONS: {"不太": -0.5},
    }


def test_traditional_characters_are_read_as_simplified_ones() -> None:
    """Texts are simplified before they are read, so the words have to be."""
    assert parse_lexicon("2.5 滿意", "own") == {Section.WORDS: {"满意": 2.5}}


def test_sections_without_numbers_have_words_only() -> None:
    """Adversatives and neutral words weigh nothing of their own."""
    read = parse_lexicon("[neutral]\n好像 最近\n", "own")

    assert read == {Section.NEUTRAL: {"好像": 0.0, "最近": 0.0}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 good\nbad -1", "lexicon own, line 2: begin it with a number"),
        ("5 good", "lexicon own, line 1: 5 is outside -4..4"),
        ("nan good", "line 1: nan is outside -4..4"),
        ("1.5", "line 1: there is no word"),
        ("1 good\n\n2 good", "line 3: 'good' is there twice"),
        ("[boosters]\n1 very", r"line 1: \[boosters\] is no section"),
    ],
)
def test_a_line_that_is_not_valid_is_named(text: str, message: str) -> None:
    """The file, the line and the remedy."""
    with pytest.raises(ConfigurationError, match=message):
        parse_lexicon(text, "own")


@given(words=_words)
def test_what_is_written_is_read_again(
    words: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Saving and loading is the identity, whatever the words."""
    file = tmp_path_factory.mktemp("lexicon") / "own.txt"

    save_lexicon(Lexicon(words), file, about=["of 3 texts"])

    assert load_lexicon(file).own == words
    assert file.read_text("utf-8").startswith("# of 3 texts\n")


def test_a_file_that_windows_wrote_is_read(tmp_path: Path) -> None:
    """A byte order mark and carriage returns are no part of a word."""
    file = tmp_path / "own.txt"
    file.write_bytes("\ufeff1.5 refund\r\n".encode())

    assert load_lexicon(file).own == {"refund": 1.5}


def test_words_go_to_the_rules_of_their_script() -> None:
    """A word with any Han character is Chinese."""
    lexicon = Lexicon({"refund": 1.0, "退款": -1.0, "app闪退": -2.0})

    assert lexicon.english == {"refund": 1.0}
    assert lexicon.chinese == {"退款": -1.0, "app闪退": -2.0}


def test_without_a_file_it_is_the_built_in_one() -> None:
    """Which adds nothing of its own."""
    assert load_lexicon(None) is BUILT_IN
    assert dict(BUILT_IN.own) == {}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is the reason."""
    with pytest.raises(ConfigurationError, match=r"none\.txt cannot be read: No such file"):
        load_lexicon(tmp_path / "none.txt")


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """GBK is common for Chinese; guessing it would learn nonsense."""
    file = tmp_path / "own.txt"
    file.write_bytes("1 好".encode("gbk"))

    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_lexicon(file)


def test_ones_own_lexicon_has_words_only(tmp_path: Path) -> None:
    """Sections in it would be read by nothing, in silence."""
    file = tmp_path / "own.txt"
    file.write_text("[negations]\n-0.5 hardly\n")

    with pytest.raises(ConfigurationError, match=r"\[negations\].* words only"):
        load_lexicon(file)


def test_a_lexicon_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The folder may be missing."""
    with pytest.raises(ConfigurationError, match="cannot be written: No such file"):
        save_lexicon(Lexicon({}), tmp_path / "none" / "own.txt")


def test_the_built_in_chinese_lexicon_has_every_section() -> None:
    """A few hundred words, and as many kinds of modifiers as there are rules."""
    sections = built_in_chinese()

    assert set(sections) == set(Section)
    assert 300 <= len(sections[Section.WORDS]) <= 1_000


def test_the_built_in_words_speak_either_way() -> None:
    """No valence is 0, and neither side is a handful."""
    valences = built_in_chinese()[Section.WORDS].values()

    assert all(0 < abs(valence) <= MAX_VALENCE for valence in valences)
    assert min(sum(v > 0 for v in valences), sum(v < 0 for v in valences)) > 150


def test_a_neutral_word_is_in_no_other_section() -> None:
    """It would not be neutral then."""
    sections = built_in_chinese()
    others = {word for name in set(Section) - {Section.NEUTRAL} for word in sections[name]}

    assert others.isdisjoint(sections[Section.NEUTRAL])
