"""Pairwise comparisons become weights, or are refused for contradicting one another."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.ahp import TOO_INCONSISTENT, weigh

NAMES = ("value", "willingness", "absorption")


def consistent(weights: list[float]) -> list[list[float]]:
    """Return the matrix that a judge with these weights gives."""
    return [[row / column for column in weights] for row in weights]


@given(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=9))
def test_answers_that_agree_give_their_weights(weights: list[float]) -> None:
    """A consistent matrix is its weights' ratios, and its consistency ratio is 0."""
    names = [str(place) for place in range(len(weights))]

    weighing = weigh(consistent(weights), names)

    assert weighing.weights == pytest.approx([each / sum(weights) for each in weights])
    assert weighing.consistency_ratio == pytest.approx(0.0, abs=1e-9)


def test_a_published_example_is_reproduced() -> None:
    """Three criteria, 1/3, 5 and 7: the weights and the ratio as worked out by hand."""
    matrix = [[1.0, 1 / 3, 5.0], [3.0, 1.0, 7.0], [1 / 5, 1 / 7, 1.0]]

    weights, ratio = weigh(matrix, NAMES)

    # Geometric means 1.1856, 2.7589, 0.3057 of 4.2502; largest eigenvalue 3.0649.
    assert weights == pytest.approx((0.2790, 0.6491, 0.0719), abs=1e-4)
    assert ratio == pytest.approx((3.0649 - 3) / 2 / 0.58, abs=1e-4)


def test_answers_that_go_round_in_a_circle_are_refused() -> None:
    """A over B, B over C and C over A cannot all be."""
    circle = [[1.0, 5.0, 1 / 5], [1 / 5, 1.0, 5.0], [5.0, 1 / 5, 1.0]]

    with pytest.raises(ValueError, match=r"contradict.*ratio.*furthest off"):
        weigh(circle, NAMES)


@given(st.floats(1.0, 9.0))
def test_what_is_accepted_is_below_the_limit(third: float) -> None:
    """1 to 3, 3 to 9 agrees; the further the last answer is off, the worse, and 0.1 is the end."""
    matrix = [[1.0, 1 / 3, 1 / third], [3.0, 1.0, 1 / 3], [third, 3.0, 1.0]]
    try:
        ratio = weigh(matrix, NAMES).consistency_ratio
    except ValueError:
        assert third < 3.3
    else:
        assert ratio < TOO_INCONSISTENT


def test_the_order_of_rows_plays_no_part() -> None:
    """Renaming what is compared permutes the weights."""
    matrix = [[1.0, 2.0, 4.0], [1 / 2, 1.0, 3.0], [1 / 4, 1 / 3, 1.0]]
    weights = weigh(matrix, NAMES).weights
    for order in permutations(range(3)):
        turned = [[matrix[i][j] for j in order] for i in order]

        assert weigh(turned, NAMES).weights == pytest.approx([weights[i] for i in order])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2], [0.5, 1]], "takes 3 rows of 3"),
        ([[1, 2, 3], [0.5, 1], [1 / 3, 0.5, 1]], "takes 3 rows of 3"),
        ([[1, -2, 1], [-0.5, 1, 1], [1, 1, 1]], "value to willingness must be a number above 0"),
        ([[1, 2, 1], [2, 1, 1], [1, 1, 1]], "willingness to value must be 0.5, not 2"),
        ([[2, 1, 1], [1, 1, 1], [1, 1, 1]], "value to value must be 0.5, not 2"),
        ([[1, float("nan"), 1], [1, 1, 1], [1, 1, 1]], "must be a number above 0"),
    ],
)
def test_what_is_no_comparison_is_refused_by_name(matrix: list[list[float]], message: str) -> None:
    """The message says which answer is wrong."""
    with pytest.raises(ValueError, match=message):
        weigh(matrix, NAMES)
