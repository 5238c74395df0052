"""Hypothesis strategies for events, score updates and knowledge items: any value of their types."""

import types
from enum import Enum
from typing import Any, Final, TypeVar, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from ckm_stream.codec.events import EVENT_TYPES
from ckm_stream.domain.events import MICROS, Event
from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.score import ScoreUpdate

T = TypeVar("T", bound=msgspec.Struct)

#: Fields that are 32-bit integers in Avro; all other integers have 64 bits.
_INTS: Final = frozenset({"satisfaction", "sentiment", "quantity", "epoch_id"})
_INT32: Final = st.integers(-(1 << 31), (1 << 31) - 1)
_INT64: Final = st.integers(-(1 << 63), (1 << 63) - 1)
_SIMPLE: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: st.text(max_size=80),
    bool: st.booleans(),
    int: _INT64,
    float: st.floats(allow_nan=False),
    type(None): st.none(),
}


def structs(kind: type[T]) -> st.SearchStrategy[T]:
    """Return a strategy for structs of *kind*; NaN, which equals nothing, is left out."""
    fields = {
        field.name: _INT32 | st.none() if field.name == "satisfaction" else _of(field)
        for field in msgspec.structs.fields(kind)
    }
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def events() -> st.SearchStrategy[Event]:
    """Return a strategy for events of all types."""
    return st.one_of([structs(kind) for kind in EVENT_TYPES.values()])


def items() -> st.SearchStrategy[KnowledgeItem]:
    """Return a strategy for knowledge items."""
    return structs(KnowledgeItem)


def score_updates() -> st.SearchStrategy[ScoreUpdate]:
    """Return a strategy for score updates whose scores are as of the update's instant."""
    return structs(ScoreUpdate).map(
        lambda update: msgspec.structs.replace(
            update,
            score=msgspec.structs.replace(update.score, as_of_s=update.as_of // MICROS),
        )
    )


def _of(field: Any) -> st.SearchStrategy[Any]:
    return _INT32 if field.name in _INTS else _typed(field.type)


def _typed(wanted: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return st.one_of([_typed(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(_typed(arguments[0]), max_size=4).map(tuple)
    if origin is dict:
        return st.dictionaries(_typed(arguments[0]), _typed(arguments[1]), max_size=4)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return st.sampled_from(wanted)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return structs(wanted)
    return _SIMPLE[wanted]
