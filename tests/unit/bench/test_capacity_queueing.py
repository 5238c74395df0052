"""Queues behave as the theory of queues says, by the formulas and in the simulation."""

import numpy as np
import pytest

from bench.capacity.history import History
from bench.capacity.plan import plan
from bench.capacity.quantities import Case, Costs, Installation, Load, Play
from bench.capacity.queueing import md1_mean_wait_s, poisson_arrivals_s, waits_s
from bench.capacity.simulation import simulate
from ckm_stream.errors import ConfigurationError

_DAY_S = 86_400.0


def _independent_queues(*, rate_hz: float, service_s: float, days: float, step_s: float) -> History:
    """Play a hundred workers of one partition each, with arrivals at random and nothing else."""
    queues = 100
    case = Case(
        costs=Costs(
            cpu_us_per_event=service_s * 1e6,
            cpu_us_per_update=0.0,
            cpu_us_per_slice=0.0,
            idle_cpu=0.0,
            forwarded_per_event=0.0,
        ),
        load=Load(
            customers=1e11,
            events_per_customer_day=rate_hz * queues * _DAY_S / 1e11,
            peak_to_mean=1.0,
            burst_s=0.0,
            zipf_exponent=0.0,
        ),
        installation=Installation(workers=queues, partitions=queues),
        play=Play(days=days, step_s=step_s, worker_failures=0, outage_s=0.0),
    )
    return simulate(case, plan(case))


@pytest.mark.parametrize("use", [0.3, 0.6, 0.9])
def test_the_wait_at_one_server_is_that_of_pollaczek_and_khinchine(use: float) -> None:
    """Half a million arrivals wait as long as the formula for equal service times says."""
    service_s = 0.01
    rng = np.random.default_rng(7)
    arrivals_s = poisson_arrivals_s(use / service_s, 500_000 * service_s / use, rng)

    waited_s = float(waits_s(arrivals_s, service_s).mean())

    # The estimate's own error grows as the queue is used more: it forgets more slowly.
    assert waited_s == pytest.approx(md1_mean_wait_s(use / service_s, service_s), rel=0.05)


@pytest.mark.parametrize("use", [0.4, 0.7])
def test_queues_of_the_simulation_are_as_long_as_the_closed_formula_says(use: float) -> None:
    """
    Work that waits, on average, is what a new event would wait for (PASTA).

    In steps of dt the discrete queue has use * dt / 2 less, exactly.
    """
    service_s, step_s = 1.0, 0.1

    history = _independent_queues(rate_hz=use, service_s=service_s, days=0.01, step_s=step_s)

    per_queue = history.lag[len(history.lag) // 10 :].mean() / 100
    expected = md1_mean_wait_s(use, service_s) / service_s - use * step_s / 2
    assert per_queue == pytest.approx(expected, rel=0.08)


def test_no_wait_without_company() -> None:
    """Arrivals further apart than their service do not wait; those closer wait the rest."""
    assert waits_s(np.array([0.0, 2.0, 3.0, 3.5]), 1.0) == pytest.approx([0, 0, 0, 0.5])


@pytest.mark.parametrize("rate_hz", [100.0, 101.0, -1.0])
def test_a_server_that_is_too_slow_is_refused(rate_hz: float) -> None:
    """A queue that only grows has no mean wait, and the message says what to do."""
    with pytest.raises(ConfigurationError, match="add workers"):
        md1_mean_wait_s(rate_hz, 0.01)


@pytest.mark.parametrize("use", [0.2, 0.8])
def test_use_is_the_rate_times_the_time_of_service(use: float) -> None:
    """Little's law for the servers: busy ones = arrivals per second x seconds of each."""
    history = _independent_queues(rate_hz=use, service_s=1.0, days=0.01, step_s=0.5)

    assert history.utilisation == pytest.approx(use, rel=0.03)


def test_lag_is_the_rate_times_the_delay() -> None:
    """Little's law for the queue: events that wait = arrivals per second x seconds of delay."""
    case = Case(
        load=Load(customers=1e8),
        installation=Installation(workers=4, partitions=12),
        play=Play(days=0.02, step_s=1.0, worker_failures=0, outage_hour=0.1, outage_s=300.0),
    )

    history = simulate(case, plan(case))

    assert history.delay_quantile_s(1.0) >= 300.0
    waited = float((history.delays_s() * history.arrived).sum()) * history.step_s
    assert history.lag.sum() * history.step_s == pytest.approx(waited, rel=0.02)
