"""From committed units to metrics: nothing is counted that was not made durable."""

import time
from collections.abc import Iterable, Mapping
from functools import cache

from prometheus_client import Counter, Histogram

from ckm_stream.codec.topics import Source, Topics
from ckm_stream.errors import Reason
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.pipeline.records import Effects, Slice


class MetricsObserver:
    """Feeds ``WorkerMetrics`` once per committed unit, and keeps what the lag is computed from."""

    def __init__(self, metrics: WorkerMetrics, topics: Topics) -> None:
        self._metrics = metrics
        self._topic_of = {source: topic for topic, source in topics.sources.items()}
        #: After the last slice handed to a lane, and after the last one committed.
        self.delivered: dict[tuple[str, int], int] = {}
        self.committed: dict[tuple[str, int], int] = {}
        self._last_timestamps: dict[tuple[str, int], float] = {}
        self._verdicts: dict[Source, tuple[Counter, Counter, Counter]] = {}
        self._declare_verdicts()

        @cache
        def durations_of(topic: str) -> tuple[Histogram, Histogram]:
            return (
                metrics.event_processing_duration.labels(topic),
                metrics.event_end_to_end_latency.labels(topic),
            )

        self._durations_of = durations_of

    def on_committed(self, effects: Effects, *, parts: list[Slice], seconds: float) -> None:
        """Count one unit; *seconds* is the time from its first slice to its commit."""
        metrics, tally, now = self._metrics, effects.tally, time.time()
        for source, count in tally.consumed.items():
            consumed, applied, deduplicated = self._verdicts[source]
            consumed.inc(count)
            applied.inc(tally.applied[source])
            deduplicated.inc(tally.duplicates[source] + tally.redelivered[source])
        for (source, reason), count in tally.dead_lettered.items():
            metrics.events_dead_lettered.labels(self._topic_of[source], reason.value).inc(count)
        metrics.score_updates.inc(len(effects.updates))
        metrics.last_commit_timestamp.set(now)
        for part in parts:
            processing, end_to_end = self._durations_of(part.topic)
            processing.observe(seconds)
            newest = part.records[-1].timestamp / 1000
            end_to_end.observe(max(0.0, now - newest))
            self.committed[part.topic, part.partition] = part.next_offset
            self._last_timestamps[part.topic, part.partition] = newest

    def forget(self) -> None:
        """Drop what belongs to partitions of an earlier assignment."""
        self.delivered.clear()
        self.committed.clear()
        self._last_timestamps.clear()
        self._metrics.forget_lag()

    def _declare_verdicts(self) -> None:
        """Export every verdict as 0: Prometheus sees no growth in what appears with a number."""
        metrics = self._metrics
        for source, topic in self._topic_of.items():
            # Kept: looking one up by its labels takes as long as counting.
            self._verdicts[source] = (
                metrics.events_consumed.labels(topic),
                metrics.events_applied.labels(topic, source.name.lower()),
                metrics.events_deduplicated.labels(topic),
            )
            for reason in Reason:
                metrics.events_dead_lettered.labels(topic, reason.value)

    def start_at(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Take *positions* as delivered and committed: work starts there."""
        self.delivered.update(positions)
        self.committed.update(positions)

    def report_lag(self, group: str, unread: Iterable[tuple[str, int, int]]) -> None:
        """
        Set the lag of each (topic, partition, offsets not fetched yet): events, seconds behind.

        Counted in two parts, because a transaction's end takes an offset too and is never
        delivered: up to the fetch position by offsets, from there to the commit by deliveries.
        """
        now = time.time()
        for topic, partition, ahead in unread:
            tp = (topic, partition)
            delivered = self.delivered.get(tp, 0)
            behind = ahead + max(0, delivered - self.committed.get(tp, delivered))
            last = self._last_timestamps.get(tp, now)
            labels = (group, topic, str(partition))
            self._metrics.consumer_lag_events.labels(*labels).set(behind)
            self._metrics.consumer_lag_seconds.labels(*labels).set(
                max(0.0, now - last) if behind else 0.0
            )


def sources_of(topics: Topics, *, employee: bool) -> list[str]:
    """Return the physical source topics of the employee agent or of the profile agent."""
    return [
        topic for topic, source in topics.sources.items() if (source is Source.EMPLOYEE) is employee
    ]
