"""The board "resources": are the programs well, and what do they take."""

from typing import Final

from deploy.grafana.board import Board, Row, instances, jobs
from deploy.grafana.panels import (
    BYTES,
    CHOSEN,
    COUNT,
    PER_SECOND,
    PLAIN,
    SECONDS,
    SHARE,
    Query,
    lines,
    number,
    quantiles,
    rate,
    states,
)

_WELL: Final = Row(
    "Are they well",
    (
        number(
            "Programs that do not answer",
            "Targets that Prometheus cannot scrape: CkmStreamTargetDown.",
            COUNT,
            f"count(up{{{CHOSEN}}} == 0) or vector(0)",
            alarm_above=1,
        ),
        number(
            "Checks that fail",
            "Of /readyz, over all programs: CkmStreamNotReady.",
            COUNT,
            f"count(ckm_ready{{{CHOSEN}}} == 0) or vector(0)",
            alarm_above=1,
        ),
        number(
            "Releases that run",
            "More than 1 while programs are replaced one by one.",
            COUNT,
            f"count(count by (version) (ckm_build_info{{{CHOSEN}}}))",
        ),
        number(
            "Starts within 15 minutes",
            "Of the program that was started most often: CkmStreamRestarting fires above 3.",
            COUNT,
            f"max(changes(process_start_time_seconds{{{CHOSEN}}}[15m]))",
            alarm_above=4,
        ),
        number(
            "Fenced within an hour",
            "Programs that another owner of their partitions ended: CkmStreamFenced.",
            COUNT,
            f"sum(increase(ckm_fenced_total{{{CHOSEN}}}[1h]))",
            alarm_above=1,
        ),
        number(
            "Still to be read back",
            "Changelog records before the last worker is ready.",
            COUNT,
            f"sum(ckm_recovery_remaining_records{{{CHOSEN}}})",
        ),
        states(
            "Is it there",
            "Whether Prometheus gets an answer.",
            Query(f"up{{{CHOSEN}}}", "{{job}} {{instance}}"),
        ),
        states(
            "Is it ready",
            "Check by check, as /readyz tells.",
            Query(f"ckm_ready{{{CHOSEN}}}", "{{job}} {{instance}}: {{check}}"),
        ),
    ),
)

_PROCESSES: Final = Row(
    "Processes",
    (
        lines(
            "CPU",
            "Cores; a profile worker takes one, and a little more for its consumer thread.",
            PLAIN,
            Query(
                f"rate(process_cpu_seconds_total{{{CHOSEN}}}[$__rate_interval])",
                "{{job}} {{instance}}",
            ),
        ),
        lines(
            "Memory",
            "Resident; a profile worker holds the states of its partitions in it "
            "(docs/scaling.md has what a customer takes).",
            BYTES,
            Query(f"process_resident_memory_bytes{{{CHOSEN}}}", "{{job}} {{instance}}"),
        ),
        lines(
            "Open files and sockets",
            "Share of what the process may have.",
            SHARE,
            Query(
                f"process_open_fds{{{CHOSEN}}} / process_max_fds{{{CHOSEN}}}",
                "{{job}} {{instance}}",
            ),
        ),
        lines(
            "Running for",
            "Since the process was started.",
            SECONDS,
            Query(f"time() - process_start_time_seconds{{{CHOSEN}}}", "{{job}} {{instance}}"),
        ),
    ),
)

_PARTITIONS: Final = Row(
    "Partitions",
    (
        lines(
            "Partitions, by owner",
            "They add up to those of the topics that a group reads; 0 is a standby.",
            COUNT,
            Query(f"ckm_assigned_partitions{{{CHOSEN}}}", "{{job}} {{instance}}"),
            stacked=True,
        ),
        lines(
            "Fetched, and not committed yet",
            "Records in a worker's memory; partitions are paused where work is queued up.",
            COUNT,
            Query(f"ckm_buffered_events{{{CHOSEN}}}", "records of {{instance}}"),
            Query(f"ckm_paused_partitions{{{CHOSEN}}}", "paused partitions of {{instance}}"),
        ),
        lines(
            "Rebalances",
            "Assignments within 15 minutes, by program; CkmStreamRebalanceStorm fires above 12.",
            COUNT,
            Query(f"increase(ckm_rebalances_total{{{CHOSEN}}}[15m])", "{{job}} {{instance}}"),
        ),
        lines(
            "Time of a rebalance",
            "From losing the partitions to working on the new ones.",
            SECONDS,
            *quantiles("ckm_rebalance_duration_seconds", ["job"], 0.5, 0.95),
        ),
    ),
)

_RECOVERY: Final = Row(
    "Recovery",
    (
        lines(
            "Read back",
            "Changelog records, to rebuild the tables after an assignment.",
            PER_SECOND,
            Query(rate("ckm_recovery_records_total", "instance"), "{{instance}}"),
        ),
        lines(
            "Time of a recovery",
            "While it lasts the partitions stand still.",
            SECONDS,
            *quantiles("ckm_recovery_duration_seconds", [], 0.5, 0.95),
        ),
    ),
)

_STORE: Final = Row(
    "Store",
    (
        lines(
            "Time of a transaction",
            "Of the snapshot workers, by what it does.",
            SECONDS,
            *quantiles("ckm_db_transaction_duration_seconds", ["operation"], 0.5, 0.99),
        ),
        lines(
            "Transactions",
            "Of the snapshot workers, by what they do.",
            PER_SECOND,
            Query(rate("ckm_db_transaction_duration_seconds_count", "operation"), "{{operation}}"),
        ),
        lines(
            "The gateway's connections",
            "None idle for long is a pool that is used up: CkmStreamPoolExhausted.",
            COUNT,
            Query(f"ckm_db_pool_connections{{{CHOSEN}}}", "{{instance}}: {{state}}"),
            width=24,
        ),
    ),
)

RESOURCES: Final = Board(
    name="resources",
    title="ckm-stream: resources",
    says="Whether the programs are well, and what they take.",
    variables=(jobs, instances),
    rows=(_WELL, _PROCESSES, _PARTITIONS, _RECOVERY, _STORE),
)
