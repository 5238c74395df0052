"""The store against the topics: every row, and the positions."""

from collections.abc import Collection

from sqlalchemy import Engine, select

from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import Topics
from ckm_stream.snapshots.tables import (
    CURRENT_SCORE,
    EMPLOYEE,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
    SINK_PROGRESS,
)
from tests.support.reading import ReadRecord
from tests.support.verify import Published


def store_problems(
    engine: Engine, published: Published, topics: Topics, outputs: OutputCodec
) -> list[str]:
    """Return what differs between the store and the topics that it is a snapshot of."""
    updates = [outputs.decode_score_update(r.value) for r in published.updates if r.value]
    scores = {(u.customer_id, u.version, u.as_of): u.score.total for u in updates}
    newest: dict[str, tuple[int, int]] = {}
    for update in updates:
        place = (update.version, update.as_of)
        newest[update.customer_id] = max(place, newest.get(update.customer_id, place))
    items = {outputs.decode_item(r.value).item_id for r in published.items if r.value}
    kept = {
        topics.profile_changelog: published.profile_changelog,
        topics.employee_changelog: published.employee_changelog,
        topics.score_updated: published.updates,
        topics.knowledge_item: published.items,
    }
    found: dict[str, Collection[object]]
    with engine.connect() as connection:
        found = {
            "profiles": {
                row.customer_id: (row.changelog_offset, row.state)
                for row in connection.execute(select(PROFILE))
            },
            "employees": {
                row.employee_id: (row.changelog_offset, row.state)
                for row in connection.execute(select(EMPLOYEE))
            },
            "scores": {
                (row.customer_id, row.version, row.as_of): row.total
                for row in connection.execute(select(SCORE))
            },
            "current scores": {
                row.customer_id: (row.version, row.as_of)
                for row in connection.execute(select(CURRENT_SCORE))
            },
            "knowledge items": {row.item_id for row in connection.execute(select(KNOWLEDGE_ITEM))},
            "positions": {
                (row.topic, row.partition): row.next_offset
                for row in connection.execute(select(SINK_PROGRESS))
                if row.next_offset
            },
        }
    expected: dict[str, Collection[object]] = {
        "profiles": _newest_states(published.profile_changelog),
        "employees": _newest_states(published.employee_changelog),
        "scores": scores,
        "current scores": newest,
        "knowledge items": items,
        "positions": {
            (topic, record.partition): record.offset + 1
            for topic, records in kept.items()
            for record in records
        },
    }
    return [
        f"store: {what} differ ({len(found[what])} found, {len(expected[what])} expected)"
        for what in expected
        if found[what] != expected[what]
    ]


def _newest_states(records: list[ReadRecord]) -> dict[str, tuple[int, bytes]]:
    return {
        record.key.decode(): (record.offset, record.value)
        for record in records
        if record.key is not None and record.value is not None
    }
