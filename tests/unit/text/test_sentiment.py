"""One polarity for a text, whatever its language, and the words it rests on."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.text.lexicon import Lexicon
from ckm_stream.text.sentiment import MAX_READ_CHARS, UNKNOWN, Sentiment, sentiment_of

pieces = st.sampled_from(
    ["good ", "terrible ", "not ", "满意", "太差", "不", "!", "😠", "。", "card "]
)


@given(st.one_of(st.text(), st.lists(pieces, max_size=40).map("".join)))
def test_a_polarity_is_bounded_and_rests_on_words(text: str) -> None:
    """In [-1, 1]; nothing is said without a word to say it."""
    found = sentiment_of(text)

    assert -1.0 <= found.polarity <= 1.0
    assert found.evidence > 0 or found == UNKNOWN


@pytest.mark.parametrize("text", ["", "   ", "Where is card 12?", "请问营业厅在哪", "…"])
def test_a_text_without_polar_words_is_unknown(text: str) -> None:
    """It is not neutral: it is no evidence."""
    assert sentiment_of(text) == UNKNOWN


def test_a_chinese_sum_is_normalised_as_vaders() -> None:
    """x/√(x² + 15), of 4 decimals; 谢谢 is worth 2.5."""
    assert sentiment_of("谢谢") == Sentiment(round(2.5 / sqrt(2.5**2 + 15), 4), 1)


def test_traditional_and_simplified_characters_say_the_same() -> None:
    """Full-width marks and letters too."""
    assert sentiment_of("客服態度很差!") == sentiment_of("客服态度很差\uff01")
    assert sentiment_of("客服態度很差!").polarity < 0


def test_of_a_mixed_text_both_parts_count_by_their_words() -> None:
    """Two English words against one Chinese."""
    english = sentiment_of("great, excellent")
    chinese = sentiment_of("太差")

    mixed = sentiment_of("great, excellent 太差")

    assert mixed.evidence == 3
    assert mixed.polarity == pytest.approx((2 * english.polarity + chinese.polarity) / 3, abs=1e-4)


def test_an_english_word_glued_to_chinese_is_found() -> None:
    """No blank is needed between the scripts."""
    assert sentiment_of("服务good到家").polarity > 0


def test_a_picture_speaks_in_a_chinese_text() -> None:
    """VADER knows what an angry face is."""
    assert sentiment_of("又是这个快递员在门口站着😠").polarity < 0


@pytest.mark.parametrize("text", ["Die Karte ist nicht gut", "とても良い大変満足です"])
def test_other_languages_are_not_read(text: str) -> None:
    """The German "die" is no misfortune."""
    assert sentiment_of(text) == UNKNOWN


def test_what_lies_behind_the_first_characters_is_not_read() -> None:
    """However long a text is, its cost is bounded."""
    start = "card " * (MAX_READ_CHARS // 5)

    assert len(start) == MAX_READ_CHARS
    assert sentiment_of(start + "terrible") == UNKNOWN
    assert sentiment_of(start[:-10] + "terrible").evidence == 1


def test_ones_own_lexicon_is_used_for_both_languages() -> None:
    """And only where it is given."""
    own = Lexicon({"pending": -2.0, "光猫": 2.0})

    assert sentiment_of("pending", own).polarity < 0 < sentiment_of("光猫", own).polarity
    assert sentiment_of("pending") == sentiment_of("光猫") == UNKNOWN
