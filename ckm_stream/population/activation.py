"""
From when on a fitted epoch may be in force.

A score uses the epoch in force as of its own instant. All workers, and a replay, agree on it only
if no score as of that instant or later was made before the epoch was known; these rules see to it.
"""

from datetime import UTC, datetime
from math import ceil
from typing import Final

from ckm_stream.codec.layouts import EPOCH_LAYOUT
from ckm_stream.domain.epoch import Epoch
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.population.report import FitReport, reading_fingerprint

_MINUTE_S: Final = 60


def earliest_start(now_s: float, lead_s: float) -> int:
    """Return the first whole minute that lies at least *lead_s* after *now_s*, Unix seconds."""
    return ceil((now_s + lead_s) / _MINUTE_S) * _MINUTE_S


def require_readable(epoch: Epoch, report: FitReport, policy: Policy) -> None:
    """
    Refuse an epoch whose numbers mean something else under today's choices of scoring.

    Raises:
        ConfigurationError: If it was fitted under others.
    """
    if report.reading != reading_fingerprint(policy):
        raise ConfigurationError(
            f"epoch {epoch.epoch_id} was fitted under another scoring policy (half-lives, kappas, "
            "costs or capacities), so its tables do not fit today's indicators; restore "
            "CKM__SCORING__* or fit a new one with `ckm epoch fit`"
        )


def require_room(layout: int) -> None:
    """
    Refuse to announce an epoch where states are written that have no room for what it reads.

    Raises:
        ConfigurationError: If the setting says so; a worker would end at its first score in it.
    """
    if layout < EPOCH_LAYOUT:
        raise ConfigurationError(
            f"CKM__STATE__LAYOUT is {layout}, and such a state has no room for an epoch; set it "
            f"to {EPOCH_LAYOUT} for every worker first (docs/upgrading.md), and here"
        )


def require_last(effective_from_s: int, newest: Epoch) -> None:
    """
    Refuse a beginning that is not after that of every epoch that is announced.

    Args:
        effective_from_s: The beginning, in Unix seconds.
        newest: The epoch that is in force last of those.

    Raises:
        ConfigurationError: If it is not.
    """
    if effective_from_s <= newest.effective_from_s:
        raise ConfigurationError(
            f"an epoch may not come into force at {_utc(effective_from_s)}: epoch "
            f"{newest.epoch_id} does at {_utc(newest.effective_from_s)}, and what was announced "
            "never changes; give a later --effective-from"
        )


def require_ahead(effective_from_s: int, *, now_s: float, lead_s: float) -> None:
    """
    Refuse a beginning that not every worker would hear of in time.

    Raises:
        ConfigurationError: If it is less than *lead_s* from *now_s* on.
    """
    if effective_from_s < now_s + lead_s:
        raise ConfigurationError(
            f"an epoch is announced {lead_s:g} s ahead (CKM__EPOCH__LEAD_S), and "
            f"{_utc(effective_from_s)} is before {_utc(earliest_start(now_s, lead_s))}; give a "
            "later --effective-from, or --historical for events of the past"
        )


def require_unscored(effective_from_s: int, *, newest_event_s: int | None) -> None:
    """
    Refuse a beginning as of which customers have been scored, as far as the store knows.

    Args:
        effective_from_s: The beginning, in Unix seconds.
        newest_event_s: The newest event in the store; None if it is empty.

    Raises:
        ConfigurationError: If an event is as of then or later, or none is known.
    """
    if newest_event_s is None:
        raise ConfigurationError(
            "the store is empty, so nothing tells up to when events have been scored; wait until "
            "the snapshot workers have filled it"
        )
    if effective_from_s <= newest_event_s:
        raise ConfigurationError(
            f"customers have been scored as of {_utc(newest_event_s)}, so an epoch may not come "
            f"into force at {_utc(effective_from_s)}; give a later --effective-from"
        )


def _utc(instant_s: int) -> str:
    return f"{datetime.fromtimestamp(instant_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
