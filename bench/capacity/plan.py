"""Sizes an installation: rates, bytes and seconds that follow from a case, without chance."""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from bench.capacity.quantities import Case, Costs

_DAY_S = 86_400.0
_MOST_PARTITIONS = 1_000  # as many as CKM__KAFKA__PARTITIONS takes
_LEAST_PARTITIONS = 12
#: Topics with as many partitions as the sources: all in `schemas/topics` but that of the epochs.
PARTITIONED_TOPICS = 12
#: A compacted topic keeps up to so many times its newest records: min.cleanable.dirty.ratio is 0.5.
_DIRTY = 2.0
_UPDATES_KEPT_DAYS = 7.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """
    What a case comes to. Rates are per second; "peak" is the busiest second, burst included.

    Attributes:
        needed: Workers that each reason asks for, by reason.
        cpu_s_per_event: CPU seconds of a worker per event, announcements included, slices not.
        utilisation: Of a worker's core at the peak, slices and idle work included.
        events_per_s: All events that workers fold, mean; *peak_events_per_s* at the peak.
        memory_bytes: Of one worker, while another one is away and its customers are shared out.
        recovery_s: From a worker's death until its successor has read its states back, alone.
        move_s: The same, when the other workers take its partitions over.
        in_bytes_per_s: What one broker takes at the peak, copies included.
        out_bytes_per_s: What one broker gives at the peak, copies included.
        disk_bytes: What one broker holds.
        rows_per_s: What snapshot workers write at the peak.
        transactions_per_s: Of all partitions at the peak, of one broker.
        replicas: Partition replicas of one broker.
        rolling_s: A restart of all workers, one by one.
    """

    workers: int
    partitions: int
    brokers: int
    snapshot_workers: int
    needed: dict[str, int]
    cpu_s_per_event: float
    events_per_s: float
    peak_events_per_s: float
    utilisation: float
    memory_bytes: float
    recovery_s: float
    move_s: float
    changelog_bytes_per_s: float
    in_bytes_per_s: float
    out_bytes_per_s: float
    disk_bytes: float
    rows_per_s: float
    transactions_per_s: float
    replicas: float
    rolling_s: float


def cpu_seconds_per_event(costs: Costs) -> float:
    """Return CPU seconds per event at the case's rate of announcements, > 0."""
    extra = (costs.updates_per_event - costs.updates_at_cost) * costs.cpu_us_per_update
    # A case with fewer announcements than were measured saves no more than they cost then.
    return max(costs.cpu_us_per_event + extra, 0.1 * costs.cpu_us_per_event) / 1e6


def mean_events_per_s(case: Case) -> float:
    """Return all events that are folded, forwarded ones included, per second on average."""
    touchpoints = case.load.customers * case.load.events_per_customer_day / _DAY_S
    return touchpoints * (1.0 + case.costs.forwarded_per_event)


def workers_needed(case: Case, peak_events_per_s: float) -> dict[str, int]:
    """Return how many workers each reason asks for, >= 1."""
    costs, site = case.costs, case.installation
    # With many events a slice is long, so slices cost little; they are in `utilisation`.
    cpu = peak_events_per_s * cpu_seconds_per_event(costs) / site.target_utilisation
    room = max(site.worker_memory_bytes - costs.base_resident_bytes, 1.0)
    memory = case.load.customers * costs.resident_bytes_per_customer / room
    # What is left of the promise once the death is noticed and the program runs again.
    left_s = site.recovery_promise_s - site.session_timeout_s - site.rebalance_s - costs.start_s
    recovery = case.load.customers / (costs.recovery_records_per_s * max(left_s, 1e-3))
    return {
        "CPU at the peak": max(1, ceil(cpu)),
        "memory, one away": ceil(memory) + 1,
        "recovery": max(1, ceil(recovery)),
    }


def partitions_for(workers: int, growth: float) -> int:
    """Return partitions for *growth* times as many workers: 12, doubled until they suffice."""
    partitions = _LEAST_PARTITIONS
    while partitions < workers * growth and partitions < _MOST_PARTITIONS:
        partitions = min(2 * partitions, _MOST_PARTITIONS)
    return partitions


def used_core(costs: Costs, events_per_s: float, partitions: float) -> float:
    """
    Return the share of a core that a worker uses, which may be above 1.

    Args:
        costs: What things cost.
        events_per_s: Events of this worker, >= 0.
        partitions: Partitions that they are spread over, > 0.
    """
    slices = min(events_per_s, partitions / costs.slice_interval_s)
    cpu_s = events_per_s * cpu_seconds_per_event(costs) + slices * costs.cpu_us_per_slice / 1e6
    return costs.idle_cpu + cpu_s


def plan(case: Case) -> Plan:
    """Size the installation of *case*; given numbers of workers, partitions and brokers stay."""
    costs, load, site = case.costs, case.load, case.installation
    mean = mean_events_per_s(case)
    peak = mean * load.peak_to_mean * max(load.burst_factor, 1.0)
    needed = workers_needed(case, peak)
    workers = int(site.workers) or max(needed.values())
    partitions = int(site.partitions) or partitions_for(workers, site.growth)
    traffic = _traffic(case, peak, partitions)
    brokers = int(site.brokers) or _brokers_for(case, traffic, _disk_bytes(case, mean))
    rows = peak * (1.0 + costs.updates_per_event + costs.items_per_event)
    busy = min(workers, partitions)
    own = load.customers / busy
    restart_s = site.session_timeout_s + site.rebalance_s
    read_s = own / costs.recovery_records_per_s
    return Plan(
        workers=workers,
        partitions=partitions,
        brokers=brokers,
        snapshot_workers=int(site.snapshot_workers) or ceil(rows / costs.snapshot_rows_per_s),
        needed=needed,
        cpu_s_per_event=cpu_seconds_per_event(costs),
        events_per_s=mean,
        peak_events_per_s=peak,
        utilisation=used_core(costs, peak / busy, partitions / busy),
        memory_bytes=costs.base_resident_bytes
        + load.customers / max(busy - 1, 1) * costs.resident_bytes_per_customer,
        recovery_s=restart_s + costs.start_s + read_s,
        move_s=restart_s + read_s / max(busy - 1, 1) + (costs.start_s if busy == 1 else 0.0),
        changelog_bytes_per_s=peak * costs.changelog_bytes_per_event,
        in_bytes_per_s=traffic.into / brokers,
        out_bytes_per_s=traffic.out / brokers,
        disk_bytes=_disk_bytes(case, mean) / brokers,
        rows_per_s=rows,
        transactions_per_s=traffic.transactions / brokers,
        replicas=traffic.replicas / brokers,
        rolling_s=workers * (site.rebalance_s + costs.start_s + read_s),
    )


class _Traffic(NamedTuple):
    """Of all brokers at the peak: bytes and transactions per second, and partition replicas."""

    into: float
    out: float
    transactions: float
    replicas: float


def _traffic(case: Case, peak: float, partitions: int) -> _Traffic:
    costs, site = case.costs, case.installation
    outputs = (
        costs.updates_per_event * costs.update_bytes + costs.items_per_event * costs.item_bytes
    )
    written = peak * (costs.event_bytes + costs.changelog_bytes_per_event + outputs)
    return _Traffic(
        into=written * site.replication,
        # Followers fetch copies; workers fetch the events, snapshot workers all the rest.
        out=written * (site.replication - 1) + written,
        # A transaction has a slice at least, and none is without an event.
        transactions=min(peak, partitions / costs.slice_interval_s),
        replicas=partitions * PARTITIONED_TOPICS * site.replication,
    )


def _brokers_for(case: Case, traffic: _Traffic, disk_bytes: float) -> int:
    """Return as many brokers as keep each within its limits at the same margin as workers."""
    site = case.installation
    needed = max(
        traffic.into / site.network_bytes_per_s,
        traffic.out / site.network_bytes_per_s,
        traffic.transactions / site.broker_transactions_per_s,
        traffic.replicas / site.broker_partitions,
        disk_bytes / site.broker_disk_bytes,
    )
    return max(int(site.replication), ceil(needed / site.target_utilisation))


def _disk_bytes(case: Case, mean: float) -> float:
    """Return what all topics hold, copies included; knowledge items of one year."""
    costs, load = case.costs, case.load
    events = mean * _DAY_S * case.installation.retention_days * costs.event_bytes
    states = load.customers * costs.state_bytes * _DIRTY
    recent = mean * _DAY_S * _UPDATES_KEPT_DAYS * costs.updates_per_event
    updates = (load.customers * _DIRTY + recent) * costs.update_bytes
    items = mean * _DAY_S * 365.0 * costs.items_per_event * costs.item_bytes
    return (events + states + updates + items) * case.installation.replication
