"""What the store knows of all customers together: classes, freshness, and where they stand."""

from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Engine, Float, Integer, cast, exists, func, select

from ckm_stream.snapshots.columns import to_datetime
from ckm_stream.snapshots.errors import store_errors
from ckm_stream.snapshots.queries import read_sizes
from ckm_stream.snapshots.stored import ClassSize
from ckm_stream.snapshots.tables import CURRENT_SCORE, PROFILE, SINK_PROGRESS

_VALUE: Final = CURRENT_SCORE.c.value
_WILLINGNESS: Final = CURRENT_SCORE.c.willingness
_ANY_SIMULATED: Final = select(exists().where(PROFILE.c.simulated))


class Glance(msgspec.Struct, frozen=True):
    """
    The store at a moment.

    Attributes:
        classes: Customers in each class that has any, largest first.
        newest_event: Of any customer; None if there is none.
        is_simulated: Whether any customer has simulated events.
        epoch_id: The newest that a score was made with.
    """

    classes: list[ClassSize]
    newest_event: datetime | None
    is_simulated: bool
    epoch_id: int


class Cell(msgspec.Struct, frozen=True):
    """Customers in a cell of value and willingness, and their mean absorption."""

    value_bin: int
    willingness_bin: int
    customers: int
    absorption: float


def glance(engine: Engine) -> Glance:
    """
    Return what there is; of a million customers it is read in 0.2 s.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    newest = select(
        func.max(CURRENT_SCORE.c.as_of, type_=CURRENT_SCORE.c.as_of.type).label("as_of"),
        func.max(CURRENT_SCORE.c.epoch_id).label("epoch_id"),
    )
    with store_errors(engine.url), engine.connect() as connection:
        classes = read_sizes(connection)
        found = connection.execute(newest).one()
        is_simulated = bool(connection.scalar(_ANY_SIMULATED))
    return Glance(
        classes=classes,
        newest_event=None if found.as_of is None else to_datetime(found.as_of),
        is_simulated=is_simulated,
        epoch_id=found.epoch_id or 0,
    )


def has_simulated(engine: Engine) -> bool:
    """
    Tell whether any customer has simulated events.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    with store_errors(engine.url), engine.connect() as connection:
        return bool(connection.scalar(_ANY_SIMULATED))


def map_cells(engine: Engine, bins: int) -> list[Cell]:
    """
    Return the cells that have customers, *bins* on each side; each has its lower ends in it.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    # 1.0 belongs to the last cell. On PostgreSQL a cast rounds, so what is below is cut off first.
    places = [
        func.least(bins - 1, cast(func.floor(column * bins), Integer))
        if engine.dialect.name == "postgresql"
        else func.min(bins - 1, cast(column * bins, Integer))
        for column in (_VALUE, _WILLINGNESS)
    ]
    value_bin, willingness_bin = (
        place.label(name) for place, name in zip(places, ("v", "w"), strict=True)
    )
    query = (
        select(
            value_bin,
            willingness_bin,
            func.count().label("customers"),
            cast(func.avg(CURRENT_SCORE.c.absorption), Float).label("absorption"),
        )
        .group_by("v", "w")
        .order_by("v", "w")
    )
    with store_errors(engine.url), engine.connect() as connection:
        return [Cell(*row) for row in connection.execute(query)]


def positions_of(engine: Engine, topic: str) -> dict[int, int]:
    """
    Return the first offset of each partition of *topic* that is not in the store yet.

    Raises:
        TransientError: If the database is unavailable for now.
    """
    query = select(SINK_PROGRESS.c.partition, SINK_PROGRESS.c.next_offset)
    with store_errors(engine.url), engine.connect() as connection:
        rows = connection.execute(query.where(SINK_PROGRESS.c.topic == topic))
        return {row.partition: row.next_offset for row in rows}
