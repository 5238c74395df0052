"""How well scores tell the pleased from the displeased: one figure, the same for every method."""

from collections.abc import Sequence


def auc(scores: Sequence[float], ratings: Sequence[float]) -> float:
    """
    Return how often a positively rated text has a higher score than a negatively rated one.

    Equal scores count half; texts rated 0 do not count. 0.5 is chance, 1 is perfect.

    Raises:
        ValueError: If there is no positive, or no negative, rating.

    Source:
        Mann, Whitney 1947: U/(n⁺n⁻), from mid-ranks.
    """
    rated = sorted(
        (score, rating > 0) for score, rating in zip(scores, ratings, strict=True) if rating
    )
    positive = sum(is_positive for _, is_positive in rated)
    negative = len(rated) - positive
    if not positive or not negative:
        raise ValueError("an AUC needs a positive and a negative rating")
    ranks, at = 0.0, 0
    while at < len(rated):
        end = at
        while end < len(rated) and rated[end][0] == rated[at][0]:
            end += 1
        # Ranks at + 1 to end are shared by equal scores.
        ranks += (at + 1 + end) / 2 * sum(is_positive for _, is_positive in rated[at:end])
        at = end
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)
