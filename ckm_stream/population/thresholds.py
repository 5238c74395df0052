"""
From which score on a dimension is high: the 0.7 quantile of the customers that have a class.

A threshold that moves a little with every fit would send customers to and fro between classes, so
one from before stays for as long as it is still between the 0.60 and the 0.70 quantile. That is
decided for the whole population at the boundary of an epoch: were it decided for each customer by
the class from before, a score would depend on more than facts, time and epoch (SCORING rule 1).
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

ENTER: Final = 0.70
LEAVE: Final = 0.60


def high_from(scores: Sequence[float], before: float | None) -> float:
    """
    Return the score from which a dimension is high.

    Args:
        scores: The customers' scores on it, ascending; at least one.
        before: The threshold of the epoch before, None if its scale was another kind.
    """
    if before is not None:
        below = bisect_left(scores, before) / len(scores)
        if LEAVE <= below <= ENTER:
            return before
    return scores[min(int(ENTER * len(scores)), len(scores) - 1)]
