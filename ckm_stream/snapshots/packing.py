"""
Rows as PostgreSQL's COPY takes them in its binary format, for the tables that they are staged in.

The reference of ``native.rows``, which makes the same bytes of the records themselves. Text has no
U+0000 here either (``columns``).

Source:
    https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format", and the receive
    functions of the types.
"""

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Boolean, Double, Integer, LargeBinary, Table, Text
from sqlalchemy.types import JSON, TypeEngine

from ckm_stream.domain.events import MICROS
from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.snapshots.batch import (
    EmployeeRow,
    PackedBatch,
    ProfileRow,
    SnapshotBatch,
    newest_of,
)
from ckm_stream.snapshots.columns import Instant, PlainText, encode_document, without_nul
from ckm_stream.snapshots.staging import (
    NEWEST,
    STAGED_EMPLOYEE,
    STAGED_ITEM,
    STAGED_PROFILE,
    STAGED_SCORE,
)
from ckm_stream.snapshots.values import (
    Values,
    employee_values,
    item_values,
    profile_values,
    score_values,
)

Pack = Callable[[Any], bytes]

#: A field that is null.
NULL: Final = b"\xff\xff\xff\xff"
#: The signature, no flags, no extension.
HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END: Final = b"\xff\xff"

# Instants are microseconds since 2000-01-01 UTC there.
EPOCH_MICROS: Final = 946_684_800 * MICROS
_JSONB_VERSION: Final = b"\x01"

_SHORT: Final = struct.Struct(">h").pack
_INT: Final = struct.Struct(">i").pack
_LONG: Final = struct.Struct(">q").pack
_DOUBLE: Final = struct.Struct(">d").pack
_ARRAY_HEAD: Final = struct.Struct(">iii").pack
_ARRAY_SIZE: Final = struct.Struct(">ii").pack


def _text(value: str) -> bytes:
    return without_nul(value).encode()


def _document(value: object) -> bytes:
    return _JSONB_VERSION + encode_document(value).encode()


def _instant(value: int) -> bytes:
    return _LONG(value - EPOCH_MICROS)


def _boolean(value: bool) -> bytes:  # noqa: FBT001 -- the value itself
    return b"\x01" if value else b"\x00"


# What packs a value of a column, in the order in which the types are asked for.
_PACKS: Final[tuple[tuple[type[Any], Pack], ...]] = (
    (Instant, _instant),
    (PlainText, _text),
    (Text, _text),
    (JSON, _document),
    (LargeBinary, bytes),
    (Boolean, _boolean),
    (Double, _DOUBLE),
    (BigInteger, _LONG),
    (Integer, _INT),
)
# The types of lists, by their object identifiers in every PostgreSQL.
_ELEMENTS: Final[dict[type[Any], int]] = {Text: 25, BigInteger: 20, Double: 701}


def _packer(kind: TypeEngine[Any]) -> Pack:
    """Return what packs a value of a column of this type, its size first."""
    pack = _array(kind.item_type) if isinstance(kind, ARRAY) else _plain(kind)

    def field(value: object) -> bytes:
        if value is None:
            return NULL
        data = pack(value)
        return _INT(len(data)) + data

    return field


def _plain(kind: TypeEngine[Any]) -> Pack:
    return next(pack for known, pack in _PACKS if isinstance(kind, known))


def _array(kind: TypeEngine[Any]) -> Pack:
    element, identifier = _packer(kind), _ELEMENTS[type(kind)]

    def array(values: list[Any]) -> bytes:
        if not values:
            return _ARRAY_HEAD(0, 0, identifier)
        has_null = any(value is None for value in values)
        head = _ARRAY_HEAD(1, has_null, identifier) + _ARRAY_SIZE(len(values), 1)
        return head + b"".join(map(element, values))

    return array


_Fields = tuple[tuple[str, Pack], ...]


def _fields(table: Table) -> _Fields:
    return tuple((column.name, _packer(column.type)) for column in table.columns)


_SCORE: Final = _fields(STAGED_SCORE)
_PROFILE: Final = _fields(STAGED_PROFILE)
_EMPLOYEE: Final = _fields(STAGED_EMPLOYEE)
_ITEM: Final = _fields(STAGED_ITEM)


def _row(fields: _Fields, values: Values) -> bytes:
    return _SHORT(len(fields)) + b"".join(pack(values[name]) for name, pack in fields)


def profile_copy(row: ProfileRow) -> bytes:
    """Return a row of ``STAGED_PROFILE``."""
    return _row(_PROFILE, profile_values(row))


def employee_copy(row: EmployeeRow) -> bytes:
    """Return a row of ``STAGED_EMPLOYEE``."""
    return _row(_EMPLOYEE, employee_values(row))


def packed(batch: SnapshotBatch) -> PackedBatch:
    """Return *batch* as it is staged: of each state the newest, and the newest scores marked."""
    profiles, gone_profiles = newest_of(batch.profiles)
    employees, gone_employees = newest_of(batch.employees)
    return PackedBatch(
        progress=batch.progress,
        rows={
            STAGED_PROFILE.name: b"".join(map(profile_copy, profiles)),
            STAGED_EMPLOYEE.name: b"".join(map(employee_copy, employees)),
            STAGED_SCORE.name: _scores(batch.scores),
            STAGED_ITEM.name: b"".join(_row(_ITEM, item_values(item)) for item in batch.items),
        },
        gone_profiles=gone_profiles,
        gone_employees=gone_employees,
        counts=batch.counts,
    )


def _scores(updates: Iterable[ScoreUpdate]) -> bytes:
    """Pack all of *updates*, as they come; the newest of each customer is marked."""
    rows: list[tuple[Values, bool]] = []
    newest: dict[str, tuple[tuple[int, int, int], int]] = {}
    for place, update in enumerate(updates):
        order = (update.version, update.as_of, update.score.epoch_id)
        before = newest.get(update.customer_id)
        is_newest = before is None or before[0] < order
        if is_newest:
            if before is not None:
                rows[before[1]] = rows[before[1]][0], False
            newest[update.customer_id] = order, place
        rows.append((score_values(update), is_newest))
    return b"".join(_row(_SCORE, {**values, NEWEST: marked}) for values, marked in rows)
