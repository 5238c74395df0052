"""Which classes customers get by what they were planted as: who deceives may not be believed."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.sources.reading import Judged, Reading
from ckm_stream.evidence.sources.results import Classes
from ckm_stream.evidence.sources.truths import HONEST
from ckm_stream.simulation.persona import Role

#: Roles that may never become a key source.
SUSPECT: Final = tuple(role for role in Role if role not in HONEST)

_EPOCHS: Final[tuple[tuple[str, str, Callable[[Judged], Reading]], ...]] = (
    ("other", "Epoch learnt from another population", lambda each: each.other),
    ("own", "Epoch learnt from the same population", lambda each: each.own),
    ("zero", "Epoch 0, which knows no population", lambda each: each.zero),
)


def count_classes(populations: Sequence[Judged]) -> tuple[Classes, ...]:
    """Count, for each of three epochs, the classes of each role, and the true key sources."""
    return tuple(_count(populations, *each) for each in _EPOCHS)


def count_suspects(classes: Classes) -> int:
    """Return how many bots, liars and newcomers are called key sources."""
    return sum(classes.by_role[role.value][SourceClass.KEY_SOURCE.value] for role in SUSPECT)


def _count(
    populations: Sequence[Judged], name: str, title: str, reading: Callable[[Judged], Reading]
) -> Classes:
    counts: Counter[tuple[Role, SourceClass]] = Counter()
    true_key_sources = 0
    for each in populations:
        classes = reading(each).classes
        counts.update(zip(each.roles, classes, strict=True))
        planted = each.truths[0].tolist()
        true_key_sources += Counter(zip(classes, planted, strict=True))[
            SourceClass.KEY_SOURCE, True
        ]
    return Classes(
        name=name,
        title=title,
        by_role={
            role.value: {each.value: counts[role, each] for each in SourceClass} for role in Role
        },
        true_key_sources=true_key_sources,
    )
