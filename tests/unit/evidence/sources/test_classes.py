"""Who is called a key source, by what they were planted as."""

from dataclasses import replace

import numpy as np

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.sources.classes import SUSPECT, count_classes, count_suspects
from ckm_stream.simulation.persona import Role
from tests.support.judged import judged, reading

KEY, ORDINARY, UNKNOWN = SourceClass.KEY_SOURCE, SourceClass.ORDINARY, SourceClass.UNKNOWN
ROLES = (Role.KEY_SOURCE, Role.LIAR, Role.BOT, Role.ORDINARY, Role.LIAR)
POPULATION = replace(
    judged(np.ones(5), np.array([True, False, False, False, False]), roles=ROLES),
    other=reading(np.ones(5), classes=(KEY, ORDINARY, UNKNOWN, KEY, ORDINARY)),
    own=reading(np.ones(5), classes=(KEY, KEY, UNKNOWN, KEY, KEY)),
)


def test_classes_are_counted_by_role_and_epoch() -> None:
    """Over all populations, with the key sources that are some in truth."""
    other, own, zero = count_classes([POPULATION, POPULATION])

    assert (other.name, own.name, zero.name) == ("other", "own", "zero")
    assert other.by_role["liar"]["ordinary"] == 4
    assert other.by_role["bot"]["unknown"] == 2
    assert own.by_role["liar"]["key_source"] == 4
    assert own.true_key_sources == other.true_key_sources == 2
    assert zero.true_key_sources == 0
    for each in (other, own, zero):
        assert sum(sum(counts.values()) for counts in each.by_role.values()) == 10


def test_who_may_never_be_a_key_source_is_counted() -> None:
    """Liars here; an ordinary customer who becomes one is a matter of precision."""
    assert set(SUSPECT) == {Role.BOT, Role.LIAR, Role.NEWCOMER}
    assert [count_suspects(each) for each in count_classes([POPULATION])] == [0, 2, 0]
