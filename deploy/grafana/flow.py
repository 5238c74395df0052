"""The board "flow": what comes in, what goes out, how fast, and what waits."""

from typing import Final

from deploy.grafana.board import Board, Row, instances, jobs, lag_metrics, topics
from deploy.grafana.panels import (
    CHOSEN,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Query,
    buckets,
    heat,
    lines,
    number,
    quantiles,
    rate,
)

_TOPIC: Final = 'topic=~"$topic"'
_READS: Final = 'method="GET", route=~"/v1/.+"'
_LATENCY: Final = "ckm_event_end_to_end_latency_seconds"
_PROCESSING: Final = "ckm_event_processing_duration_seconds"
_REQUESTS: Final = "ckm_http_request_duration_seconds"

_NOW: Final = Row(
    "Now",
    (
        number(
            "Events in",
            "Touchpoints and what they cause, worked off by the profile workers.",
            PER_SECOND,
            rate("ckm_events_consumed_total", where=_TOPIC),
        ),
        number(
            "Score updates out",
            "Announced changes of scores.",
            PER_SECOND,
            rate("ckm_score_updates_total"),
        ),
        number(
            "Lag, worst partition",
            "Age of what was committed last where records wait. CkmStreamLagGrowing looks at it.",
            SECONDS,
            f"max(ckm_consumer_lag_seconds{{{CHOSEN}, {_TOPIC}}})",
            alarm_above=120,
        ),
        number(
            "Set aside",
            "Share of the records that went to the dead letters. CkmStreamDeadLetterRatio looks "
            "at it, topic by topic.",
            SHARE,
            f"{rate('ckm_events_dead_lettered_total', where=_TOPIC)} / "
            f"{rate('ckm_events_consumed_total', where=_TOPIC)}",
            alarm_above=0.01,
        ),
        number(
            "Without a verdict",
            "Consumed records that were neither applied, skipped as repeated, nor set aside. "
            "Anything but 0 that stays is a defect: CkmStreamConservationBroken.",
            COUNT,
            f"max(abs(ckm_events_unaccounted{{{CHOSEN}, {_TOPIC}}}))",
            alarm_above=1,
        ),
        number(
            "Requests that fail",
            "Share of the gateway's requests with a status of 500 or above. "
            "CkmStreamGatewayErrors looks at it.",
            SHARE,
            "(" + rate("ckm_http_requests_total", where='status=~"5.."') + " or vector(0)) / "
            f"{rate('ckm_http_requests_total')}",
            alarm_above=0.05,
        ),
    ),
)

_THROUGH: Final = Row(
    "In and out",
    (
        lines(
            "Consumed, by topic",
            "Records whose verdict is committed.",
            PER_SECOND,
            Query(rate("ckm_events_consumed_total", "topic", where=_TOPIC), "{{topic}}"),
            stacked=True,
        ),
        lines(
            "Verdicts",
            "Applied, skipped as repeated, set aside. They add up to what was consumed.",
            PER_SECOND,
            Query(rate("ckm_events_applied_total", where=_TOPIC), "applied"),
            Query(rate("ckm_events_deduplicated_total", where=_TOPIC), "repeated"),
            Query(rate("ckm_events_dead_lettered_total", where=_TOPIC), "set aside"),
            stacked=True,
        ),
        lines(
            "Set aside, by topic and reason",
            "What each reason calls for is in the runbook CkmStreamDeadLetterRatio.",
            PER_SECOND,
            Query(
                rate("ckm_events_dead_lettered_total", "topic", "reason", where=_TOPIC),
                "{{topic}}: {{reason}}",
            ),
        ),
        lines(
            "Out",
            "Score updates on their topic, and rows written to the store, by table.",
            PER_SECOND,
            Query(rate("ckm_score_updates_total"), "score updates"),
            Query(rate("ckm_snapshot_rows_total", "table"), "rows of {{table}}"),
        ),
    ),
)

_LATENCIES: Final = Row(
    "Latency",
    (
        lines(
            "From the record to the commit",
            "Age of the newest record of a slice when its effects are committed: what a reader of "
            "the score updates waits for. A backlog shows here as its age.",
            SECONDS,
            *quantiles(_LATENCY, [], 0.5, 0.95, 0.99, where=_TOPIC),
        ),
        heat(
            "From the record to the commit, all of it",
            "Slices per second by their latency.",
            SECONDS,
            buckets(_LATENCY, where=_TOPIC),
        ),
        lines(
            "Working on a slice, by topic",
            "From receiving a slice of a partition to the commit of its unit, of which the "
            "broker's part is the most.",
            SECONDS,
            *quantiles(_PROCESSING, ["topic"], 0.5, 0.99, where=_TOPIC),
        ),
        lines(
            "Since the last commit, since the last rows",
            "Means something only where records wait: CkmStreamStalled and CkmStreamSnapshotStale "
            "ask for both.",
            SECONDS,
            Query(
                f"time() - (ckm_last_commit_timestamp_seconds{{{CHOSEN}}} > 0)",
                "commit of {{instance}}",
            ),
            Query(
                f"time() - (ckm_snapshot_timestamp_seconds{{{CHOSEN}}} > 0)",
                "rows of {{instance}}",
            ),
        ),
    ),
)

_WAITING: Final = Row(
    "What waits",
    (
        lines(
            "Lag in seconds, by group and topic",
            "The worst partition of each.",
            SECONDS,
            Query(
                f"max by (group, topic) (ckm_consumer_lag_seconds{{{CHOSEN}, {_TOPIC}}})",
                "{{group}}: {{topic}}",
            ),
        ),
        lines(
            "Lag in records, by group and topic",
            "All partitions together, as the workers tell it.",
            COUNT,
            Query(
                f"sum by (group, topic) (ckm_consumer_lag_events{{{CHOSEN}, {_TOPIC}}})",
                "{{group}}: {{topic}}",
            ),
        ),
        lines(
            "Lag in records, as others see it",
            "The same from an exporter beside the brokers, chosen above as `lag metric`: it sees "
            "the lag of workers that do not run. All groups that read a topic are added up.",
            COUNT,
            Query(f"sum by (topic) ($lag_metric{{{_TOPIC}}})", "{{topic}}"),
            width=24,
        ),
    ),
)

_GATEWAY: Final = Row(
    "Gateway",
    (
        lines(
            "Requests, by status",
            "4xx are callers' mistakes, 429 a caller's haste, 5xx ours.",
            PER_SECOND,
            Query(rate("ckm_http_requests_total", "status"), "{{status}}"),
            stacked=True,
        ),
        lines(
            "Requests, by route",
            "A route is a pattern and names nobody.",
            PER_SECOND,
            Query(rate("ckm_http_requests_total", "method", "route"), "{{method}} {{route}}"),
        ),
        lines(
            "Time of reads, by route",
            "The 99th percentile; CkmStreamGatewaySlow looks at all routes together.",
            SECONDS,
            *quantiles(_REQUESTS, ["route"], 0.99, where=_READS),
        ),
        lines(
            "Time of publishing",
            "From the headers to the answer, which comes when all replicas have the events.",
            SECONDS,
            *quantiles(_REQUESTS, [], 0.5, 0.99, where='route="/v1/events"'),
        ),
        lines(
            "Published events, by what became of them",
            "Refused: wrong, told in the answer. Unacknowledged: the brokers did not answer in "
            "time, CkmStreamIngestUnacknowledged.",
            PER_SECOND,
            Query(rate("ckm_http_events_total", "outcome"), "{{outcome}}"),
            stacked=True,
        ),
        lines(
            "Refused as too many",
            "Requests that their token may not make so fast: CkmStreamRateLimited.",
            PER_SECOND,
            Query(rate("ckm_http_rate_limited_total", "instance"), "{{instance}}"),
        ),
        lines(
            "Open requests and streams",
            "Streams of score updates are open requests too.",
            COUNT,
            Query(f"sum(ckm_http_requests_in_progress{{{CHOSEN}}})", "requests"),
            Query(f"sum(ckm_http_streams{{{CHOSEN}}})", "streams"),
            width=24,
        ),
    ),
)

FLOW: Final = Board(
    name="flow",
    title="ckm-stream: flow",
    says="What comes in and goes out, how fast, and what waits.",
    variables=(jobs, instances, topics, lag_metrics),
    rows=(_NOW, _THROUGH, _LATENCIES, _WAITING, _GATEWAY),
)
