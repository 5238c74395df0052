"""Events out of requests, and all that is wrong with them."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckm_stream.domain.events import Feedback, TouchpointEvent
from ckm_stream.gateway.rules import Rules
from ckm_stream.gateway.verdicts import (
    CLOUD_EVENT,
    CLOUD_EVENTS,
    JSON,
    MEDIA_TYPES,
    BodyError,
    Judged,
    judge,
    split,
)

LINE = {
    "type": "feedback",
    "event_id": "f-1",
    "source": "web shop",
    "customer_id": "c-1",
    "occurred_at": "2026-03-01T09:30:00Z",
    "recorded_at": "2026-03-01T09:30:02Z",
    "feedback_id": "fb-1",
    "kind": "IDEA",
}
DATA: dict[str, Any] = {"feedback_id": "fb-1", "kind": "IDEA"}
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "type": "org.ckm.touchpoint.feedback.v1",
    "id": "f-1",
    "source": "web%20shop",
    "subject": "c-1",
    "time": "2026-03-01T09:30:00Z",
    "recordedtime": "2026-03-01T09:30:02Z",
    "data": DATA,
}


def judged(entry: object, media_type: str) -> Judged:
    """Judge *entry* by its form alone."""

    def check(_: TouchpointEvent) -> bytes:
        return b"value"

    return judge(0, entry, media_type, Rules(check, now_ms=lambda: 0))


def test_both_forms_of_an_event_are_the_same_event() -> None:
    """A line of `ckm publish`, and a CloudEvent."""
    line, envelope = judged(LINE, JSON), judged(ENVELOPE, CLOUD_EVENT)

    assert isinstance(line.event, Feedback)
    assert line == envelope
    assert (line.event_id, line.event.source) == ("f-1", "web shop")


def test_an_envelope_without_a_recorded_time_was_recorded_when_it_happened() -> None:
    """CloudEvents has no such attribute by itself."""
    event = judged({k: v for k, v in ENVELOPE.items() if k != "recordedtime"}, CLOUD_EVENT).event

    assert event is not None
    assert event.recorded_at == event.occurred_at


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"specversion": "0.3"}, ["$.specversion"]),
        ({"type": "com.example.other"}, ["$.type"]),
        ({"type": ["x"]}, ["$.type"]),
        ({"data": "text"}, ["$.data"]),
        ({"datacontenttype": "text/xml"}, ["$.datacontenttype"]),
        ({"id": 7}, ["$.id"]),
        ({"data": DATA | {"event_id": "f-2"}}, ["$.data.event_id"]),
        ({"specversion": 1, "type": 2, "data": 3}, ["$.specversion", "$.type", "$.data"]),
        ({"data": {}}, ["$.data.feedback_id", "$.data.kind"]),
        ({"data": {"feedback_id": 7, "kind": "X"}}, ["$.data.feedback_id", "$.data.kind"]),
        ({"specversion": "2", "data": {}}, ["$.specversion", "$.data.feedback_id", "$.data.kind"]),
        ({"id": None, "source": None, "subject": None}, ["$.id", "$.source", "$.subject"]),
        ({"time": "noon", "recordedtime": None}, ["$.time"]),
        ({"time": None, "recordedtime": None}, ["$.time"]),
        ({"time": 7, "recordedtime": None}, ["$.time"]),
        ({"recordedtime": "noon"}, ["$.recordedtime"]),
        (
            {"data": DATA | {"recorded_at": "noon"}, "recordedtime": None},
            ["$.data.recorded_at"],
        ),
    ],
    ids=str,
)
def test_everything_that_is_wrong_with_an_envelope_is_told(
    change: dict[str, Any], paths: list[str]
) -> None:
    """Each with its path."""
    verdict = judged(ENVELOPE | change, CLOUD_EVENT)

    assert verdict.event is None
    assert [each.path for each in verdict.errors] == paths


@pytest.mark.parametrize(
    "change",
    [
        {"datacontenttype": "application/json; charset=utf-8"},
        {"datacontenttype": "Application/JSON"},
        {"datacontenttype": None, "dataschema": None, "correlationid": None},
        {"recordedtime": None},
        {"anextension": "of somebody else"},
    ],
    ids=str,
)
def test_an_envelope_may_say_it_otherwise(change: dict[str, Any]) -> None:
    """Media types have parameters and no case; an attribute that is null is none."""
    assert judged(ENVELOPE | change, CLOUD_EVENT).errors == ()


def test_a_verdict_does_not_quote_what_was_sent() -> None:
    """It says where it is: who sends it may keep its answers."""
    (error,) = judged(LINE | {"kind": "555-1234 (Doe)"}, JSON).errors

    assert error.path == "$.kind"
    assert error.message.startswith("must be one of COMPLAINT, SUGGESTION")
    assert "Doe" not in error.message


@pytest.mark.parametrize("change", [{"type": "letter"}, {"type": None}, {"type": 7}])
def test_a_line_says_what_it_is(change: dict[str, Any]) -> None:
    """Of the four types."""
    assert [each.path for each in judged(LINE | change, JSON).errors] == ["$.type"]


@given(
    entry=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    media_type=st.sampled_from(sorted(MEDIA_TYPES)),
)
def test_anything_at_all_gets_a_verdict(entry: object, media_type: str) -> None:
    """No value makes it raise, and one that is refused says why."""
    verdict = judged(entry, media_type)

    assert (verdict.event is None) == bool(verdict.errors)


@given(
    name=st.sampled_from(sorted(LINE)),
    value=st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
)
def test_a_field_of_another_type_is_told_by_its_path(name: str, value: object) -> None:
    """Or it is one that can be."""
    verdict = judged(LINE | {name: value}, JSON)

    assert all(each.path.startswith(f"$.{name}") for each in verdict.errors)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"", JSON),
        (b"[]", JSON),
        (b"[{}, {}, {}, {}]", JSON),
        (b"[" * 5000, JSON),
        (b"[{}]", CLOUD_EVENT),
        (b"{}", CLOUD_EVENTS),
        (b'"\xff"', JSON),
    ],
)
def test_a_body_without_events_is_refused_as_a_whole(body: bytes, media_type: str) -> None:
    """Not JSON, none, too many, too deep, or the other form."""
    with pytest.raises(BodyError):
        split(body, media_type, most=3)


def test_one_event_or_many_are_taken_apart() -> None:
    """One is a batch of one."""
    one, many = msgspec.json.encode(LINE), msgspec.json.encode([LINE, LINE])

    assert split(one, JSON, most=3) == [LINE]
    assert split(many, JSON, most=3) == [LINE, LINE]
