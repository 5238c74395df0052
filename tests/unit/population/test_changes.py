"""What another epoch would change, customer by customer, as of one instant."""

from dataclasses import replace
from functools import lru_cache

import pytest

from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.score import SourceClass
from ckm_stream.domain.scoring import score_profile
from ckm_stream.population.changes import Changes, compare_epochs
from ckm_stream.population.fit import fit_epoch
from tests.support.populations import POLICY, simulated

ZERO = epoch_zero(POLICY)
POPULATION = simulated(300, seed=5)
AS_OF_S = POPULATION.as_of_s


@lru_cache(maxsize=1)
def fitted() -> Epoch:
    """Return an epoch that was learnt from the population."""
    return fit_epoch(POPULATION.population, POLICY, epoch_id=1, before=ZERO).epoch


def compared(before: Epoch, after: Epoch, *, as_of_s: int = AS_OF_S) -> Changes:
    """Compare two epochs over the population."""
    return compare_epochs(
        POPULATION.facts.items(), before=before, after=after, as_of_s=as_of_s, policy=POLICY
    )


def test_an_epoch_changes_nothing_against_itself() -> None:
    """Everybody stays, by class and by total."""
    changes = compared(fitted(), fitted())

    assert changes.customers == 300
    assert changes.changed == []
    assert (changes.mean_change, changes.greatest_change) == (0.0, 0.0)
    assert all(before is after for before, after in changes.classes)
    assert sum(changes.classes.values()) == 300


def test_who_is_in_another_class_is_named_with_both_scores() -> None:
    """The counts by class are those of the named, and each is what a score says."""
    changes = compared(ZERO, fitted())

    moved = {pair: count for pair, count in changes.classes.items() if pair[0] is not pair[1]}
    assert changes.changed
    assert sum(moved.values()) == len(changes.changed)
    for each in changes.changed:
        facts = POPULATION.facts[each.customer_id]
        old, new = (
            score_profile(facts, as_of_s=AS_OF_S, epoch=epoch, policy=POLICY)
            for epoch in (ZERO, fitted())
        )
        assert (each.class_before, each.total_before) == (old.source_class, old.total)
        assert (each.class_after, each.total_after) == (new.source_class, new.total)
        assert each.class_before is not each.class_after


def test_the_greatest_changes_come_first_and_none_is_greater_than_the_greatest() -> None:
    """Those who stay in their class count in the mean and in the greatest change too."""
    changes = compared(ZERO, fitted())

    moves = [abs(each.total_after - each.total_before) for each in changes.changed]
    totals = [
        score_profile(facts, as_of_s=AS_OF_S, epoch=fitted(), policy=POLICY).total
        - score_profile(facts, as_of_s=AS_OF_S, epoch=ZERO, policy=POLICY).total
        for facts in POPULATION.facts.values()
    ]
    assert moves == sorted(moves, reverse=True)
    assert changes.greatest_change == max(totals, key=abs)
    assert changes.mean_change == pytest.approx(sum(totals) / 300)


def test_there_and_back_are_the_same_changes() -> None:
    """With before and after exchanged, every pair and every sign is turned round."""
    there, back = compared(ZERO, fitted()), compared(fitted(), ZERO)

    assert {(b, a): n for (a, b), n in there.classes.items()} == dict(back.classes)
    assert there.mean_change == pytest.approx(-back.mean_change)
    assert {each.customer_id for each in there.changed} == {e.customer_id for e in back.changed}


def test_a_threshold_out_of_reach_leaves_no_key_source() -> None:
    """All of them are in other classes, and nobody's total has moved."""
    out_of_reach = replace(fitted(), epoch_id=2, high=(1.1, *fitted().high[1:]))

    changes = compared(fitted(), out_of_reach)

    keys = sum(n for (old, _), n in changes.classes.items() if old is SourceClass.KEY_SOURCE)
    left = [each for each in changes.changed if each.class_before is SourceClass.KEY_SOURCE]
    assert keys == len(left) > 0
    assert changes.greatest_change == 0.0


def test_both_are_read_as_of_the_same_instant() -> None:
    """Ten years on everybody is unknown in both epochs: cooling is no change of the epoch's."""
    changes = compared(ZERO, fitted(), as_of_s=AS_OF_S + 10 * 365 * 86_400)

    assert dict(changes.classes) == {(SourceClass.UNKNOWN, SourceClass.UNKNOWN): 300}
    assert changes.changed == []


def test_nobody_is_no_error() -> None:
    """The mean of nothing is 0."""
    changes = compare_epochs([], before=ZERO, after=fitted(), as_of_s=AS_OF_S, policy=POLICY)

    assert (changes.customers, changes.mean_change, changes.greatest_change) == (0, 0.0, 0.0)
