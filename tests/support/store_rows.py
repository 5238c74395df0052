"""Rows for the store with as few words as a test needs, and a dump of the whole store."""

import hashlib
import json
from typing import Any

from sqlalchemy import Engine, select

from ckm_stream.domain.knowledge import Form, KnowledgeItem, Section
from ckm_stream.domain.score import (
    Engagement,
    Factor,
    Indicator,
    Score,
    ScoreUpdate,
    SourceClass,
    UpdateReason,
)
from ckm_stream.snapshots.batch import EmployeeRow, ProfileRow, Progress, SnapshotBatch
from ckm_stream.snapshots.tables import METADATA

PROFILES = "ckm.changelog.profile.v1"
SCORES = "ckm.score.updated.v1"

#: 2024-02-29 12:00:00.123457 UTC: not a whole millisecond, so that rounding would show.
NOON = 1_709_208_000_123_457


def profile_of(
    customer_id: str, *, offset: int, state: bytes | None = None, simulated: bool = False
) -> ProfileRow:
    """Make a profile row whose content follows from the customer and the offset."""
    return ProfileRow(
        customer_id=customer_id,
        partition=0,
        changelog_offset=offset,
        version=offset + 1,
        as_of=NOON + offset,
        simulated=simulated,
        about={"orders": offset, "channel_shares": {"voice": 0.1, "digital": 0.9}},
        for_={"answers": 1},
        from_={"items": 2, "tacit_share": 1 / 3},
        state=f"{customer_id}@{offset}".encode() if state is None else state,
    )


def employee_of(employee_id: str, *, offset: int) -> EmployeeRow:
    """Make an employee row."""
    return EmployeeRow(
        employee_id=employee_id,
        partition=0,
        changelog_offset=offset,
        version=offset + 1,
        as_of=NOON + offset,
        handled=10.5,
        noted=3.25,
        note_rate=0.3125,
        state=b"\x00\xff",
    )


def update_of(
    customer_id: str,
    version: int,
    *,
    total: float = 0.1 + 0.2,
    source_class: SourceClass = SourceClass.ORDINARY,
    previous_class: SourceClass | None = None,
    as_of: int | None = None,
) -> ScoreUpdate:
    """Make a score update with an explanation of two factors."""
    instant = NOON + version if as_of is None else as_of
    return ScoreUpdate(
        customer_id=customer_id,
        version=version,
        as_of=instant,
        reason=UpdateReason.EVENT,
        score=Score(
            as_of_s=instant // 1_000_000,
            epoch_id=0,
            value=0.7,
            willingness=0.6,
            absorption=1 / 3,
            total=total,
            value_n_eff=4.5,
            willingness_n_eff=3.25,
            absorption_n_eff=12.0,
            source_class=source_class,
            lead_user=False,
            engagement=Engagement.CO_PRODUCTION,
            engagement_reason="mostly explicit items",
        ),
        previous_class=previous_class,
        reference_total=0.25,
        factors=(
            Factor(Indicator.TRUST, 0.5, 0.5, 0.06, -1e-17, 31_449_600, 2.0, None),
            Factor(Indicator.BASE_POTENTIAL, 1e22, 0.93, 0.16, 0.3, 7_862_400, 4.5, "e-1"),
        ),
        event_id=f"event-{version}",
    )


def epoch_row(epoch_id: int) -> dict[str, Any]:
    """Make a row of the epochs; its announcement is none that could be read."""
    return {
        "epoch_id": epoch_id,
        "as_of": NOON,
        "customers": 100,
        "effective_from": None,
        "announcement": b"\x00\xff",
        "diagnostics": {"customers_known": 30},
    }


def item_of(
    item_id: str,
    customer_id: str = "c-1",
    *,
    section: Section = Section.FROM,
    text: str | None = "the lid leaks",
    occurred_at: int = NOON,
    source: str = "shop",
) -> KnowledgeItem:
    """Make a knowledge item."""
    return KnowledgeItem(
        item_id=item_id,
        customer_id=customer_id,
        event_id=f"event-of-{item_id}",
        source=source,
        occurred_at=occurred_at,
        section=section,
        form=Form.TACIT,
        kind="COMPLAINT",
        subject_id="f-1",
        text=text,
        product=None,
        topics=("lid", "leak"),
        novelty=0.5,
        stage="SUBMITTED",
        externalised=False,
    )


def step(expected: int, new: int, *, topic: str = PROFILES, partition: int = 0) -> Progress:
    """Make one partition's progress."""
    return Progress(topic=topic, partition=partition, expected=expected, new=new)


def batch_of(
    expected: int,
    new: int,
    *,
    profiles: list[Any] | None = None,
    **rows: list[Any],
) -> SnapshotBatch:
    """Make a batch that moves partition 0 of the profile changelog."""
    return SnapshotBatch(profiles=profiles or [], progress=[step(expected, new)], **rows)


def rows_of(engine: Engine, table: str) -> list[dict[str, Any]]:
    """Return all rows of *table*, ordered by its primary key."""
    chosen = METADATA.tables[table]
    with engine.connect() as connection:
        rows = connection.execute(select(chosen).order_by(*chosen.primary_key.columns))
        return [dict(row._mapping) for row in rows]


def digest_of(engine: Engine) -> str:
    """Return one hash over all rows of all tables, in the order of their keys."""
    digest = hashlib.sha256()
    for table in sorted(METADATA.tables):
        for row in rows_of(engine, table):
            digest.update(json.dumps([table, row], sort_keys=True, default=bytes.hex).encode())
    return digest.hexdigest()
