"""The board "knowledge and scores": what the customers' events amount to."""

from typing import Final

from deploy.grafana.board import Board, Row, instances, jobs
from deploy.grafana.panels import (
    BYTES,
    CHOSEN,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Query,
    lines,
    note,
    number,
    quantiles,
    rate,
)

_ITEMS: Final = 'table="items"'
_TEXTS: Final = "ckm_texts_read_total"

_NOW: Final = Row(
    "Now",
    (
        number(
            "Customers",
            "With a profile, over all workers; nobody is counted twice, for each customer is in "
            "one partition.",
            COUNT,
            f"sum(ckm_table_customers{{{CHOSEN}}})",
        ),
        number(
            "Epoch",
            "By which scores are measured; 0 is guesses (docs/concepts.md).",
            COUNT,
            f"max(ckm_epoch_newest{{{CHOSEN}}})",
        ),
        number(
            "Workers of another epoch",
            "Should be 0 but for the half minute after an announcement.",
            COUNT,
            f"max(ckm_epoch_newest{{{CHOSEN}}}) - min(ckm_epoch_newest{{{CHOSEN}}})",
            alarm_above=1,
        ),
        number(
            "Score updates per event",
            "How many events change a score enough to be announced.",
            SHARE,
            f"{rate('ckm_score_updates_total')} / {rate('ckm_events_applied_total')}",
        ),
        number(
            "Knowledge items",
            "Written to the store: about, for and from customers.",
            PER_SECOND,
            rate("ckm_snapshot_rows_total", where=_ITEMS),
        ),
        number(
            "Texts that say something",
            "Share of the texts in which a sentiment or a topic was found.",
            SHARE,
            f"{rate('ckm_texts_sent_total')} / {rate(_TEXTS)}",
        ),
    ),
)

_KNOWLEDGE: Final = Row(
    "Knowledge",
    (
        lines(
            "Events applied, by type",
            "Calls, tickets, purchases and feedback, and what they cause: referrals, contacts of "
            "employees, readings of texts.",
            PER_SECOND,
            Query(rate("ckm_events_applied_total", "event_type"), "{{event_type}}"),
            stacked=True,
        ),
        lines(
            "Written to the store, by table",
            "Profiles, scores, knowledge items and employees.",
            PER_SECOND,
            Query(rate("ckm_snapshot_rows_total", "table"), "{{table}}"),
        ),
        lines(
            "Customers, by worker",
            "A worker's share follows its partitions.",
            COUNT,
            Query(f"ckm_table_customers{{{CHOSEN}}}", "{{instance}}"),
            stacked=True,
        ),
        lines(
            "Memory per customer",
            "All of a worker's memory, divided; it falls towards what a state takes as customers "
            "come.",
            BYTES,
            Query(
                f"process_resident_memory_bytes{{{CHOSEN}}} "
                f"/ on (job, instance) (ckm_table_customers{{{CHOSEN}}} > 0)",
                "{{instance}}",
            ),
        ),
    ),
)

_SCORES: Final = Row(
    "Scores",
    (
        lines(
            "Score updates",
            "Announced, by worker.",
            PER_SECOND,
            Query(rate("ckm_score_updates_total", "instance"), "{{instance}}"),
            stacked=True,
        ),
        lines(
            "Age of what a score knows",
            "From an event's record to the commit of the score that knows of it.",
            SECONDS,
            *quantiles("ckm_event_end_to_end_latency_seconds", [], 0.5, 0.95, 0.99),
        ),
        lines(
            "Epoch in force, by worker",
            "They agree, but for the time in which workers look for new epochs "
            "(CKM__EPOCH__REFRESH_S).",
            COUNT,
            Query(f"ckm_epoch_newest{{{CHOSEN}}}", "{{instance}}"),
        ),
        lines(
            "Customers, by class",
            "With a score in the store, as the gateways count them twice a minute.",
            COUNT,
            Query(
                f"max by (source_class) (ckm_customers{{{CHOSEN}}})",
                "{{source_class}}",
            ),
            stacked=True,
        ),
        note(
            "Who they are",
            "Who the key sources are and why is in the store, not in Prometheus: a metric never "
            "names a customer. See the console of the gateway (`/console/`), or `ckm top`, "
            "`ckm show` and `ckm explain`.",
            width=24,
        ),
    ),
)

_WORDS: Final = Row(
    "Words",
    (
        lines(
            "Texts read, and sent on",
            "Sent on to the profile workers is what has a sentiment or a topic.",
            PER_SECOND,
            Query(rate(_TEXTS), "read"),
            Query(rate("ckm_texts_sent_total"), "sent on"),
        ),
        lines(
            "Time to read a text",
            "Decoding, reading and encoding, on average.",
            SECONDS,
            Query(f"{rate('ckm_text_reading_seconds_total')} / {rate(_TEXTS)}", "mean"),
        ),
        lines(
            "Items that cannot be read",
            "Records of the items' topic that are none, by reason; they stay where they are.",
            PER_SECOND,
            Query(rate("ckm_items_rejected_total", "reason"), "{{reason}}"),
            width=24,
        ),
    ),
)

KNOWLEDGE: Final = Board(
    name="knowledge",
    title="ckm-stream: knowledge and scores",
    says="What the customers' events amount to: profiles, knowledge items, scores and texts.",
    variables=(jobs, instances),
    rows=(_NOW, _KNOWLEDGE, _SCORES, _WORDS),
)
