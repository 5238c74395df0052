"""
From facts to a score, and from a score to its reasons.

``score_profile`` runs for every changed customer; ``explain`` only when an update is sent, and
its result is stored with the score, never computed again later (SCORING rule 7).
"""

from math import log
from typing import Final, NamedTuple

import msgspec

from ckm_stream.domain.counters import is_refuted
from ckm_stream.domain.decay import total_of
from ckm_stream.domain.engagement import DOUBTED, advise, with_lead
from ckm_stream.domain.epoch import INDICATORS, Epoch, means
from ckm_stream.domain.facts import Facts
from ckm_stream.domain.indicators import (
    mean_acceptance,
    read_absorption,
    read_value,
    read_willingness,
)
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.score import Factor, Indicator, Score, SourceClass
from ckm_stream.domain.topics import read_lead

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
_FREQUENCY: Final = INDICATORS.index(Indicator.CONTACT_FREQUENCY)
_ACCEPTANCE: Final = INDICATORS.index(Indicator.ACCEPTANCE_RATE)


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """The factors of a score, V1 to A4; contributions add up to ln(total / reference total)."""

    reference_total: float
    factors: tuple[Factor, ...]


class Readings(NamedTuple):
    """The twelve indicators at an instant, V1 to A4: read once, for the score and its reasons."""

    values: tuple[float, ...]
    evidence: tuple[float, ...]
    normalised: list[float]

    def sides(self) -> tuple[float, float, float]:
        """Return the evidence for value, willingness and absorption."""
        n = self.evidence
        return total_of(n[:4]), total_of(n[4:8]), total_of(n[8:])


def read_profile(facts: Facts, *, as_of_s: int, epoch: Epoch, policy: Policy) -> Readings:
    """
    Read the indicators as of an instant: what costs most of a score.

    Args:
        facts: What is known of the customer.
        as_of_s: Unix seconds, at or after the newest event; later readings are cooler.
        epoch: What is known of the population.
        policy: The choices behind state and reading.

    Raises:
        ValueError: If *as_of_s* lies before the policy's landmark.
    """
    value, value_n = read_value(facts, as_of_s, epoch, policy)
    willingness, willingness_n = read_willingness(facts, as_of_s, epoch, policy)
    absorption, absorption_n = read_absorption(facts, as_of_s, epoch, policy)
    values = value + willingness + absorption
    return Readings(
        values, value_n + willingness_n + absorption_n, epoch.scale.normalise_all(values)
    )


def score_profile(
    state: Facts, *, as_of_s: int, epoch: Epoch, policy: Policy, readings: Readings | None = None
) -> Score:
    """
    Score a customer as of an instant; *readings* are that instant's, if they have been read.

    Raises:
        ValueError: If *as_of_s* lies before the policy's landmark.
    """
    if readings is None:
        readings = read_profile(state, as_of_s=as_of_s, epoch=epoch, policy=policy)
    v, w, a = map(_clamp, means(readings.normalised, epoch.within))
    total = _combine((v, w, a), epoch)
    evidence = readings.sides()
    source_class, is_doubted = _UNKNOWN, False
    if has_class(state, evidence, as_of_s, policy):
        high = epoch.high
        is_valuable = v >= high[0]
        is_doubted = is_valuable and is_refuted(state.counts)
        source_class = _CLASSES[is_valuable and not is_doubted, w >= high[1], a >= high[2]]
    lead = read_lead(state.mentions, epoch.topic_tables)
    lead_user = lead.is_lead_user(policy.lead_user_from)
    if is_doubted:
        engagement, reason = DOUBTED
    else:
        contacts = readings.values[_FREQUENCY]
        engagement, reason = advise(source_class, state.counts, contacts, lead_user=lead_user)
    if lead_user:
        reason = with_lead(reason, lead.topics, lead.percent)
    return Score(
        as_of_s,
        epoch.epoch_id,
        v,
        w,
        a,
        total,
        *evidence,
        source_class,
        lead_user,
        engagement,
        reason,
    )


def has_class(
    facts: Facts, evidence: tuple[float, float, float], as_of_s: int, policy: Policy
) -> bool:
    """Say whether a customer is known for long enough, and by evidence enough on each dimension."""
    return min(evidence) >= policy.n0 and as_of_s - facts.first_s >= policy.known_after_s


def _combine(dimensions: tuple[float, float, float], epoch: Epoch) -> float:
    """Return the weighted geometric mean: no dimension makes up for another."""
    v, w, a = dimensions
    for_v, for_w, for_a = epoch.between
    total: float = v**for_v * w**for_w * a**for_a
    return total


def _clamp(mean: float) -> float:
    return FLOOR if mean < FLOOR else min(mean, 1.0)


def explain(
    facts: Facts, *, as_of_s: int, epoch: Epoch, policy: Policy, readings: Readings | None = None
) -> Explanation:
    """
    Give the reasons of the score at the same instant: twelve factors, V1 to A4.

    Contributions are measured against the epoch's reference customer, and add up to
    ln(total) - ln(reference total) within 1e-9, floors included.

    Source:
        Logarithmic mean Divisia index: Ang, Decomposition analysis for policymaking in energy,
        Energy Policy 32 (2004). A dimension's change is shared out by its indicators' changes.
    """
    if readings is None:
        readings = read_profile(facts, as_of_s=as_of_s, epoch=epoch, policy=policy)
    normalised = readings.normalised
    values = list(readings.values)
    # The lower tenth of the acceptance rate ranks, its mean is shown.
    values[_ACCEPTANCE] = mean_acceptance(facts, as_of_s, epoch, policy)
    factors = map(
        Factor,
        INDICATORS,
        values,
        normalised,
        epoch.weights,
        _contributions(normalised, epoch),
        policy.half_lives_s,
        readings.evidence,
        _newest_ids(facts),
    )
    return Explanation(reference_total(epoch), tuple(factors))


def reference_total(epoch: Epoch) -> float:
    """Return the total of the epoch's reference customer, in [0.01, 1]."""
    v, w, a = map(_clamp, epoch.reference_means)
    return _combine((v, w, a), epoch)


def _contributions(normalised: list[float], epoch: Epoch) -> list[float]:
    """Share out each dimension's ln(D / D_ref) among its indicators by how far each is off."""
    slopes = map(_slope, means(normalised, epoch.within), epoch.reference_means)
    by_place = [slope for slope in slopes for _ in range(4)]
    parts = zip(epoch.weights, normalised, epoch.reference, by_place, strict=True)
    return [weight * (ours - theirs) * slope for weight, ours, theirs, slope in parts]


def _slope(ours: float, theirs: float) -> float:
    """Return (ln D - ln D_ref)/(mean - mean_ref): one over their logarithmic mean, floors in."""
    change = ours - theirs
    if abs(change) < _SAME:
        return 1.0 / ours if ours > FLOOR else 0.0
    return (log(_clamp(ours)) - log(_clamp(theirs))) / change


def _newest_ids(facts: Facts) -> list[str | None]:
    newest: list[str | None] = [None] * len(INDICATORS)
    for _, event_id, bits in facts.newest:
        left = bits
        while left:
            place = left.bit_length() - 1
            newest[place] = event_id
            left ^= 1 << place
    return newest
