"""
What another epoch would change: every customer scored twice as of one instant.

The instant is the same for both, so what differs is the epoch's doing and no cooling.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.scoring import score_profile


class ClassChange(NamedTuple):
    """A customer who is in another class, with the totals, each in [0.01, 1]."""

    customer_id: str
    class_before: SourceClass
    class_after: SourceClass
    total_before: float
    total_after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """
    How a population's scores differ between two epochs.

    Attributes:
        as_of_s: The instant that all were scored as of, in Unix seconds.
        customers: How many there are.
        classes: How many were in the one class and are in the other, for each pair that occurs.
        mean_change: Mean of total after - total before; 0 without customers.
        greatest_change: The one furthest from 0, with its sign.
        changed: Those in another class, the greatest changes of the total first.
    """

    as_of_s: int
    customers: int
    classes: Mapping[tuple[SourceClass, SourceClass], int]
    mean_change: float
    greatest_change: float
    changed: Sequence[ClassChange]


def compare_epochs(
    customers: Iterable[tuple[str, Facts]],
    *,
    before: Epoch,
    after: Epoch,
    as_of_s: int,
    policy: Policy,
) -> Changes:
    """
    Score customers in two epochs as of one instant, at or after their newest events.

    Raises:
        ValueError: If *as_of_s* lies before the policy's landmark.
    """
    classes: Counter[tuple[SourceClass, SourceClass]] = Counter()
    changed: list[ClassChange] = []
    total_change = greatest = 0.0
    for customer_id, facts in customers:
        old = score_profile(facts, as_of_s=as_of_s, epoch=before, policy=policy)
        new = score_profile(facts, as_of_s=as_of_s, epoch=after, policy=policy)
        classes[old.source_class, new.source_class] += 1
        change = new.total - old.total
        total_change += change
        greatest = max(greatest, change, key=abs)
        if new.source_class is not old.source_class:
            changed.append(
                ClassChange(customer_id, old.source_class, new.source_class, old.total, new.total)
            )
    changed.sort(key=lambda each: (-abs(each.total_after - each.total_before), each.customer_id))
    count = classes.total()
    return Changes(
        as_of_s=as_of_s,
        customers=count,
        classes=classes,
        mean_change=total_change / count if count else 0.0,
        greatest_change=greatest,
        changed=changed,
    )
