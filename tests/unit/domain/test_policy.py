"""The policy: what it refuses, what names a state, and how the environment sets it."""

from dataclasses import replace
from typing import Any

import pytest

from ckm_stream.domain.choices import HalfLives, IndicatorWeights, Money, Prior, Priors
from ckm_stream.domain.policy import Policy
from ckm_stream.domain.slots import COUNT, INDICATOR_OF
from ckm_stream.errors import ConfigurationError
from ckm_stream.settings import load_settings
from tests.support.touchpoints import DAY_S, POLICY, WEEK_S


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"landmark_s": -1}, "landmark_s"),
        ({"half_lives": HalfLives(trust=3_600)}, "half-life"),
        ({"half_lives": HalfLives(trust=14 * DAY_S)}, "horizon_s"),
        ({"horizon_s": 0}, "horizon_s"),
        ({"seen_capacity": 0}, "seen_capacity"),
        ({"money": Money(default_margin_permille=1_001)}, "default_margin_permille"),
        ({"kappas": (1.0, 0.5, 0.0)}, "kappas"),
        ({"sentiment_weight": 0.31}, "sentiment_weight"),
        ({"sentiment_weight": -0.1}, "sentiment_weight"),
        ({"n0": 0.0}, "n0"),
        ({"known_after_s": -1}, "known_after_s"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"lead_user_from": 0.0}, "lead_user_from"),
        ({"money": Money(call_cost=-1)}, "call_cost"),
        ({"indicator_weights": IndicatorWeights(trust=0.0)}, "weights"),
        ({"priors": Priors(acceptance_rate=Prior(a=0.49, b=1.0))}, "acceptance_rate"),
        ({"priors": Priors(trust=Prior(a=0.0, b=1.0))}, "trust"),
        ({"priors": Priors(new_categories=Prior(a=1.5, b=1.0))}, "new_categories"),
        ({"n0": float("nan")}, "n0"),
    ],
)
def test_a_policy_that_formulas_cannot_work_with_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    """The message names the number."""
    with pytest.raises(ValueError, match=message):
        replace(POLICY, **changes)


def test_fingerprint_changes_with_what_flows_into_a_state() -> None:
    """Landmark, half-lives, capacity, costs: each makes another state of the same events."""
    others = [
        replace(POLICY, landmark_s=0),
        replace(POLICY, half_lives=HalfLives(trust=51 * WEEK_S)),
        replace(POLICY, seen_capacity=65),
        replace(POLICY, in_time_s=1),
        replace(POLICY, money=Money(call_cost=1)),
    ]

    prints = {policy.fingerprint() for policy in (POLICY, *others)}

    assert len(prints) == len(others) + 1
    assert all(len(each) == 4 for each in prints)


def test_fingerprint_ignores_what_is_only_read() -> None:
    """Weights, thresholds and priors may change over states that exist."""
    reading = replace(
        POLICY,
        n0=5.0,
        known_after_s=0,
        kappas=(1.0, 0.4, 0.2),
        indicator_weights=IndicatorWeights(),
    )

    assert reading.fingerprint() == POLICY.fingerprint() == Policy().fingerprint()


def test_fingerprint_of_the_defaults_is_what_states_carry() -> None:
    """A change here makes every state unreadable: it needs a release note and a rebuild."""
    assert POLICY.fingerprint().hex() == "86f400d7"


def test_every_slot_knows_its_indicator() -> None:
    """Slots and half-lives fit together."""
    assert len(INDICATOR_OF) == COUNT


def test_idle_bits_are_free_in_every_sum_from_that_day_on() -> None:
    """No event of the day or later sets a bit below."""
    day = 777
    t_s = POLICY.landmark_s + day * DAY_S

    for slot, idle in enumerate(POLICY.idle_bits(day)):
        weight = POLICY.weights(t_s)[INDICATOR_OF[slot]]
        assert weight % (1 << idle) == 0


def test_environment_changes_one_number_and_leaves_its_neighbours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Groups are nested with two underscores."""
    monkeypatch.setenv("CKM__SCORING__LANDMARK_S", "820454400")
    monkeypatch.setenv("CKM__SCORING__HALF_LIVES__TRUST", str(60 * WEEK_S))

    policy = load_settings().scoring

    assert policy.landmark_s == 820_454_400
    assert policy.half_lives == HalfLives(trust=60 * WEEK_S)
    assert policy.weights(policy.landmark_s) == POLICY.weights(POLICY.landmark_s)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CKM__SCORING__LANDMARKS", "1"),
        ("CKM__SCORING__HALF_LIVES__TRUTH", "1"),
        ("CKM__SCORING__LANDMARK_S", "yesterday"),
        ("CKM__SCORING__SEEN_CAPACITY", "0"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Unknown keys and values out of range are configuration errors."""
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match="CKM__SCORING"):
        load_settings()
