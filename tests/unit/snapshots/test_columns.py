"""What goes into a column comes out of it, whatever the database stores."""

import json

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from ckm_stream.snapshots.columns import Instant, PlainText, encode_document, to_datetime, to_micros

_SQLITE = make_url("sqlite://").get_dialect()()
_POSTGRESQL = make_url("postgresql+psycopg://").get_dialect()()
# From 1970 to the year 9999, the range of both databases' readable instants.
_MICROS = st.integers(0, 253_402_300_799_999_999)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(_MICROS)
def test_instants_are_exact_to_the_microsecond(micros: int) -> None:
    """No microsecond is lost on the way into either database and back."""
    for dialect in (_SQLITE, _POSTGRESQL):
        stored = Instant().process_bind_param(micros, dialect)

        assert Instant().process_result_value(stored, dialect) == micros


@given(_MICROS, _MICROS)
def test_instants_sort_as_text(first: int, second: int) -> None:
    """SQLite compares instants as text, in the order of time."""
    texts = [str(Instant().process_bind_param(each, _SQLITE)) for each in (first, second)]

    assert (texts[0] < texts[1]) == (first < second)


def test_instant_is_readable() -> None:
    """An analyst reads ISO 8601 in UTC."""
    assert Instant().process_bind_param(1_709_208_000_123_456, _SQLITE) == (
        "2024-02-29T12:00:00.123456Z"
    )


@given(_MICROS)
def test_datetimes_and_microseconds_are_inverse(micros: int) -> None:
    """Both directions agree."""
    assert to_micros(to_datetime(micros)) == micros


@given(st.text())
def test_text_loses_nothing_but_nul(text: str) -> None:
    """Only U+0000 is replaced."""
    stored = PlainText().process_bind_param(text, _POSTGRESQL)

    assert stored == text.replace("\x00", "\ufffd")


@given(_JSON)
def test_documents_decode_to_their_value_without_nul(value: object) -> None:
    """A document is the JSON of its value, and never holds what PostgreSQL refuses."""
    encoded = encode_document(value)

    assert json.loads(encoded) == json.loads(
        json.dumps(value).replace("\\\\", "\\u005c").replace("\\u0000", "\\ufffd")
    )


def test_equal_documents_are_equal_bytes() -> None:
    """The order in which a mapping was filled does not show."""
    assert encode_document({"b": 1, "a": {"d": 1, "c": 2}}) == '{"a":{"c":2,"d":1},"b":1}'
    assert encode_document({"a": {"c": 2, "d": 1}, "b": 1}) == '{"a":{"c":2,"d":1},"b":1}'
