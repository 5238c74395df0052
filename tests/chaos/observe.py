"""From topics, store and oracle to the lines that the checker reads."""

import hashlib
from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy import select

from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.profile import ProfileState
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    EMPLOYEE,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
)
from tests.chaos.history import History
from tests.support.installation import Installation
from tests.support.oracle import Oracle
from tests.support.verify import Published


def observe(service: Installation, history: History, published: Published) -> None:
    """Write what came out of *service*, and what should have."""
    oracle = Oracle(service.codec, service.settings.scoring)
    for source, records in published.sources.items():
        oracle.feed(source, records)
    _write_expected(history, oracle)
    _write_states(history, published, oracle)
    _write_updates(history, service, published)
    _write_outputs(history, service, published, oracle)
    _write_rows(history, service)


def _write_expected(history: History, oracle: Oracle) -> None:
    truth = oracle.truth
    everybody = {
        "profile": {key: oracle.substance(state) for key, state in truth.profiles.items()},
        "employee": {key: oracle.employee_substance(s) for key, s in truth.employees.items()},
    }
    for what, substances in everybody.items():
        for key, substance in substances.items():
            history.write(
                "expected",
                what=what,
                key=key,
                version=len(truth.history[key]),
                substance=_digest(substance),
                applied={str(int(s)): n for s, n in truth.last_offsets[key].items()}
                if what == "profile"
                else {},
                **_score(oracle, truth.profiles[key]) if what == "profile" else {},
            )


def _score(oracle: Oracle, state: ProfileState) -> dict[str, object]:
    score = oracle.score(state)
    return {"score_class": str(score.source_class), "total": score.total}


def _write_states(history: History, published: Published, oracle: Oracle) -> None:
    for what, records in (
        ("profile", published.profile_changelog),
        ("employee", published.employee_changelog),
    ):
        newest = {record.key: record.offset for record in records}
        for record in records:
            assert record.key is not None
            assert record.value is not None
            is_newest = newest[record.key] == record.offset
            version, applied, substance = _read(what, record.value, oracle)
            history.write(
                "state",
                what=what,
                key=record.key.decode(),
                offset=record.offset,
                version=version,
                applied=applied,
                substance=_digest(substance()) if is_newest else None,
            )


def _read(what: str, data: bytes, oracle: Oracle) -> tuple[int, list[int], Callable[[], bytes]]:
    """Return a state's version, applied offsets, and what makes its substance."""
    if what == "profile":
        profile = decode_state(data, oracle.policy)
        delivery, substance = profile.delivery, partial(oracle.substance, profile)
    else:
        employee = decode_employee(data, oracle.policy)
        delivery, substance = employee.delivery, partial(oracle.employee_substance, employee)
    return delivery.version, list(delivery.applied), substance


def _write_updates(history: History, service: Installation, published: Published) -> None:
    for record in published.updates:
        assert record.value is not None
        update = service.outputs.decode_score_update(record.value)
        history.write(
            "update",
            key=update.customer_id,
            version=update.version,
            as_of=update.as_of,
            epoch_id=update.score.epoch_id,
            content=_digest(repr(update.score).encode()),
            score_class=str(update.score.source_class),
            previous_class=None if update.previous_class is None else str(update.previous_class),
            total=update.score.total,
            offset=record.offset,
        )


def _write_outputs(
    history: History, service: Installation, published: Published, oracle: Oracle
) -> None:
    truth = oracle.truth
    expected = {
        "item": list(truth.items),
        "forwarded": [f"{owner} {event_id}" for owner, event_id in truth.forwarded],
        "dead_letter": [_name(*pair) for pair in truth.rejected.elements()],
    }
    found = {
        "item": [
            service.outputs.decode_item(record.value).item_id
            for record in published.items
            if record.value is not None
        ],
        "forwarded": list(_forwarded(oracle, published)),
        "dead_letter": [_name(record.key, record.value) for record in published.dead_letters],
    }
    for kind, lists in (("expected_output", expected), ("output", found)):
        for what, names in lists.items():
            for name in names:
                history.write(kind, what=what, id=name)


def _forwarded(oracle: Oracle, published: Published) -> Iterable[str]:
    for source in (Source.REFERRAL, Source.EMPLOYEE):
        for record in published.sources[source]:
            assert record.key is not None
            yield f"{record.key.decode()} {oracle.event_id(source, record)}"


def _write_rows(history: History, service: Installation) -> None:
    kept = {
        "profile": select(
            PROFILE.c.customer_id.label("key"),
            PROFILE.c.changelog_offset.label("offset"),
            PROFILE.c.version,
        ),
        "employee": select(
            EMPLOYEE.c.employee_id.label("key"),
            EMPLOYEE.c.changelog_offset.label("offset"),
            EMPLOYEE.c.version,
        ),
        "current_score": select(
            CURRENT_SCORE.c.customer_id.label("key"),
            CURRENT_SCORE.c.version,
            CURRENT_SCORE.c.as_of,
        ),
    }
    announced = {"score": SCORE, "class": CLASS_HISTORY}
    with service.engine.connect() as connection:
        for what, query in kept.items():
            for row in connection.execute(query).mappings():
                history.write("row", what=what, **row)
        for what, table in announced.items():
            place = select(table.c.customer_id, table.c.version, table.c.as_of, table.c.epoch_id)
            for key in connection.execute(place):
                history.write("kept", what=what, id=" ".join(map(str, key)))
        for item_id in connection.execute(select(KNOWLEDGE_ITEM.c.item_id)).scalars():
            history.write("kept", what="item", id=item_id)


def _name(key: bytes | None, value: bytes | None) -> str:
    return _digest(repr((key, value)).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
