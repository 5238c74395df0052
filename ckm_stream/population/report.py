"""
How an epoch came about, as it is kept beside the epoch: what only the fit could tell.

What the epoch itself says is not said again; of the epoch before it there is what changed. Two
readings of one epoch under other choices of scoring are two things, so the choices are noted too.
"""

from dataclasses import asdict
from hashlib import blake2b
from typing import Final

import msgspec

from ckm_stream.domain.epoch import INDICATORS, Epoch
from ckm_stream.domain.indicators import WORTHLESS_BELOW
from ckm_stream.domain.policy import Policy
from ckm_stream.population.fit import Fitted

_CODES: Final = tuple(each.value for each in INDICATORS)


class EpochBefore(msgspec.Struct, frozen=True, kw_only=True):
    """What was in force when an epoch was fitted; the fields are those of ``Epoch``."""

    epoch_id: int
    within: tuple[float, ...]
    between: tuple[float, float, float]
    high: tuple[float, float, float]
    priors: dict[str, tuple[float, float]]


class PriorReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers had evidence that bears on a prior, and whether it was learnt from it."""

    customers: int
    is_learnt: bool


class FitReport(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an epoch came about.

    Attributes:
        reading: The choices of scoring that it was fitted under, by their fingerprint.
        before: The epoch that was in force last, by the topic.
        customers_known: Customers with evidence enough for a class.
        customers_simulated: Customers of whom at least one event is simulated.
        with_evidence: Customers of whom there is any, by indicator.
        priors: By name.
        consistency_ratios: Of the comparisons in pairs, by group; below 0.1.
        entropy_weights: What the entropy method would weigh with, by indicator: never used.
        thresholds_kept: Whether the threshold before was still between the quantiles.
        models_refused: Why a model of lifetime was not fitted anew, by its name; the parameters
            before stay, if there are any.
    """

    reading: str
    before: EpochBefore
    customers_known: int
    customers_simulated: int
    with_evidence: dict[str, int]
    priors: dict[str, PriorReport]
    consistency_ratios: dict[str, float]
    entropy_weights: dict[str, float]
    thresholds_kept: tuple[bool, bool, bool]
    models_refused: dict[str, str] = {}


def report_of(fitted: Fitted, *, before: Epoch, policy: Policy, simulated: int) -> FitReport:
    """
    Return how an epoch came about.

    Args:
        fitted: The epoch, with its diagnostics.
        before: The epoch that it was fitted after.
        policy: The choices that it was fitted under.
        simulated: How many of its customers have simulated events.
    """
    found = fitted.diagnostics
    return FitReport(
        reading=reading_fingerprint(policy),
        before=EpochBefore(
            epoch_id=before.epoch_id,
            within=before.within,
            between=before.between,
            high=before.high,
            priors={name: (each["a"], each["b"]) for name, each in asdict(before.priors).items()},
        ),
        customers_known=found.customers_known,
        customers_simulated=simulated,
        with_evidence=dict(zip(_CODES, found.with_evidence, strict=True)),
        priors={
            name: PriorReport(customers=each.customers, is_learnt=each.is_learnt)
            for name, each in found.priors.items()
        },
        consistency_ratios=dict(found.consistency_ratios),
        entropy_weights=dict(zip(_CODES, found.entropy_weights, strict=True)),
        thresholds_kept=found.thresholds_kept,
    )


def reading_fingerprint(policy: Policy) -> str:
    """
    Identify, in 8 hexadecimal digits, the choices that an epoch's numbers rest on.

    They are all that flow into a state or into an indicator's value or evidence. Left out is what
    an epoch replaces (weights, thresholds, priors, scales), and what only says which events are
    taken or which scores are announced.
    """
    rests_on = (
        policy.fingerprint(),
        policy.new_category_after_s,
        policy.kappas,
        policy.contact_window,
        policy.money.referred_margin,
        policy.money.referrer_share,
        policy.n0,
        policy.known_after_s,
        WORTHLESS_BELOW,
    )
    return blake2b(repr(rests_on).encode(), digest_size=4).hexdigest()
