"""What breaks first: each limit of an installation, how much of it is used, and the remedy."""

from typing import NamedTuple

from bench.capacity.plan import Plan, used_core
from bench.capacity.quantities import Case


class Limit(NamedTuple):
    """
    One limit.

    Attributes:
        name: What is limited.
        used: How much is used, in *unit*.
        allowed: How much may be, > 0.
        unit: Of both.
        remedy: What to do before *used* reaches *allowed*.
    """

    name: str
    used: float
    allowed: float
    unit: str
    remedy: str

    @property
    def share(self) -> float:
        """Used of allowed; above 1 the limit is broken."""
        return self.used / self.allowed


def limits(case: Case, plan: Plan, *, hottest_share: float) -> list[Limit]:
    """
    Return all limits, the nearest first.

    Args:
        case: What was asked.
        plan: What it comes to.
        hottest_share: Of all events, those of the busiest partition; 1/partitions or more.
    """
    site = case.installation
    hottest = used_core(case.costs, plan.peak_events_per_s * hottest_share, 1)
    more_workers = "add workers, as many as there are partitions"
    more_brokers = "add brokers and move partitions to them"
    found = [
        Limit("CPU of a worker", plan.utilisation, site.target_utilisation, "core", more_workers),
        Limit(
            "CPU of the hottest partition",
            hottest,
            site.target_utilisation,
            "core",
            "one partition has one worker: more partitions, which needs new topics and a replay",
        ),
        Limit(
            "memory of a worker, one away",
            plan.memory_bytes / 2**30,
            site.worker_memory_bytes / 2**30,
            "GiB",
            "add workers or memory: all states of a worker's partitions are in memory",
        ),
        Limit(
            "recovery of a worker",
            plan.recovery_s,
            site.recovery_promise_s,
            "s",
            "add workers: each then has fewer states to read back",
        ),
        Limit(
            "restart of all workers, one by one",
            plan.rolling_s,
            site.rolling_restart_s,
            "s",
            "restart several at a time, in groups that the promise allows",
        ),
        Limit(
            "workers, of one partition each",
            plan.workers,
            plan.partitions,
            "",
            "partitions cannot be changed in place: new topics and a replay",
        ),
        Limit(
            "members of the consumer group",
            plan.workers,
            site.group_members,
            "",
            "fewer and larger workers, or split the customers over two installations by prefix",
        ),
        Limit(
            "partition replicas of a broker",
            plan.replicas,
            site.broker_partitions,
            "",
            more_brokers,
        ),
        Limit(
            "transactions of a broker",
            plan.transactions_per_s,
            site.broker_transactions_per_s,
            "1/s",
            more_brokers,
        ),
        Limit(
            "network into a broker",
            plan.in_bytes_per_s / 1e6,
            site.network_bytes_per_s / 1e6,
            "MB/s",
            more_brokers,
        ),
        Limit(
            "network out of a broker",
            plan.out_bytes_per_s / 1e6,
            site.network_bytes_per_s / 1e6,
            "MB/s",
            more_brokers,
        ),
        Limit(
            "disk of a broker",
            plan.disk_bytes / 1e9,
            site.broker_disk_bytes / 1e9,
            "GB",
            "shorter retention of touchpoints, or " + more_brokers,
        ),
        Limit(
            "rows of the snapshot workers",
            plan.rows_per_s,
            plan.snapshot_workers * case.costs.snapshot_rows_per_s,
            "1/s",
            "add snapshot workers; until then snapshots are late, scores are not",
        ),
        Limit(
            "rows into the database",
            plan.rows_per_s,
            site.database_rows_per_s,
            "1/s",
            "a faster database, or one for each part of the partitions",
        ),
    ]
    return sorted(found, key=lambda limit: limit.share, reverse=True)
