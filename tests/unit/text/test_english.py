"""VADER as it is used here: its scores, the words behind them, and a company's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vader.analyzer import SentimentIntensityAnalyzer

from ckm_stream.text.english import EnglishRules

RULES = EnglishRules({})
VADER = SentimentIntensityAnalyzer()

words = st.sampled_from(
    ["good", "bad", "not", "very", "but", "GREAT", "card", "never", "so", ":)", "!", "no", "least"]
)


@given(st.one_of(st.lists(words, max_size=15).map(" ".join), st.text()))
def test_the_score_is_vaders(text: str) -> None:
    """Nothing is added to it, nothing is lost."""
    assert RULES.score(text)[0] == VADER.polarity_scores(text)["compound"]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [("", 0), ("my card", 0), ("good", 1), ("not good", 1), ("good card, bad app", 2)],
)
def test_evidence_is_the_number_of_polar_words(text: str, evidence: int) -> None:
    """Modifiers are none."""
    assert RULES.score(text)[1] == evidence


@given(st.text())
def test_without_evidence_there_is_no_score(text: str) -> None:
    """A score always rests on words."""
    score, evidence = RULES.score(text)

    assert evidence or not score


def test_ones_own_words_come_first() -> None:
    """In place of VADER's, and beside them."""
    rules = EnglishRules({"pending": -2.0, "sick": 2.0})

    assert RULES.score("pending") == (0.0, 0)
    assert rules.score("pending")[0] < 0
    assert RULES.score("sick")[0] < 0 < rules.score("sick")[0]


def test_a_word_made_neutral_says_nothing_even_when_it_is_intensified() -> None:
    """VADER's own rules would add what "very" adds, to nothing."""
    rules = EnglishRules({"novel": 0.0, "good": 0.0})

    assert rules.score("very good") == (0.0, 0)


def test_negations_are_vaders() -> None:
    """Its list, and whatever ends in n't."""
    assert RULES.is_negation("never")
    assert RULES.is_negation("oughtn't")
    assert not RULES.is_negation("card")


def test_intensifiers_are_vaders() -> None:
    """They strengthen or weaken and are no polar words."""
    assert RULES.is_intensifier("extremely")
    assert not RULES.is_intensifier("good")
