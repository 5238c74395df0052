"""
Nothing that a worker lets pass can stop the snapshot worker: not the longest ids, not odd texts.

Whole units of extreme but valid events go through the collector into either database.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import pytest
from sqlalchemy import Engine, select

from ckm_stream.codec.topics import Source
from ckm_stream.domain.checks import (
    MAX_AMOUNT,
    MAX_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    check_event,
)
from ckm_stream.domain.events import Event, PurchaseKind
from ckm_stream.pipeline.records import Effects, OutputRecord
from ckm_stream.pipeline.unit import Unit
from ckm_stream.snapshots.collect import Collector
from ckm_stream.snapshots.tables import KNOWLEDGE_ITEM, PROFILE
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.touchpoints import call, feedback, order, refund, ticket
from tests.support.units import (
    EVENTS,
    OUTPUTS,
    PARTITION,
    POLICY,
    TOPICS,
    Record,
    States,
    core_over,
    slice_from,
)

_LAST_S: Final = POLICY.landmark_s + POLICY.horizon_s
# Four bytes a character, which no database compresses into an index page: 800 bytes an id.
_LONG: Final = "".join(chr(0x1F300 + (place * 37) % 500) for place in range(MAX_ID_CHARS))
_ODD: Final = "\x00\x01\x1b[2J\r\n\u2028\u202e\ufeff\uffff\U0010ffff'\"\\u0000%s{}$$"


def everything(text: str, identifier: str, at_s: int) -> list[list[Event]]:
    """Return events of each type, full of *text* and *identifier*, one list for each topic."""
    head: dict[str, Any] = {
        "source": identifier,
        "customer_id": identifier,
        "employee_id": identifier,
        "referred_by": f"x{identifier}"[:MAX_ID_CHARS],
        "topics": (text[:MAX_NAME_CHARS],) * 3,
        "correlation_id": text[:MAX_NAME_CHARS],
        "consent": {text[:MAX_NAME_CHARS]: True},
    }
    name, words = text[:MAX_NAME_CHARS], text
    return [
        [call(identifier, at_s, note=words, reason=name, **head)],
        [
            ticket(
                identifier,
                at_s,
                ticket_id=identifier,
                text=words,
                product=name,
                category=name,
                **head,
            )
        ],
        [
            order(identifier, at_s, amount=MAX_AMOUNT, currency=name, **head),
            refund(f"r{identifier}"[:MAX_ID_CHARS], at_s, amount=MAX_AMOUNT, cost=0, **head),
        ],
        [feedback(identifier, at_s, feedback_id=identifier, text=words, product=name, **head)],
    ]


def stored(engine: Engine, effects: Sequence[Effects]) -> list[str]:
    """Write what the snapshot worker would read of *effects*; return the customers stored."""
    collector = Collector(topics=TOPICS, outputs=OUTPUTS, policy=POLICY)
    feeds: tuple[tuple[str, Callable[[Effects], list[OutputRecord]]], ...] = (
        (TOPICS.profile_changelog, lambda each: _changes(each, "profiles")),
        (TOPICS.employee_changelog, lambda each: _changes(each, "employees")),
        (TOPICS.score_updated, lambda each: each.updates),
        (TOPICS.knowledge_item, lambda each: each.items),
    )
    for topic, of in feeds:
        made = [record for each in effects for record in of(each)]
        records = [Record(n, record.key, record.value) for n, record in enumerate(made)]
        if records:
            collector.add(topic, PARTITION, records, expected=0)
    writer = SnapshotWriter(engine)
    writer.positions([(topic, PARTITION) for topic, _ in feeds])
    writer.write(collector.batch())
    with engine.connect() as connection:
        return sorted(connection.execute(select(PROFILE.c.customer_id)).scalars())


def _changes(effects: Effects, table: str) -> list[OutputRecord]:
    return [OutputRecord("", None, *entry) for entry in effects.changelog.get(table, [])]


def run(topics: list[list[Event]]) -> list[Effects]:
    """Fold events, and those that they forward, as the worker of the only partition would."""
    states = States()
    unit = Unit(core_over(states), PARTITION)
    for events in topics:
        for event in events:
            check_event(event, record_timestamp_ms=-1, policy=POLICY)
        unit.add(slice_from(0, *events))
    first = states.keep(unit.seal())
    assert first.rejections == []
    received = Unit(core_over(states), PARTITION)
    forwarded: dict[Source, list[Event]] = {}
    for record in first.forwarded:
        source = TOPICS.sources[record.topic]
        event = EVENTS.decode(source, record.key, record.value)
        forwarded.setdefault(source, []).append(event)
    for events in forwarded.values():
        received.add(slice_from(0, *events))
    return [first, states.keep(received.seal())]


class Load(NamedTuple):
    """Text, an id, and when."""

    text: str
    identifier: str
    at_s: int


@pytest.mark.parametrize(
    "load",
    [
        Load("x" * MAX_TEXT_CHARS, "i" * MAX_ID_CHARS, _LAST_S),
        Load(_LONG * (MAX_TEXT_CHARS // len(_LONG)), _LONG, _LAST_S),
        Load(_ODD, "\x01\u202e'%s\\u0000", POLICY.landmark_s),
        Load("\x00", "\U0010ffff", POLICY.landmark_s),
    ],
    ids=["longest", "longest in bytes", "odd", "only what is replaced"],
)
def test_what_a_worker_lets_pass_can_be_stored(store: Engine, load: Load) -> None:
    """Every row of every table is written, under the id as it is."""
    effects = run(everything(*load))

    customers = stored(store, effects)

    assert load.identifier in customers
    assert len(customers) == 2  # and the referrer
    with store.connect() as connection:
        texts = connection.execute(select(KNOWLEDGE_ITEM.c.text)).scalars().all()
    assert texts == [load.text.replace("\x00", "\ufffd")] * len(texts)
    assert texts


def test_totals_that_have_stopped_can_be_stored(store: Engine) -> None:
    """1,100 refunds and orders of the greatest amount: the store holds the greatest number."""
    kinds = (PurchaseKind.REFUND, PurchaseKind.ORDER)
    events: list[Event] = [
        order(f"{kind}-{n}", amount=MAX_AMOUNT, kind=kind) for kind in kinds for n in range(1100)
    ]

    stored(store, run([events]))

    with store.connect() as connection:
        summary = connection.execute(select(PROFILE.c.about_customer)).scalar_one()
    assert str((1 << 63) - 1) in str(summary)
