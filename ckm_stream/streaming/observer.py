"""From committed units to metrics: nothing is counted that was not made durable."""

import time
from collections.abc import Iterable

from ckm_stream.codec.topics import Source, Topics
from ckm_stream.operations.metrics import WorkerMetrics
from ckm_stream.pipeline.records import Effects, Slice


class MetricsObserver:
    """Feeds ``WorkerMetrics`` once per committed unit, and keeps what the lag is computed from."""

    def __init__(self, metrics: WorkerMetrics, topics: Topics) -> None:
        self._metrics = metrics
        self._topic_of = {source: topic for topic, source in topics.sources.items()}
        self.next_offsets: dict[tuple[str, int], int] = {}
        self.last_timestamps: dict[tuple[str, int], float] = {}

    def on_committed(self, effects: Effects, *, parts: list[Slice], seconds: float) -> None:
        """Count one unit; *seconds* is the time from its first slice to its commit."""
        metrics, tally, now = self._metrics, effects.tally, time.time()
        for source, count in tally.consumed.items():
            topic = self._topic_of[source]
            metrics.events_consumed.labels(topic).inc(count)
            metrics.events_applied.labels(topic, source.name.lower()).inc(tally.applied[source])
            metrics.events_deduplicated.labels(topic).inc(
                tally.duplicates[source] + tally.redelivered[source]
            )
        for (source, reason), count in tally.dead_lettered.items():
            metrics.events_dead_lettered.labels(self._topic_of[source], reason.value).inc(count)
        metrics.score_updates.inc(len(effects.updates))
        metrics.last_commit_timestamp.set(now)
        for part in parts:
            metrics.event_processing_duration.labels(part.topic).observe(seconds)
            newest = part.records[-1].timestamp / 1000
            metrics.event_end_to_end_latency.labels(part.topic).observe(max(0.0, now - newest))
            self.next_offsets[part.topic, part.partition] = part.next_offset
            self.last_timestamps[part.topic, part.partition] = newest

    def forget(self) -> None:
        """Drop what belongs to partitions of an earlier assignment."""
        self.next_offsets.clear()
        self.last_timestamps.clear()

    def report_lag(self, group: str, ends: Iterable[tuple[str, int, int]]) -> None:
        """Set the lag of each (topic, partition, end offset): events, and seconds behind."""
        now = time.time()
        for topic, partition, end in ends:
            behind = max(0, end - self.next_offsets.get((topic, partition), end))
            last = self.last_timestamps.get((topic, partition), now)
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
