"""Every number that the capacity model takes: name, unit, range, default and its source."""

from dataclasses import dataclass, field, fields
from math import inf, isfinite
from typing import Any

from ckm_stream.errors import ConfigurationError


def quantity(  # noqa: PLR0913 -- what there is to say of a number
    default: float, unit: str, says: str, *, low: float = 0.0, high: float = inf, source: str = ""
) -> Any:  # noqa: ANN401 -- as of dataclasses.field: the type of what it declares
    """
    Declare a number: its default, unit, meaning, range (both ends included) and source.

    Returns:
        A dataclass field.
    """
    return field(
        default=default,
        metadata={
            "unit": unit,
            "says": says,
            "low": low,
            "high": high,
            "source": source or "assumed",
        },
    )


class _Checked:
    """Refuses numbers out of range."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type] # the classes below are dataclasses
            value, low, high = getattr(self, each.name), each.metadata["low"], each.metadata["high"]
            if not isfinite(value) or not low <= value <= high:
                upper = f" and <= {high:g}" if high < inf else ""
                raise ConfigurationError(
                    f"{each.name} is {value:g}{each.metadata['unit'] and ' '}"
                    f"{each.metadata['unit']}; "
                    f"give a number >= {low:g}{upper}"
                )


_TINY = 1e-9


@dataclass(frozen=True, kw_only=True)
class Costs(_Checked):
    """What things cost, measured on one core."""

    cpu_us_per_event: float = quantity(
        16.4, "us", "CPU of a profile worker per event", low=_TINY, source="docs/performance.md"
    )
    updates_at_cost: float = quantity(
        0.1, "per event", "updates announced per event in that measurement"
    )
    cpu_us_per_update: float = quantity(10.0, "us", "CPU of announcing one score update")
    cpu_us_per_slice: float = quantity(
        300.0, "us", "CPU of taking and committing a slice: what one fetch brings of a partition"
    )
    slice_interval_s: float = quantity(
        0.01, "s", "between two slices of a partition, at least", low=1e-6
    )
    idle_cpu: float = quantity(0.02, "core", "CPU of a worker that has nothing to do", high=0.9)
    updates_per_event: float = quantity(0.36, "per event", "score updates announced", high=2)
    forwarded_per_event: float = quantity(
        0.39, "per touchpoint", "referrals and employee contacts that touchpoints cause"
    )
    items_per_event: float = quantity(0.5, "per event", "knowledge items")
    state_bytes: float = quantity(
        746, "B", "encoded state of a customer", low=1, source="docs/performance.md"
    )
    resident_bytes_per_customer: float = quantity(
        1_000, "B", "memory of a worker per customer: state, key, table", low=1
    )
    base_resident_bytes: float = quantity(
        162 * 2**20, "B", "memory of a worker without customers", source="docs/performance.md"
    )
    event_bytes: float = quantity(350, "B", "a touchpoint in its topic", low=1)
    changelog_bytes_per_event: float = quantity(600, "B", "changelog written per event")
    update_bytes: float = quantity(700, "B", "a score update in its topic")
    item_bytes: float = quantity(250, "B", "a knowledge item in its topic")
    recovery_records_per_s: float = quantity(
        141_691, "1/s", "states read back by one worker", low=_TINY, source="docs/performance.md"
    )
    start_s: float = quantity(
        3.0, "s", "start of a worker's program until it joins its group", source="bench.recovery"
    )
    snapshot_rows_per_s: float = quantity(
        50_000, "1/s", "rows that one snapshot worker writes into PostgreSQL", low=_TINY
    )


@dataclass(frozen=True, kw_only=True)
class Load(_Checked):
    """Who there is and what they do."""

    customers: float = quantity(35e6, "", "customers with a state", low=1, high=1e11)
    events_per_customer_day: float = quantity(
        1 / 7, "1/d", "touchpoints of a customer: one a week", source="docs/scaling.md"
    )
    peak_to_mean: float = quantity(
        2.0, "", "busiest hour over the day's mean; the day is a cosine", low=1, high=2
    )
    peak_hour: float = quantity(14.0, "h", "when that is", high=24)
    burst_factor: float = quantity(5.0, "", "a campaign or an outage of a product: times as many")
    burst_hour: float = quantity(14.0, "h", "when it begins")
    burst_s: float = quantity(900.0, "s", "how long it lasts")
    zipf_exponent: float = quantity(
        0.5, "", "the k-th busiest customer has k**-s times the first one's events", high=0.99
    )


@dataclass(frozen=True, kw_only=True)
class Installation(_Checked):
    """What it runs on; 0 workers, partitions or brokers: as many as recommended."""

    workers: float = quantity(0, "", "profile workers; 0: as recommended", high=10_000)
    partitions: float = quantity(0, "", "partitions of each topic; 0: as recommended", high=1_000)
    snapshot_workers: float = quantity(0, "", "snapshot workers; 0: as recommended", high=1_000)
    brokers: float = quantity(0, "", "Kafka brokers; 0: as recommended", high=10_000)
    replication: float = quantity(3, "", "copies of each partition", low=1, high=10)
    target_utilisation: float = quantity(
        0.7, "", "share of a worker's core used at the peak", low=0.01, high=0.99
    )
    worker_memory_bytes: float = quantity(16 * 2**30, "B", "memory of a worker", low=1)
    recovery_promise_s: float = quantity(
        60.0, "s", "from a worker's end until all its partitions work again", low=_TINY
    )
    rolling_restart_s: float = quantity(
        3_600.0, "s", "a release may take so long, worker by worker", low=_TINY
    )
    growth: float = quantity(4.0, "", "how many times as many workers partitions must allow", low=1)
    network_bytes_per_s: float = quantity(1.25e9, "B/s", "of a broker, each way: 10 Gbit/s", low=1)
    broker_partitions: float = quantity(
        4_000, "", "partition replicas that a broker holds", low=1, source="Kafka's guidance"
    )
    broker_disk_bytes: float = quantity(4e12, "B", "disk of a broker", low=1)
    broker_transactions_per_s: float = quantity(
        2_000, "1/s", "transactions that a broker coordinates", low=_TINY
    )
    database_rows_per_s: float = quantity(
        150_000, "1/s", "rows that the database takes from all its writers", low=_TINY
    )
    group_members: float = quantity(
        200, "", "workers in one consumer group; its leader assigns for all", low=1
    )
    retention_days: float = quantity(90, "d", "touchpoints are kept", source="schemas/topics")
    session_timeout_s: float = quantity(
        6.0, "s", "until a dead worker is missed", source="settings"
    )
    rebalance_s: float = quantity(3.0, "s", "all workers stand while partitions move")


@dataclass(frozen=True, kw_only=True)
class Play(_Checked):
    """What the simulation plays."""

    days: float = quantity(1.0, "d", "how long", low=0.001, high=60)
    step_s: float = quantity(1.0, "s", "step of time", low=0.01, high=600)
    seed: float = quantity(1, "", "chance", high=2**32)
    worker_failures: float = quantity(2, "", "workers that die, spread evenly", high=1_000)
    restart_s: float = quantity(30.0, "s", "from a death until the program is started again")
    outage_hour: float = quantity(20.0, "h", "when the brokers are away")
    outage_s: float = quantity(60.0, "s", "how long; 0: never")


@dataclass(frozen=True, kw_only=True)
class Case:
    """All of it together."""

    costs: Costs = field(default_factory=Costs)
    load: Load = field(default_factory=Load)
    installation: Installation = field(default_factory=Installation)
    play: Play = field(default_factory=Play)


#: The groups of a case, and the class of each.
GROUPS = {"costs": Costs, "load": Load, "installation": Installation, "play": Play}
