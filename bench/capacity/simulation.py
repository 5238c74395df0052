"""
Plays days of load on an installation, step by step, with faults.

There is a queue per partition; workers share their core among their partitions, die, move and
recover; brokers are away. Events are counted, not made: in a step a partition's arrivals are
Poisson, and a worker serves its queues in proportion to their lengths until its core's time is
used up. What it does not play is the wait for a unit's commit, some tens of milliseconds.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.capacity.arrivals import Floats, intensity, partition_shares
from bench.capacity.history import History
from bench.capacity.plan import Plan
from bench.capacity.quantities import Case

_HOUR_S = 3_600.0
_DAY_S = 86_400.0
_NOBODY = -1


@dataclass(frozen=True, slots=True)
class _Change:
    """At an instant, partitions change hands; all workers stand for the rebalance."""

    at_s: float
    owners: NDArray[np.int64]
    stands_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happened, for the history."""

    at_s: float
    name: str


def simulate(case: Case, plan: Plan) -> History:
    """
    Play *case* on the workers and partitions of *plan*.

    Returns:
        The history; equal arguments give equal histories.
    """
    play, costs = case.play, case.costs
    rng = np.random.default_rng(int(play.seed))
    shares = partition_shares(case.load, plan.partitions, rng)
    steps = max(1, round(play.days * _DAY_S / play.step_s))
    at_s = np.arange(steps, dtype=np.float64) * float(play.step_s)
    # Without a forwarded event's delay: it follows its cause within milliseconds.
    rates = plan.events_per_s * intensity(case.load, at_s)
    changes, faults = _changes(case, plan)
    away = _away(case)
    state_share = case.load.customers / plan.partitions
    site = _Site(case, plan, state_share / costs.recovery_records_per_s)
    arrived, served, lag, worst, used_s, busiest = np.zeros((6, steps))
    for step in range(steps):
        begin_s = at_s[step]
        while changes and changes[0].at_s < begin_s + play.step_s:
            site.change(changes.pop(0))
        arrivals = rng.poisson(rates[step] * play.step_s * shares).astype(np.float64)
        site.queues += arrivals
        arrived[step] = arrivals.sum()
        if not away[0] <= begin_s < away[1]:
            served[step], used_s[step], busiest[step] = site.serve(begin_s)
        lag[step], worst[step] = site.queues.sum(), site.queues.max()
    return History(
        step_s=play.step_s,
        workers=min(plan.workers, plan.partitions),
        arrived=arrived,
        served=served,
        used_s=used_s,
        lag=lag,
        worst_queue=worst,
        busiest=busiest,
        faults=tuple((fault.at_s, fault.name) for fault in faults),
    )


class _Site:
    """Queues, owners, and when each worker may work again."""

    def __init__(self, case: Case, plan: Plan, read_s: float) -> None:
        self.queues: Floats = np.zeros(plan.partitions)
        self._workers = plan.workers
        self._owners = np.arange(plan.partitions, dtype=np.int64) % plan.workers
        self._ready_s: Floats = np.zeros(plan.workers)
        self._read_s = read_s
        self._step_s = case.play.step_s
        self._cpu_s = plan.cpu_s_per_event
        self._slice_cpu_s = case.costs.cpu_us_per_slice / 1e6
        self._most_slices = self._step_s / case.costs.slice_interval_s
        self._idle = case.costs.idle_cpu

    def change(self, change: _Change) -> None:
        """
        Give partitions to other workers.

        A worker reads the states of all that it was given, and what a change before left unread;
        until then none of its partitions is worked on (`Lanes.open`).
        """
        moved = (change.owners != self._owners) & (change.owners != _NOBODY)
        self._owners = change.owners
        if change.stands_s == 0:
            return  # a death that nobody has noticed yet
        unread_s = np.maximum(self._ready_s - change.at_s, 0.0)
        taken = np.bincount(change.owners[moved], minlength=self._workers)
        self._ready_s = change.at_s + change.stands_s + unread_s + taken * self._read_s

    def serve(self, begin_s: float) -> tuple[float, float, float]:
        """
        Serve one step.

        Returns:
            Events served, CPU seconds of all workers, and the busiest one's share of its core.
        """
        open_s = np.clip(begin_s + self._step_s - self._ready_s, 0.0, self._step_s)
        owners = np.maximum(self._owners, 0)
        may_s = np.where(self._owners == _NOBODY, 0.0, open_s[owners])
        wanted = np.minimum(self.queues, may_s / self._cpu_s)
        asked_s = np.bincount(owners, wanted, self._workers) * self._cpu_s
        # In a backlog slices are long; what they cost then is in the cost of an event.
        has_s = open_s * (1.0 - self._idle)
        part = np.ones(self._workers)
        np.divide(has_s, asked_s, out=part, where=asked_s > has_s)
        served = wanted * part[owners]
        self.queues -= served
        # Slices grow until there is time for all that they hold.
        slices = np.minimum(served, self._most_slices)
        used_s = served * self._cpu_s + slices * self._slice_cpu_s
        by_worker = np.bincount(owners, used_s, self._workers) + self._idle * self._step_s
        by_worker = np.minimum(by_worker, self._step_s)
        return float(served.sum()), float(by_worker.sum()), float(by_worker.max()) / self._step_s


def _away(case: Case) -> tuple[float, float]:
    begin_s = case.play.outage_hour * _HOUR_S
    return begin_s, begin_s + case.play.outage_s


def _changes(case: Case, plan: Plan) -> tuple[list[_Change], list[Fault]]:
    """Return the changes of hands in order of time, and what caused them."""
    site = case.installation
    hands = _Hands(plan)
    changes: list[_Change] = []
    faults: list[Fault] = []
    for at_s, what, worker in sorted(_timeline(case, min(plan.workers, plan.partitions))):
        if what == _DIES:
            faults.append(Fault(at_s, f"worker {worker} dies"))
            changes.append(_Change(at_s, hands.die(worker), 0.0))
        elif what == _MISSED:
            changes.append(_Change(at_s, hands.assign(), site.rebalance_s))
        elif what == _BACK:
            changes.append(_Change(at_s, hands.come_back(worker), site.rebalance_s))
        elif what == _AWAY:
            faults.append(Fault(at_s, "the brokers are away"))
        else:
            changes.append(_Change(at_s, hands.assign(), site.rebalance_s))
    return changes, faults


_DIES, _MISSED, _BACK, _AWAY, _REJOIN = range(5)


def _timeline(case: Case, workers: int) -> list[tuple[float, int, int]]:
    """Return instant, what, and which worker, in any order."""
    play, site = case.play, case.installation
    end_s = play.days * _DAY_S
    found: list[tuple[float, int, int]] = []
    for number in range(int(play.worker_failures)):
        worker = number % workers
        died_s = end_s * (number + 0.5) / play.worker_failures
        back_s = died_s + play.restart_s + case.costs.start_s
        found += [(died_s, _DIES, worker), (back_s, _BACK, worker)]
        if died_s + site.session_timeout_s < back_s:
            found.append((died_s + site.session_timeout_s, _MISSED, worker))
    away_s, there_s = _away(case)
    if play.outage_s and away_s < end_s:
        found += [(away_s, _AWAY, 0), (there_s, _REJOIN, 0)]
    return found


class _Hands:
    """Who lives, and so who has which partitions; each goes home when its worker is back."""

    def __init__(self, plan: Plan) -> None:
        self._alive = set(range(min(plan.workers, plan.partitions)))
        self._home = np.arange(plan.partitions, dtype=np.int64) % plan.workers
        self._now = self._home

    def die(self, worker: int) -> NDArray[np.int64]:
        """Return the owners once *worker* is dead and nobody has missed it."""
        self._alive.discard(worker)
        self._now = np.where(self._now == worker, _NOBODY, self._now)
        return self._now

    def come_back(self, worker: int) -> NDArray[np.int64]:
        """Return the owners once *worker* has joined the group again."""
        self._alive.add(worker)
        return self.assign()

    def assign(self) -> NDArray[np.int64]:
        """Return the owners after a rebalance: at home, or spread over those who live."""
        alive = np.array(sorted(self._alive), dtype=np.int64)
        orphans = np.flatnonzero(~np.isin(self._home, alive))
        self._now = self._home.copy()
        self._now[orphans] = alive[np.arange(len(orphans)) % len(alive)] if len(alive) else _NOBODY
        return self._now
