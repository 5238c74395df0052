"""Reading as far as it goes: all of a good body, and of a bad one what is before the trouble."""

from typing import Final

import pytest

from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import split
from ckm_stream.codec.partial import read_as_far_as_possible
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, subject_of
from ckm_stream.errors import Reason
from tests.support.bad_input import BadInput, bad_inputs, full_events

_CATALOGUE: Final = Catalogue.load()
_CODEC: Final = EventCodec(_CATALOGUE)
_SPOILT: Final = [
    each
    for each in bad_inputs()
    if each.reason is Reason.UNDECODABLE and each.value is not None and len(each.value) < 10_000
]


@pytest.mark.parametrize("source", Source, ids=lambda source: source.name)
def test_a_good_body_is_read_whole(source: Source) -> None:
    """Every field with its name and value, and nothing to complain about."""
    _, body = split(_CODEC.encode(full_events("c-9")[source]))
    schema = _CATALOGUE.newest(subject_of(SOURCE_TOPICS[source])).schema

    found = read_as_far_as_possible(schema, body)

    assert found.problem is None
    assert found.read == len(body)
    assert ("event_id", "bad") in found.fields
    about = "employee_id" if source is Source.EMPLOYEE else "customer_id"
    assert (about, "c-9") in found.fields


def test_a_cut_body_is_read_up_to_the_cut() -> None:
    """The fields before it, and the name of the one that it is in."""
    _, body = split(_CODEC.encode(full_events("c-9")[Source.PURCHASE]))
    schema = _CATALOGUE.newest(subject_of(SOURCE_TOPICS[Source.PURCHASE])).schema

    found = read_as_far_as_possible(schema, body[:8])

    assert found.fields[0] == ("event_id", "bad")
    assert found.problem is not None
    assert found.problem.startswith("source: ")
    assert found.read <= 8


def test_every_spoilt_body_has_a_problem_that_names_a_field() -> None:
    """Whatever the reader of the hot path refuses, this one says where."""

    def has_problem(each: BadInput) -> bool:
        assert each.value is not None
        _, body = split(each.value)
        schema = _CATALOGUE.newest(subject_of(SOURCE_TOPICS[each.source])).schema
        found = read_as_far_as_possible(schema, body)
        return found.problem is not None and found.read <= len(body)

    assert len(_SPOILT) > 500
    assert [each.name for each in _SPOILT if not has_problem(each)] == []
