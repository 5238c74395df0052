"""How far the demo's service has come: the worker's own metrics, and the store."""

import urllib.error
import urllib.request

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, func, select

from ckm_stream.snapshots.tables import EMPLOYEE, KNOWLEDGE_ITEM, PROFILE, SCORE

_SCRAPE_TIMEOUT_S = 5.0


class Flow(msgspec.Struct, frozen=True):
    """Counts of the profile worker: records and score updates."""

    consumed: int
    applied: int
    deduplicated: int
    dead_lettered: int
    updates: int
    resident_bytes: int


class Stored(msgspec.Struct, frozen=True):
    """Counts of the store: events in the newest states, score rows, knowledge items."""

    events: int
    scores: int
    items: int


def flow(url: str) -> Flow | None:
    """Scrape the profile worker; None while it does not answer yet."""
    try:
        with urllib.request.urlopen(url, timeout=_SCRAPE_TIMEOUT_S) as response:  # noqa: S310 -- the demo's own worker
            text = response.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return Flow(
        consumed=int(sums.get("ckm_events_consumed_total", 0)),
        applied=int(sums.get("ckm_events_applied_total", 0)),
        deduplicated=int(sums.get("ckm_events_deduplicated_total", 0)),
        dead_lettered=int(sums.get("ckm_events_dead_lettered_total", 0)),
        updates=int(sums.get("ckm_score_updates_total", 0)),
        resident_bytes=int(sums.get("process_resident_memory_bytes", 0)),
    )


def stored(engine: Engine) -> Stored:
    """Count what the store holds."""
    with engine.connect() as connection:

        def number(query: object) -> int:
            return int(connection.execute(select(query)).scalar_one() or 0)  # type: ignore[call-overload] # any column expression

        return Stored(
            events=number(func.sum(PROFILE.c.version)) + number(func.sum(EMPLOYEE.c.version)),
            scores=number(func.count(SCORE.c.version)),
            items=number(func.count(KNOWLEDGE_ITEM.c.item_id)),
        )
