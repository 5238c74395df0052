"""The area under the curve, held to its definition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.text.quality import auc

pairs = st.lists(
    st.tuples(st.integers(-3, 3).map(float), st.sampled_from([-1.0, -0.5, 0.0, 1.0])), max_size=30
).filter(lambda some: any(r > 0 for _, r in some) and any(r < 0 for _, r in some))


@given(pairs)
def test_it_is_how_often_the_pleased_score_higher(some: list[tuple[float, float]]) -> None:
    """All pairs, equal ones half: the definition, at the square of the cost."""
    pleased = [score for score, rating in some if rating > 0]
    displeased = [score for score, rating in some if rating < 0]
    wins = sum((p > d) + 0.5 * (p == d) for p in pleased for d in displeased)

    assert auc(*zip(*some, strict=True)) == pytest.approx(wins / len(pleased) / len(displeased))


@given(pairs)
def test_turned_scores_turn_it(some: list[tuple[float, float]]) -> None:
    """A method that is always wrong is as good as one that is always right, turned round."""
    scores, ratings = zip(*some, strict=True)

    assert auc([-score for score in scores], ratings) == pytest.approx(1 - auc(scores, ratings))


@pytest.mark.parametrize("ratings", [[], [1.0, 1.0], [-1.0, 0.0]])
def test_one_kind_of_rating_is_not_enough(ratings: list[float]) -> None:
    """There is nothing to tell apart."""
    with pytest.raises(ValueError, match="a positive and a negative"):
        auc([0.0] * len(ratings), ratings)
