"""A lexicon from ratings: what it learns, what it leaves, what it refuses."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckm_stream.errors import FitError
from ckm_stream.text.learning import MIN_EACH, MIN_RATED, MIN_TEXTS, held_out, retrain
from ckm_stream.text.lexicon import BUILT_IN, MAX_VALENCE
from ckm_stream.text.sentiment import english_rules, sentiment_of

Ratings = list[tuple[str, float]]

# Words that VADER does not know: filler says nothing, and is in every text.
BACKGROUND: Ratings = [
    *[(f"the router with tag {n} is blinking", -1.0) for n in range(MIN_EACH * 2)],
    *[(f"the router with tag {n} is humming", 1.0) for n in range(MIN_EACH * 2)],
]


def built_in_valence(word: str) -> float:
    """Return what VADER gives *word*."""
    return english_rules(BUILT_IN).valences[word]


def with_texts(*more: tuple[str, float], times: int = 1) -> Ratings:
    """Return ratings that can be learnt from, and *more* so many times."""
    return [*BACKGROUND, *(list(more) * times)]


def test_new_words_are_learnt_on_the_side_of_their_ratings() -> None:
    """What both sides have says nothing and stays out."""
    own = retrain(BACKGROUND).own

    assert own["blinking"] < 0 < own["humming"]
    assert set(own) == {"blinking", "humming"}


def test_what_is_learnt_is_read() -> None:
    """A text that was unknown is known then."""
    text = "mine is blinking"

    assert sentiment_of(text).evidence == 0
    assert sentiment_of(text, retrain(BACKGROUND)).polarity < -0.5


def test_a_chinese_word_is_learnt() -> None:
    """As jieba cuts it, found without jieba afterwards."""
    ratings = with_texts(("光猫闪红灯", -1.0), ("光猫绿灯亮", 1.0), times=20)

    own = retrain(ratings).own

    assert own["红灯"] < 0 < own["绿灯"]
    assert "光猫" not in own
    assert sentiment_of("我家红灯", retrain(ratings)).polarity < 0


def test_a_few_ratings_leave_a_built_in_word_near_what_it_was() -> None:
    """Its prior is worth ten texts, five that call a "sick" thing good do not turn it."""
    before = built_in_valence("sick")
    own = retrain(with_texts(("sick", 1.0), times=MIN_TEXTS)).own

    assert before < own["sick"] < 0


def test_many_ratings_turn_a_built_in_word() -> None:
    """Among skaters "sick" is praise."""
    assert retrain(with_texts(("sick", 1.0), times=100)).own["sick"] > 0


@given(st.integers(MIN_TEXTS, 60), st.integers(1, 40))
@settings(max_examples=20)
def test_one_more_good_rating_never_lowers_a_word(texts: int, more: int) -> None:
    """A law of log-odds, beside the same background."""
    fewer = retrain(with_texts(("sick", 1.0), times=texts)).own["sick"]
    many = retrain(with_texts(("sick", 1.0), times=texts + more)).own["sick"]

    assert many >= fewer


def test_a_word_in_few_texts_stays_as_it_was() -> None:
    """Fewer than five are chance."""
    own = retrain(with_texts(("sick leaking", 1.0), times=MIN_TEXTS - 1)).own

    assert "sick" not in own
    assert "leaking" not in own


def test_a_word_said_often_in_one_text_counts_once() -> None:
    """Otherwise one angry customer would teach it."""
    assert "leaking" not in retrain(with_texts(("leaking " * 50, -1.0))).own


def test_a_negated_word_learns_from_the_other_side() -> None:
    """Good ratings of "not leaking" say that leaking is bad; in Chinese too."""
    ratings = [
        *[(f"router {n} is not leaking", 1.0) for n in range(100)],
        *[(f"路由器{n}没有红灯", 1.0) for n in range(100)],
        *[(f"router {n} is humming", -1.0) for n in range(100)],
        *[(f"路由器{n}亮绿灯", -1.0) for n in range(100)],
    ]
    own = retrain(ratings).own

    assert own["leaking"] < 0
    assert own["红灯"] < 0
    assert own["humming"] < 0  # as bad as what it is not


def test_neutral_ratings_take_a_words_valence_away() -> None:
    """In an insurer's texts "cancer" is a subject, no sentiment."""
    before = built_in_valence("cancer")
    own = retrain(with_texts(("about cancer", 0.0), times=400)).own

    assert before < -3
    assert abs(own["cancer"]) < abs(before) / 4


def test_valences_stay_on_the_scale() -> None:
    """Whatever the ratings."""
    own = retrain(with_texts(("superb dreadful", 1.0), times=500)).own

    assert all(abs(valence) <= MAX_VALENCE for valence in own.values())


@given(st.permutations(range(len(BACKGROUND))))
@settings(max_examples=10)
def test_the_order_of_ratings_does_not_matter(order: Iterable[int]) -> None:
    """The same ratings, the same lexicon, in the same order of words."""
    turned = retrain([BACKGROUND[index] for index in order]).own

    assert list(turned.items()) == list(retrain(BACKGROUND).own.items())


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        ([], "0 rated texts"),
        (BACKGROUND[: MIN_RATED - 1], f"{MIN_RATED - 1} rated texts, 100 positive|100 negative"),
        ([*BACKGROUND[:100] * 3, *BACKGROUND[100:149]], "300 .*49 positive|, 49 positive"),
        ([(text, abs(rating)) for text, rating in BACKGROUND], "0 negative"),
        ([("!", rating) for _, rating in BACKGROUND], "0 rated texts"),
        ([("好", rating) for _, rating in BACKGROUND], "one word in common"),
        ([*BACKGROUND, ("fine", 4.0)], "rating 201 is 4, outside -1..1"),
        ([*BACKGROUND, ("fine", float("nan"))], "rating 201 is nan"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(ratings: Ratings, message: str) -> None:
    """Too few, one-sided, empty or off the scale; exit code 7."""
    with pytest.raises(FitError, match=message) as refused:
        retrain(ratings)

    assert refused.value.exit_code == 7


def test_what_is_held_out_says_how_much_learning_gives() -> None:
    """Words unknown to VADER: chance before, perfect after."""
    judged = held_out(with_texts(*BACKGROUND))

    assert judged.before == 0.5
    assert judged.after == 1.0


def test_what_is_held_out_does_not_praise_what_was_learnt_by_heart() -> None:
    """Ratings that no word explains stay chance on texts not learnt from."""
    ratings = [
        (f"text number {n} of word{'abcdefgh'[n % 8]}", 1.0 if n * n % 7 < 3 else -1.0)
        for n in range(800)
    ]

    assert abs(held_out(ratings).after - 0.5) < 0.1


def test_half_of_too_few_is_refused() -> None:
    """There is nothing to judge with."""
    with pytest.raises(FitError, match="too few"):
        held_out(BACKGROUND)
