"""A run can be repeated: its seed says which faults there are."""

import pytest

from tests.chaos.schedule import Fault, Schedule, seed_of_run


def drawn(seed: int) -> list[Fault]:
    """Return faults of every draw that there is."""
    schedule = Schedule("drawn", seed)
    for target in schedule.shuffled(["worker-1", "worker-2", "snapshots-1"]):
        schedule.add(schedule.choose(["kill", "pause"]), target, events=(200, 2000))
    return schedule.faults


def test_the_same_seed_draws_the_same_faults() -> None:
    """In the same order, after the same amount of work; another seed draws others."""
    assert drawn(7) == drawn(7)
    assert len({tuple(drawn(seed)) for seed in range(10)}) > 1


def test_the_environment_s_seed_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """``CKM_CHAOS_SEED`` repeats a run; without it, runs differ."""
    monkeypatch.setenv("CKM_CHAOS_SEED", "42")
    assert seed_of_run() == 42
    monkeypatch.delenv("CKM_CHAOS_SEED")
    assert len({seed_of_run() for _ in range(10)}) > 1
