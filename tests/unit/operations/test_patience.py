"""A start waits for what is away, and for nothing else."""

from collections.abc import Callable

import pytest

from ckm_stream.errors import ConfigurationError, TransientError
from ckm_stream.operations import patience
from ckm_stream.operations.patience import when_available
from tests.support.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock that the module under test goes by."""
    made = Clock(100.0)
    monkeypatch.setattr(patience, "time", made)
    return made


def away_until(clock: Clock, time: float, error: type[Exception]) -> Callable[[], str]:
    """Return a check that raises *error* before *time*."""

    def check() -> str:
        if clock.now_s < time:
            raise error("not there")
        return "there"

    return check


def test_what_comes_back_in_time_is_waited_for(clock: Clock) -> None:
    """The start goes on within one pause of the return."""
    assert when_available(away_until(clock, 117.0, TransientError), patience_s=30) == "there"
    assert 117.0 <= clock.now_s <= 122.0


def test_what_stays_away_is_given_up_in_time(clock: Clock) -> None:
    """The last error is the caller's."""
    with pytest.raises(TransientError, match="not there"):
        when_available(away_until(clock, 200.0, TransientError), patience_s=30)

    assert clock.now_s <= 130.0


def test_without_patience_there_is_one_try(clock: Clock) -> None:
    """0 seconds: as it is, now."""
    with pytest.raises(TransientError):
        when_available(away_until(clock, 101.0, TransientError), patience_s=0)

    assert clock.now_s == 100.0


def test_what_is_wrong_is_not_waited_for(clock: Clock) -> None:
    """A wrong setting does not get right by itself."""
    with pytest.raises(ConfigurationError):
        when_available(away_until(clock, 110.0, ConfigurationError), patience_s=30)

    assert clock.now_s == 100.0
