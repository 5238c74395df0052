"""
Weights from pairwise comparisons: the analytic hierarchy process, by row geometric means.

A judge says how many times as important one thing is as another. The weights are those that fit
all answers best; the consistency ratio says how much the answers contradict one another.
"""

from collections.abc import Sequence
from math import exp, isclose, isfinite, log
from typing import Final, NamedTuple

from ckm_stream.domain.decay import total_of

#: From this consistency ratio on a matrix contradicts itself too much to be used (Saaty 1980).
TOO_INCONSISTENT: Final = 0.1

#: The mean consistency index of random matrices by size (Saaty 1980). Up to size 2 no answer can
#: contradict another.
_RANDOM_INDEX: Final = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41, 9: 1.45}

#: A third written as 0.333 is still one over three.
_RECIPROCAL_WITHIN: Final = 0.01

Matrix = Sequence[Sequence[float]]


class Weighing(NamedTuple):
    """Weights, in the matrix's order, that add up to 1; and the answers' consistency ratio."""

    weights: tuple[float, ...]
    consistency_ratio: float


def weigh(matrix: Matrix, names: Sequence[str]) -> Weighing:
    """
    Return the weights of a pairwise matrix, and how consistent it is.

    Args:
        matrix: Row i, column j: how many times as important i is as j; 1/9 to 9 by custom, any
            number > 0; the diagonal is 1, and [j][i] is 1/[i][j] within 1 %.
        names: What is compared, for messages; as many as rows, 1 to 9.

    Raises:
        ValueError: If it is no such matrix, or its consistency ratio is 0.1 or more; the message
            says where it is wrong, or which answer is furthest off.

    Source:
        Saaty, The Analytic Hierarchy Process, 1980; row geometric means: Crawford and Williams,
        A note on the analysis of subjective judgment matrices, J. Math. Psychol. 29 (1985).
    """
    _refuse_malformed(matrix, names)
    size = len(matrix)
    means = [exp(total_of(log(each) for each in row) / size) for row in matrix]
    total = total_of(means)
    weights = tuple(each / total for each in means)
    ratio = _consistency_ratio(matrix, weights)
    if ratio >= TOO_INCONSISTENT:
        row, column = _furthest_off(matrix, weights)
        raise ValueError(
            f"the comparisons contradict one another: consistency ratio {ratio:.2f}, which must "
            f"be below {TOO_INCONSISTENT}; furthest off is {names[row]} to {names[column]}, given "
            f"as {matrix[row][column]:g} where the others make it "
            f"{weights[row] / weights[column]:.2g}"
        )
    return Weighing(weights, ratio)


def _refuse_malformed(matrix: Matrix, names: Sequence[str]) -> None:
    size = len(names)
    if len(matrix) != size or any(len(row) != size for row in matrix):
        raise ValueError(f"a comparison of {', '.join(names)} takes {size} rows of {size} numbers")
    for i, row in enumerate(matrix):
        for j, ratio in enumerate(row):
            if not (isfinite(ratio) and ratio > 0):
                raise ValueError(f"{names[i]} to {names[j]} must be a number above 0, not {ratio}")
            if not isclose(ratio * matrix[j][i], 1.0, rel_tol=_RECIPROCAL_WITHIN):
                raise ValueError(
                    f"{names[i]} to {names[j]} is {ratio:g}, so {names[j]} to {names[i]} must be "
                    f"{1 / ratio:.3g}, not {matrix[j][i]:g}"
                )


def _consistency_ratio(matrix: Matrix, weights: Sequence[float]) -> float:
    size = len(weights)
    if size not in _RANDOM_INDEX:
        return 0.0
    largest_eigenvalue = total_of(
        total_of(ratio * weight for ratio, weight in zip(row, weights, strict=True)) / own
        for row, own in zip(matrix, weights, strict=True)
    )
    largest_eigenvalue /= size
    # Reciprocals that are rounded may bring it a last bit below the size.
    return max(0.0, largest_eigenvalue - size) / (size - 1) / _RANDOM_INDEX[size]


def _furthest_off(matrix: Matrix, weights: Sequence[float]) -> tuple[int, int]:

    def off_by(at: tuple[int, int]) -> float:
        i, j = at
        return abs(log(matrix[i][j] * weights[j] / weights[i]))

    size = len(weights)
    return max(((i, j) for i in range(size) for j in range(i + 1, size)), key=off_by)
