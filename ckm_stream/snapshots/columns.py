"""
Column types that mean the same on SQLite and PostgreSQL, and can be read by people.

* ``Instant``: the package's integer microseconds, stored as ``timestamptz`` on PostgreSQL and as
  ``2024-02-29T12:00:00.123456Z`` on SQLite (its date functions read that, and it sorts). Exact.
* ``PlainText``: text compared byte by byte on both, so that order does not depend on a locale.
* ``DOCUMENT``: JSON, with sorted keys where it is text, so that equal values are equal bytes.
* ``list_of``: an array on PostgreSQL, which takes a seventh of what JSON costs it; JSON on SQLite.

PostgreSQL has no text with U+0000: it is stored as U+FFFD on both, or one such character in one
customer's note would stop a partition for good (promise P6).
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

import msgspec
from sqlalchemy import ARRAY, JSON, DateTime, Dialect, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ISO_LENGTH: Final = len("2024-02-29T12:00:00.123456Z")
_NUL: Final = "\x00"
_ESCAPED_NUL: Final = "\\u0000"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

DOCUMENT: Final = JSON().with_variant(JSONB(), "postgresql")


def list_of(kind: type[TypeEngine[Any]]) -> TypeEngine[Any]:
    """Return the type of a column that holds values of *kind* in an order, or null."""
    return ARRAY(kind).with_variant(JSON(none_as_null=True), "sqlite")


def to_datetime(micros: int) -> datetime:
    """Return the instant of *micros* microseconds since the Unix epoch, in UTC; exact."""
    return _EPOCH + timedelta(microseconds=micros)


def to_micros(instant: datetime) -> int:
    """Return microseconds since the Unix epoch of an aware *instant*; exact."""
    return (instant - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[int]):
    """Microseconds since the Unix epoch in Python, a readable instant in the database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the stored type: text where the database has no instants."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(_ISO_LENGTH))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | str | None:
        """Turn microseconds into what the database stores."""
        if value is None:
            return None
        instant = to_datetime(value)
        if dialect.name == "sqlite":
            return f"{instant.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        return instant

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- the value's own type says it
        """Turn what the database stores into microseconds."""
        match value:
            case None:
                return None
            case str():
                return to_micros(datetime.fromisoformat(value))
            case datetime():
                return to_micros(value)
            case _:
                assert_never(value)


class PlainText(TypeDecorator[str]):
    """Text of any length, ordered by its bytes, without U+0000."""

    impl = Text()
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the collation: bytes, which is SQLite's default already."""
        # Not through type_descriptor(): the psycopg dialect would make it VARCHAR.
        return Text(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- the same on both
        """Replace what PostgreSQL cannot store."""
        return None if value is None else without_nul(value)


def without_nul(text: str) -> str:
    """Return *text* with each U+0000 replaced."""
    return text.replace(_NUL, _REPLACEMENT) if _NUL in text else text


def encode_document(value: object) -> str:
    """Encode *value* as JSON with sorted keys and without U+0000."""
    text = msgspec.json.encode(value, order="deterministic").decode()
    if _ESCAPED_NUL not in text:
        return text
    # Rare, and also true of a backslash followed by "u0000": only a parse can tell.
    return msgspec.json.encode(_without_nul(msgspec.json.decode(text))).decode()


def _without_nul(value: object) -> object:
    match value:
        case str():
            return value.replace(_NUL, _REPLACEMENT)
        case list():
            return [_without_nul(each) for each in value]
        case dict():
            return {_without_nul(key): _without_nul(each) for key, each in value.items()}
        case _:
            return value
