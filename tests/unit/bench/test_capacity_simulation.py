"""A played day obeys the laws of the installations that it stands for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.capacity.arrivals import intensity, partition_shares
from bench.capacity.history import History
from bench.capacity.plan import plan
from bench.capacity.quantities import Case, Costs, Installation, Load, Play
from bench.capacity.simulation import simulate

_HOUR_S = 3_600.0
_FLAT = Load(customers=1e8, peak_to_mean=1.0, burst_s=0.0)
_CALM = Play(days=0.05, step_s=1.0, worker_failures=0, outage_s=0.0)


def _played(case: Case) -> History:
    return simulate(case, plan(case))


def _case(workers: int, load: Load = _FLAT, play: Play = _CALM, **costs: float) -> Case:
    return Case(
        costs=Costs(**costs),
        load=load,
        installation=Installation(workers=workers, partitions=24),
        play=play,
    )


@settings(max_examples=12)
@given(
    workers=st.sampled_from([1, 2, 3, 4, 6]),
    cpu_us=st.floats(500, 20_000),
    zipf=st.floats(0, 0.95),
    seed=st.integers(0, 1000),
)
def test_twice_the_workers_never_have_more_lag(
    workers: int, cpu_us: float, zipf: float, seed: int
) -> None:
    """Each worker shares its partitions with a new one, so no queue is longer at any time."""
    load = replace(_FLAT, zipf_exponent=zipf)
    play = replace(_CALM, days=0.005, seed=seed)

    few = _played(_case(workers, load, play, cpu_us_per_event=cpu_us))
    many = _played(_case(2 * workers, load, play, cpu_us_per_event=cpu_us))

    assert np.array_equal(few.arrived, many.arrived)
    assert (many.lag <= few.lag + 1e-6).all()


@settings(max_examples=12)
@given(
    workers=st.integers(1, 30),
    failures=st.integers(0, 5),
    outage_s=st.sampled_from([0.0, 40.0]),
    seed=st.integers(0, 1000),
)
def test_whatever_happens_no_event_is_lost_or_served_twice(
    workers: int, failures: int, outage_s: float, seed: int
) -> None:
    """Served and waiting events are those that arrived, and no core gives more than it has."""
    play = replace(
        _CALM, days=0.02, seed=seed, worker_failures=failures, outage_s=outage_s, outage_hour=0.2
    )

    history = _played(_case(workers, play=play))

    assert (history.lag >= 0).all()
    kept = np.cumsum(history.arrived) - np.cumsum(history.served)
    assert history.lag == pytest.approx(kept, abs=1e-3)
    assert (history.busiest <= 1 + 1e-9).all()
    if not failures and not outage_s:
        assert history.lag.max() < 1e-6


def test_twice_the_rate_takes_twice_the_cpu() -> None:
    """Where slices do not count, CPU is proportional to events."""
    more = replace(_FLAT, customers=2e8)

    once = _played(_case(4, cpu_us_per_slice=0.0, idle_cpu=0.0))
    twice = _played(_case(4, more, cpu_us_per_slice=0.0, idle_cpu=0.0))

    assert twice.used_s.sum() == pytest.approx(2 * once.used_s.sum(), rel=0.01)


def test_what_an_outage_left_is_caught_up_by_what_workers_can_spare() -> None:
    """After T seconds away, catching up takes rate x T / (what workers do - rate)."""
    play = replace(_CALM, outage_hour=0.2, outage_s=100.0)
    case = _case(2, play=play, cpu_us_per_event=6_000.0, cpu_us_per_slice=0.0, idle_cpu=0.0)
    case = replace(case, installation=replace(case.installation, rebalance_s=0.0))
    sized = plan(case)

    aftermath = simulate(case, sized).aftermaths()[0]

    can_hz = 2 / sized.cpu_s_per_event
    expected_s = sized.events_per_s * 100.0 / (can_hz - sized.events_per_s)
    assert aftermath.name == "the brokers are away"
    assert aftermath.catch_up_s == pytest.approx(100.0 + expected_s, rel=0.05)


def test_a_dead_workers_partitions_wait_until_they_are_read_back() -> None:
    """Session timeout, rebalance and the states of its partitions: then its queues shrink."""
    play = replace(_CALM, days=0.02, worker_failures=1, restart_s=10_000.0)
    case = _case(2, replace(_FLAT, customers=1e7), play, recovery_records_per_s=100_000.0)

    aftermath = simulate(case, plan(case)).aftermaths()[0]

    site = case.installation
    reading_s = 1e7 / 2 / 100_000.0
    assert aftermath.catch_up_s == pytest.approx(
        site.session_timeout_s + site.rebalance_s + reading_s, abs=4.0
    )


def test_control_a_worker_that_nobody_takes_over_from_never_catches_up() -> None:
    """Alone and not started again, its queues grow until the end."""
    play = replace(_CALM, days=0.02, worker_failures=1, restart_s=10_000.0)

    history = _played(_case(1, play=play))

    assert history.aftermaths()[0].catch_up_s is None
    assert history.lag[-1] == pytest.approx(history.arrived.sum() / 2, rel=0.02)


def test_a_burst_beyond_the_cores_is_worked_off_afterwards() -> None:
    """Use is full and lag grows in a burst; later neither."""
    load = replace(_FLAT, burst_factor=20.0, burst_hour=0.1, burst_s=300.0)

    history = _played(_case(1, load, cpu_us_per_event=500.0))

    burst = slice(360, 660)
    assert history.busiest[burst].min() > 0.99
    assert history.lag[659] > 10 * history.arrived[659]
    assert history.lag[-1] < history.arrived[burst].max()


def test_a_day_has_its_mean_and_its_peak() -> None:
    """The intensity averages to 1, and is greatest at its hour."""
    load = Load(peak_to_mean=1.8, peak_hour=10.0, burst_s=0.0)
    at_s = np.arange(24 * 60, dtype=np.float64) * float(60)

    intensities = intensity(load, at_s)

    assert intensities.mean() == pytest.approx(1.0)
    assert intensities.max() == pytest.approx(1.8)
    assert at_s[intensities.argmax()] == 10 * _HOUR_S


@given(partitions=st.integers(1, 500), zipf=st.floats(0, 0.99), customers=st.floats(1, 1e9))
@settings(max_examples=25)
def test_shares_of_partitions_are_shares(partitions: int, zipf: float, customers: float) -> None:
    """They are not negative and sum to 1, for any law of activity."""
    load = Load(customers=customers, zipf_exponent=zipf)

    shares = partition_shares(load, partitions, np.random.default_rng(3))

    assert shares.shape == (partitions,)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all()


def test_busier_customers_make_busier_partitions() -> None:
    """The hottest partition grows with the exponent of Zipf's law."""
    hottest = [
        partition_shares(
            Load(customers=1e6, zipf_exponent=zipf), 96, np.random.default_rng(3)
        ).max()
        for zipf in (0.0, 0.5, 0.8, 0.99)
    ]

    assert hottest == sorted(hottest)
    assert hottest[0] == pytest.approx(1 / 96, rel=0.1)


def test_equal_seeds_give_equal_histories() -> None:
    """A play can be repeated; another seed is another day."""
    play = replace(_CALM, days=0.01, worker_failures=2)

    first, again = _played(_case(3, play=play)), _played(_case(3, play=play))
    other = _played(_case(3, play=replace(play, seed=2)))

    assert np.array_equal(first.lag, again.lag)
    assert not np.array_equal(first.lag, other.lag)


def test_a_worker_that_takes_over_stands_with_all_its_partitions() -> None:
    """It opens its lanes when all states are read, so nothing at all is served meanwhile."""
    play = replace(_CALM, days=0.02, worker_failures=1, restart_s=10_000.0)
    case = _case(2, replace(_FLAT, customers=1e7), play, recovery_records_per_s=100_000.0)

    history = simulate(case, plan(case))

    site = case.installation
    missed_s = play.days * 86_400.0 / 2 + site.session_timeout_s
    reading = slice(int(missed_s) + 2, int(missed_s + site.rebalance_s + 48))
    assert history.served[reading].sum() == 0
    assert history.served[int(missed_s) - 4] > 0
