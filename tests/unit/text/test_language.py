"""Which language a text is read as, and the one spelling that the rules look for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.text.language import Language, is_han, language_of, plain, without_han
from ckm_stream.text.packaged import packaged_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My card has not arrived.", Language.ENGLISH),
        ("great phone", Language.ENGLISH),
        ("", Language.ENGLISH),
        ("12345 :)", Language.ENGLISH),
        ("物流太慢了", Language.CHINESE),
        ("手机收到了,包装完好,质量也很好,值得购买,五星好评 OK", Language.CHINESE),
        ("app闪退", Language.MIXED),
        ("The 快递 is late", Language.MIXED),
        ("the parcel that was sent to me by your shop in the city of 北京 has not come", "english"),
        ("Das ist nicht die Lösung, die ich wollte", Language.OTHER),
        ("Je ne suis pas content de votre service", Language.OTHER),
        ("El paquete no llega y es muy tarde", Language.OTHER),
        ("どうして大変遅いのですか", Language.OTHER),
    ],
)
def test_a_text_is_read_as_the_language_of_most_of_its_words(text: str, expected: str) -> None:
    """Chinese by its script, other languages by words that English does not have."""
    assert language_of(plain(text)) == expected


def test_an_english_text_that_quotes_some_foreign_words_stays_english() -> None:
    """Foreign words have to outnumber the English ones."""
    assert language_of("The sign says 'das ist verboten' and you can't pass") is Language.ENGLISH


def test_no_function_word_is_both_english_and_foreign() -> None:
    """A word of two languages would decide nothing, or decide wrongly."""
    english = set(packaged_words("en_function_words.txt"))

    assert english.isdisjoint(packaged_words("other_function_words.txt"))


@given(st.text())
def test_plain_keeps_the_number_of_characters(text: str) -> None:
    """Whatever is replaced, positions stay."""
    assert len(plain(text)) == len(text)


@given(st.text())
def test_plain_text_stays_as_it_is(text: str) -> None:
    """Once is enough."""
    assert plain(plain(text)) == plain(text)


def test_plain_simplifies_characters_and_punctuation() -> None:
    """Traditional characters, full-width letters, Chinese marks."""
    assert plain("客服態度很差。\uff36\uff29\uff30\uff01") == "客服态度很差.VIP!"


def test_each_traditional_character_is_there_once_and_becomes_a_simplified_one() -> None:
    """A second pair for one character would hide the first; chains would need a second pass."""
    pairs = packaged_words("traditional.txt")
    traditional = [pair[0] for pair in pairs]

    assert all(len(pair) == 2 and is_han(pair[0]) and is_han(pair[1]) for pair in pairs)
    assert len(set(traditional)) == len(traditional)
    assert {pair[1] for pair in pairs}.isdisjoint(traditional)


@given(st.text())
def test_without_han_no_character_is_han_and_none_is_lost(text: str) -> None:
    """Chinese becomes blanks, all else stays where it is."""
    left = without_han(text)

    assert not is_han(left)
    assert all(
        after == (" " if is_han(before) else before)
        for before, after in zip(text, left, strict=True)
    )
