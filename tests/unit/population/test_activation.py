"""From when on an epoch may be in force: never as of an instant that was scored without it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.epoch import Epoch, epoch_zero
from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.population.activation import (
    earliest_start,
    require_ahead,
    require_last,
    require_unscored,
)

NOW_S = 1_767_225_600  # 2026-01-01 00:00 UTC
ZERO = epoch_zero(Policy())


def epoch(epoch_id: int, from_s: int) -> Epoch:
    """Return an epoch that is announced."""
    return replace(ZERO, epoch_id=epoch_id, effective_from_s=from_s)


@given(st.floats(0, 1e10), st.floats(1, 1e6))
def test_the_earliest_start_is_the_next_whole_minute_after_the_lead(
    now_s: float, lead_s: float
) -> None:
    """It is always ahead enough, and never by more than a minute more."""
    start_s = earliest_start(now_s, lead_s)

    require_ahead(start_s, now_s=now_s, lead_s=lead_s)
    assert start_s % 60 == 0
    assert start_s - 60 < now_s + lead_s


def test_an_epoch_that_comes_too_soon_is_refused_with_the_earliest_instant() -> None:
    """A second less than the lead is too soon."""
    require_ahead(NOW_S + 14_400, now_s=NOW_S, lead_s=14_400)

    with pytest.raises(
        ConfigurationError, match=r"04:00:29Z is before 2026-01-01T04:01:00Z; .*--historical"
    ):
        require_ahead(NOW_S + 14_429, now_s=NOW_S + 30, lead_s=14_400)


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_epoch_that_does_not_come_last_is_refused(seconds: int) -> None:
    """Two from one second would be in force by their numbers, which says nothing of either."""
    newest = epoch(3, NOW_S)
    require_last(NOW_S + 1, newest)

    with pytest.raises(ConfigurationError, match="epoch 3 does at 2026-01-01T00:00:00Z"):
        require_last(NOW_S + seconds, newest)


@pytest.mark.parametrize("seconds", [0, -1])
def test_an_epoch_of_the_past_comes_after_every_event_that_is_stored(seconds: int) -> None:
    """The newest event itself was scored already."""
    require_unscored(NOW_S + 1, newest_event_s=NOW_S)

    with pytest.raises(ConfigurationError, match="scored as of 2026-01-01T00:00:00Z"):
        require_unscored(NOW_S + seconds, newest_event_s=NOW_S)


def test_an_empty_store_says_nothing_of_what_was_scored() -> None:
    """It may just have been emptied."""
    with pytest.raises(ConfigurationError, match="the store is empty"):
        require_unscored(NOW_S, newest_event_s=None)
