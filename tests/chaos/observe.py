"""From topics, store and oracle to the lines that the checker reads."""

import hashlib
import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from ckm_stream.codec.state import decode_employee, decode_state
from ckm_stream.codec.topics import Source
from ckm_stream.domain.profile import Delivery, ProfileState
from ckm_stream.snapshots.batch import Tombstone
from ckm_stream.snapshots.columns import encode_document
from ckm_stream.snapshots.rows import employee_row, profile_row
from ckm_stream.snapshots.tables import (
    CLASS_HISTORY,
    CURRENT_SCORE,
    EMPLOYEE,
    KNOWLEDGE_ITEM,
    PROFILE,
    SCORE,
)
from ckm_stream.snapshots.values import (
    class_values,
    current_values,
    employee_values,
    item_values,
    profile_values,
    score_values,
)
from tests.chaos.history import History
from tests.support.installation import Installation
from tests.support.oracle import Oracle
from tests.support.reading import ReadRecord
from tests.support.verify import Published

_STATES: Final = {"profile": PROFILE, "employee": EMPLOYEE}


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
    return {
        "score_class": str(score.source_class),
        "total": score.total,
        "content": _digest(repr(score).encode()),
    }


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
            delivery, substance = _read(what, record.value, oracle)
            told = (delivery.announced_version, delivery.announced_as_of, delivery.announced_epoch)
            history.write(
                "state",
                what=what,
                key=record.key.decode(),
                offset=record.offset,
                version=delivery.version,
                applied=delivery.applied,
                told=None if delivery.announced_as_of is None else told,
                substance=_digest(substance()) if is_newest else None,
                row=_state_row(what, record, oracle) if is_newest else None,
            )


def _read(what: str, data: bytes, oracle: Oracle) -> tuple[Delivery, Callable[[], bytes]]:
    """Return how far a state has come, and what makes its substance."""
    if what == "profile":
        profile = decode_state(data, oracle.policy)
        return profile.delivery, partial(oracle.substance, profile)
    employee = decode_employee(data, oracle.policy)
    return employee.delivery, partial(oracle.employee_substance, employee)


def _state_row(what: str, record: ReadRecord, oracle: Oracle) -> str:
    """Return the digest of the row that a changelog record has to become."""
    assert record.key is not None
    place = (record.key.decode(), record.partition, record.offset, record.value, oracle.policy)
    if what == "profile":
        profile = profile_row(*place)
        assert not isinstance(profile, Tombstone)
        return _content(profile_values(profile))
    employee = employee_row(*place)
    assert not isinstance(employee, Tombstone)
    return _content(employee_values(employee))


def _write_updates(history: History, service: Installation, published: Published) -> None:
    for record in published.updates:
        assert record.value is not None
        update = service.outputs.decode_score_update(record.value)
        columns = score_values(update)
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
            row=_content(columns),
            current_row=_content(current_values(columns)),
            class_row=_content(class_values(columns)),
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
    items = [
        service.outputs.decode_item(record.value)
        for record in published.items
        if record.value is not None
    ]
    for item in items:
        history.write("output", what="item", id=item.item_id, row=_content(item_values(item)))
    found = {
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
    with service.engine.connect() as connection:
        for what, table in _STATES.items():
            for row in connection.execute(select(table)).mappings():
                history.write(
                    "row",
                    what=what,
                    key=row[table.primary_key.columns[0].name],
                    offset=row["changelog_offset"],
                    version=row["version"],
                    content=_content(dict(row)),
                )
        for row in connection.execute(select(CURRENT_SCORE)).mappings():
            history.write(
                "row",
                what="current_score",
                key=row["customer_id"],
                version=row["version"],
                as_of=row["as_of"],
                content=_content(dict(row)),
            )
        for what, table in {"score": SCORE, "class": CLASS_HISTORY, "item": KNOWLEDGE_ITEM}.items():
            for row in connection.execute(select(table)).mappings():
                name = " ".join(str(row[column.name]) for column in table.primary_key.columns)
                history.write("kept", what=what, id=name, content=_content(dict(row)))


def _content(row: dict[str, Any]) -> str:
    """Return the digest of all columns, the same for what is bound and for what is read back."""
    # The database has its own order of a document's parts.
    document = json.loads(encode_document(row))
    return _digest(json.dumps(document, sort_keys=True).encode())


def _name(key: bytes | None, value: bytes | None) -> str:
    return _digest(repr((key, value)).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
