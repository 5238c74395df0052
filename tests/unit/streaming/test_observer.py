"""From committed units to metrics."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from ckm_stream.codec.topics import Source
from ckm_stream.errors import Reason
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.pipeline.records import Effects, OutputRecord
from ckm_stream.streaming.observer import MetricsObserver, sources_of
from tests.support.clock import Clock
from tests.support.touchpoints import call, contact
from tests.support.units import PARTITION, TOPICS, record, slice_from, slice_of

NOW_S = 1_700_000_000.0
CALLS = (TOPICS.call, PARTITION)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> CollectorRegistry:
    """Give an empty registry, and stop the clock."""
    monkeypatch.setattr("ckm_stream.streaming.observer.time", Clock(NOW_S))
    return CollectorRegistry()


@pytest.fixture
def observer(registry: CollectorRegistry) -> MetricsObserver:
    """Give an observer over the registry."""
    return MetricsObserver(WorkerMetrics(registry), TOPICS)


def sample(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """Return one sample of the registry."""
    return registry.get_sample_value(name, labels)


def effects_of(source: Source = Source.CALL) -> Effects:
    """Return effects whose tally has one of every verdict, and ten events applied."""
    effects = Effects(PARTITION)
    tally = effects.tally
    tally.consumed[source] = 16
    tally.applied[source] = 10
    tally.duplicates[source] = 1
    tally.redelivered[source] = 2
    tally.dead_lettered[source, Reason.NEGATIVE] = 3
    effects.updates = [OutputRecord("scores", PARTITION, b"c", b"v")] * 4
    return effects


def test_each_verdict_is_counted_by_topic(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """The conservation law holds in what is exported."""
    observer.on_committed(effects_of(), parts=[slice_from(0, call())], seconds=0.05)

    topic = TOPICS.call
    assert sample(registry, "ckm_events_consumed_total", topic=topic) == 16
    assert sample(registry, "ckm_events_applied_total", topic=topic, event_type="call") == 10
    assert sample(registry, "ckm_events_deduplicated_total", topic=topic) == 3
    dead = sample(registry, "ckm_events_dead_lettered_total", topic=topic, reason="negative")
    assert dead == 3
    assert sample(registry, "ckm_events_unaccounted", topic=topic) == 0
    assert sample(registry, "ckm_score_updates_total") == 4
    assert sample(registry, "ckm_last_commit_timestamp_seconds") == NOW_S


def lag(registry: CollectorRegistry) -> tuple[float | None, float | None]:
    """Return the lag of the calls, in events and in seconds."""
    labels = {"group": "g", "topic": TOPICS.call, "partition": str(PARTITION)}
    return (
        sample(registry, "ckm_consumer_lag_events", **labels),
        sample(registry, "ckm_consumer_lag_seconds", **labels),
    )


def test_what_is_fetched_but_not_committed_is_behind(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """Unread offsets, and records that wait in a lane."""
    observer.start_at({CALLS: 5})
    observer.delivered[CALLS] = 8

    observer.report_lag("g", [(*CALLS, 40)])

    assert lag(registry) == (43, 0.0)


def test_a_backlog_is_as_old_as_the_last_commit(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """Seconds since the newest committed record was written; 0 once caught up."""
    old = replace(record(5, call()), timestamp=int(NOW_S * 1000) - 90_000)
    observer.on_committed(effects_of(), parts=[slice_of([old], Source.CALL)], seconds=0.05)

    observer.report_lag("g", [(*CALLS, 2)])
    lags = [lag(registry)]
    observer.report_lag("g", [(*CALLS, 0)])
    lags.append(lag(registry))

    assert lags == [(2, 90.0), (0, 0.0)]


def test_a_partition_that_nothing_came_from_has_no_lag_of_its_own(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """What is unread is all there is to tell."""
    observer.report_lag("g", [(*CALLS, 7)])

    assert lag(registry) == (7, 0.0)


def test_an_earlier_assignment_is_forgotten(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """Its positions would make a lag of what another worker has done since."""
    observer.start_at({CALLS: 5})
    observer.delivered[CALLS] = 80

    observer.forget()
    observer.report_lag("g", [(*CALLS, 0)])

    assert lag(registry) == (0, 0.0)


def test_a_partition_that_has_gone_has_no_lag(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """Nobody here would ever bring it down again, and an alert would wait for that."""
    observer.report_lag("g", [(*CALLS, 7)])

    observer.forget()

    assert lag(registry) == (None, None)


def test_every_verdict_is_there_before_the_first_one_falls(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """A counter that appears with its first hundred has grown by none, as Prometheus sees it."""
    topic = TOPICS.call
    verdicts = [
        sample(registry, "ckm_events_consumed_total", topic=topic),
        sample(registry, "ckm_events_applied_total", topic=topic, event_type="call"),
        sample(registry, "ckm_events_deduplicated_total", topic=topic),
        *(
            sample(registry, "ckm_events_dead_lettered_total", topic=topic, reason=reason.value)
            for reason in Reason
        ),
    ]

    assert set(verdicts) == {0.0}


def test_an_employees_contacts_are_counted_under_their_topic(
    registry: CollectorRegistry, observer: MetricsObserver
) -> None:
    """They are events too."""
    observer.on_committed(
        effects_of(Source.EMPLOYEE), parts=[slice_from(0, contact())], seconds=0.05
    )

    assert sample(registry, "ckm_events_consumed_total", topic=TOPICS.employee) == 16


def test_the_two_agents_share_out_the_sources() -> None:
    """Five topics make profiles, one makes employees."""
    profiles = sources_of(TOPICS, employee=False)
    employees = sources_of(TOPICS, employee=True)

    assert employees == [TOPICS.employee]
    assert sorted(profiles + employees) == sorted(TOPICS.sources)
