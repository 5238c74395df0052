"""
From facts to a score, and from a score to its reasons.

``score_profile`` runs for every changed customer; ``explain`` only when an update is sent, and
its result is stored with the score, never computed again later (SCORING rule 7).
"""

from math import exp, fsum, log
from typing import Final

import msgspec

from ckm_stream.domain.engagement import advise
from ckm_stream.domain.epoch import INDICATORS, Epoch
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.indicators import (
    mean_acceptance,
    read_absorption,
    read_value,
    read_willingness,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Factor, Indicator, Score, SourceClass

#: The least that a dimension can be: its logarithm stays finite, and a zero all but vetoes.
FLOOR: Final = 0.01

# Below this difference the logarithmic mean is taken as its limit; it costs at most 1e-12 * 100.
_SAME: Final = 1e-12

_CLASSES: Final = {
    (True, True, True): SourceClass.KEY_SOURCE,
    (True, False, True): SourceClass.SILENT_VALUABLE,
    (True, True, False): SourceClass.UNABSORBED,
    (False, True, True): SourceClass.WILLING_SCOUT,
    (True, False, False): SourceClass.VALUABLE_OUT_OF_REACH,
    (False, True, False): SourceClass.ORDINARY,
    (False, False, True): SourceClass.ORDINARY,
    (False, False, False): SourceClass.ORDINARY,
}

_UNKNOWN: Final = SourceClass.UNKNOWN

# A lead user is one who met needs before the population did: epoch 0 knows no population, and
# nothing in one customer's facts can stand in for it.
_LEAD_USER: Final = False


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """The factors of a score, V1 to A4; contributions add up to ln(total / reference total)."""

    reference_total: float
    factors: tuple[Factor, ...]


def score_profile(state: Facts, *, as_of_s: int, epoch: Epoch, policy: Policy) -> Score:
    """
    Score a customer as of an instant.

    Args:
        state: What is known of the customer.
        as_of_s: Unix seconds, at or after the newest event; later readings are cooler.
        epoch: What is known of the population.
        policy: The choices behind state and reading.

    Raises:
        ValueError: If *as_of_s* lies before the policy's landmark.
    """
    value, value_n = read_value(state, as_of_s, policy)
    willingness, willingness_n = read_willingness(state, as_of_s, policy)
    absorption, absorption_n = read_absorption(state, as_of_s, epoch, policy)
    normalised = epoch.scale.normalise_all(value + willingness + absorption)
    v, w, a = _dimensions(normalised, epoch.within)
    exponents = epoch.between
    total = v ** exponents[0] * w ** exponents[1] * a ** exponents[2]
    evidence = sum(value_n), sum(willingness_n), sum(absorption_n)
    if min(evidence) < policy.n0:
        source_class = _UNKNOWN
    else:
        high = epoch.high
        source_class = _CLASSES[v >= high[0], w >= high[1], a >= high[2]]
    engagement, reason = advise(source_class, state.counts, willingness[0], lead_user=_LEAD_USER)
    return Score(
        as_of_s,
        epoch.epoch_id,
        v,
        w,
        a,
        total,
        *evidence,
        source_class,
        _LEAD_USER,
        engagement,
        reason,
    )


def _dimensions(x: list[float], u: tuple[float, ...]) -> tuple[float, float, float]:
    """Return the weighted means of each four indicators, within [0.01, 1]."""
    v = u[0] * x[0] + u[1] * x[1] + u[2] * x[2] + u[3] * x[3]
    w = u[4] * x[4] + u[5] * x[5] + u[6] * x[6] + u[7] * x[7]
    a = u[8] * x[8] + u[9] * x[9] + u[10] * x[10] + u[11] * x[11]
    return _clamp(v), _clamp(w), _clamp(a)


def _clamp(mean: float) -> float:
    return FLOOR if mean < FLOOR else min(mean, 1.0)


def explain(facts: Facts, *, as_of_s: int, epoch: Epoch, policy: Policy) -> Explanation:
    """
    Give the reasons of the score at the same instant: twelve factors, V1 to A4.

    Contributions are measured against the epoch's reference customer, and add up to
    ln(total) - ln(reference total) within 1e-9, floors included.

    Source:
        Logarithmic mean Divisia index: Ang, Decomposition analysis for policymaking in energy,
        Energy Policy 32 (2004). A dimension's change is shared out by its indicators' changes.
    """
    value, value_n = read_value(facts, as_of_s, policy)
    willingness, willingness_n = read_willingness(facts, as_of_s, policy)
    absorption, absorption_n = read_absorption(facts, as_of_s, epoch, policy)
    values = [*value, *willingness, *absorption]
    evidence = value_n + willingness_n + absorption_n
    normalised = epoch.scale.normalise_all(values)
    contributions = _contributions(normalised, epoch)
    # The lower tenth of the acceptance rate ranks, its mean is shown.
    values[INDICATORS.index(Indicator.ACCEPTANCE_RATE)] = mean_acceptance(facts, as_of_s, policy)
    half_lives = policy.half_lives.values()
    newest = _newest_ids(facts)
    factors = tuple(
        Factor(
            indicator=indicator,
            value=values[place],
            normalised=normalised[place],
            weight=epoch.between[place // 4] * epoch.within[place],
            contribution=contributions[place],
            half_life_s=int(half_lives[place]),
            n_eff=evidence[place],
            newest_event_id=newest[place],
        )
        for place, indicator in enumerate(INDICATORS)
    )
    return Explanation(reference_total(epoch), factors)


def reference_total(epoch: Epoch) -> float:
    """Return the total of the epoch's reference customer, in [0.01, 1]."""
    dimensions = _dimensions(list(epoch.reference), epoch.within)
    pairs = zip(epoch.between, dimensions, strict=True)
    return exp(fsum([exponent * log(dimension) for exponent, dimension in pairs]))


def _contributions(normalised: list[float], epoch: Epoch) -> list[float]:
    contributions = []
    for dimension, exponent in enumerate(epoch.between):
        place = 4 * dimension
        changes = [
            epoch.within[i] * (normalised[i] - epoch.reference[i]) for i in range(place, place + 4)
        ]
        ours = fsum(epoch.within[i] * normalised[i] for i in range(place, place + 4))
        theirs = fsum(epoch.within[i] * epoch.reference[i] for i in range(place, place + 4))
        scale = exponent * _slope(ours, theirs)
        contributions += [change * scale for change in changes]
    return contributions


def _slope(ours: float, theirs: float) -> float:
    """Return (ln D - ln D_ref)/(mean - mean_ref): one over their logarithmic mean, floors in."""
    change = ours - theirs
    if abs(change) < _SAME:
        return 1.0 / ours if ours > FLOOR else 0.0
    return (log(_clamp(ours)) - log(_clamp(theirs))) / change


def _newest_ids(facts: Facts) -> list[str | None]:
    newest: list[str | None] = [None] * len(INDICATORS)
    for _, event_id, bits in facts.newest:
        for place in range(len(INDICATORS)):
            if bits >> place & 1:
                newest[place] = event_id
    return newest
