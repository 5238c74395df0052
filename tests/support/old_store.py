"""The store as release 0.1 knew it (revision 0001): its writer, and many rows of its making."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    Table,
    inspect,
    text,
)

from ckm_stream.domain.score import ScoreUpdate
from ckm_stream.snapshots import tables, writer
from ckm_stream.snapshots.columns import Instant, PlainText
from ckm_stream.snapshots.store import for_writing
from ckm_stream.snapshots.tables import FACTOR_COLUMNS
from ckm_stream.snapshots.values import Values, score_values
from ckm_stream.snapshots.writer import SnapshotWriter
from tests.support.store_rows import (
    PROFILES,
    batch_of,
    employee_of,
    item_of,
    profile_of,
    update_of,
)

_OLD: Final = MetaData()
#: These tables had other columns than today.
CLASS_HISTORY: Final = Table(
    "class_history",
    _OLD,
    Column("customer_id", PlainText, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("as_of", Instant, primary_key=True),
    Column("previous_class", PlainText),
    Column("source_class", PlainText, nullable=False),
    Column("reason", PlainText, nullable=False),
)
SCORE: Final = Table(
    "score",
    _OLD,
    *(
        Column(each.name, each.type, primary_key=each.primary_key, nullable=each.nullable)
        for each in tables.SCORE.columns
        if each.name not in FACTOR_COLUMNS
    ),
)

#: What a dump has of each table: the rows as revision 0001 knew them, in the order of its keys.
Dump = dict[str, list[str]]
_KEYS: Final = {
    "profile": ("customer_id",),
    "employee": ("employee_id",),
    "score": ("customer_id", "version", "as_of"),
    "current_score": ("customer_id",),
    "class_history": ("customer_id", "version", "as_of"),
    "knowledge_item": ("item_id",),
    "sink_progress": ("topic", "partition"),
}
_NUMBERS: Final = (
    "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)"
)
_LATER: Final = {"class_history": {"epoch_id"}, "score": set(FACTOR_COLUMNS)}


class _OldWriter(SnapshotWriter):
    """Writes row by row, on both databases."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._copies = False


def _score_values(update: ScoreUpdate) -> Values:
    values = score_values(update) | {"factors": update.factors}
    return {name: value for name, value in values.items() if name not in FACTOR_COLUMNS}


@contextmanager
def old_writer(engine: Engine) -> Iterator[SnapshotWriter]:
    """Give a writer whose statements are those of release 0.1."""
    with (
        patch.object(writer, "CLASS_HISTORY", CLASS_HISTORY),
        patch.object(writer, "SCORE", SCORE),
        patch.object(writer, "score_values", _score_values),
    ):
        yield _OldWriter(engine)


def fill(engine: Engine, rows: int) -> None:
    """Write *rows* rows, 2 or more, into every table: one as release 0.1 did, and its likes."""
    with old_writer(engine) as old:
        old.positions([(PROFILES, 0)])
        old.write(
            batch_of(
                0,
                7,
                profiles=[profile_of("c", offset=1)],
                scores=[update_of("c", 1)],
                items=[item_of("i")],
                employees=[employee_of("e", offset=1)],
            )
        )
    with for_writing(engine).begin() as connection:
        for table, (key, *_) in _KEYS.items():
            names = [each["name"] for each in inspect(connection).get_columns(table)]
            others = ", ".join(name for name in names if name != key)
            likes = f"SELECT {key} || '-' || n, {others} FROM {table}, numbers"  # noqa: S608 -- names of ours
            connection.execute(
                text(f"{_NUMBERS} INSERT INTO {table} ({key}, {others}) {likes}"), {"rows": rows}
            )


def dump(engine: Engine) -> Dump:
    """Return all rows of all tables as text, with the columns of revision 0001 by their names."""
    with engine.connect() as connection:
        return {table: _rows(connection, table) for table in _KEYS}


def _rows(connection: Connection, table: str) -> list[str]:
    names = {each["name"] for each in inspect(connection).get_columns(table)}
    columns = sorted(names - _LATER.get(table, set()))
    in_hex = "hex(state)" if connection.dialect.name == "sqlite" else "encode(state, 'hex')"
    texts = (
        in_hex if name == "state" else f"COALESCE(CAST({name} AS TEXT), '')" for name in columns
    )
    order = ", ".join(_KEYS[table])
    row = " || '|' || ".join(texts)
    query = f"SELECT {row} FROM {table} ORDER BY {order}"  # noqa: S608 -- names of ours
    return list(connection.execute(text(query)).scalars())
