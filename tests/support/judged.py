"""Judged populations made by hand: the truth is chosen, and so is what was read."""

from collections.abc import Sequence

import numpy as np

from ckm_stream.domain.score import SourceClass
from ckm_stream.evidence.arrays import Flags, Numbers
from ckm_stream.evidence.sources.answers import Answers
from ckm_stream.evidence.sources.reading import Judged, Reading
from ckm_stream.simulation.persona import Role


def reading(
    total: Numbers, *, acceptance: Numbers | None = None, classes: Sequence[SourceClass] = ()
) -> Reading:
    """Return what an epoch says: the total score on every dimension, and all of them ordinary."""
    n = len(total)
    return Reading(
        total=total,
        dimensions=np.array([total, total, total]),
        acceptance=np.full(n, 0.5) if acceptance is None else acceptance,
        prior_acceptance=0.5,
        classes=tuple(classes) or (SourceClass.ORDINARY,) * n,
    )


def judged(
    total: Numbers,
    truth: Flags,
    *,
    contacts: Numbers | None = None,
    roles: Sequence[Role] = (),
    answers: Answers | None = None,
) -> Judged:
    """Return a population with one truth for all three, read alike by all epochs."""
    n = len(total)
    read = reading(total)
    nothing = np.zeros(n)
    return Judged(
        roles=tuple(roles) or (Role.ORDINARY,) * n,
        truths=(truth, truth, truth),
        other=read,
        own=read,
        zero=read,
        raw_acceptance=np.full(n, np.nan),
        contacts=nothing if contacts is None else contacts,
        spend=nothing,
        answers=answers or Answers(np.zeros(n, dtype=np.int64), nothing, nothing),
    )
