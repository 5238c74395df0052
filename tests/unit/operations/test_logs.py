"""Logging: one route for all, JSON for machines, nothing personal or secret."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from ckm_stream.operations.logs import configure_logging, redact

MARKER = "Marlowe-4711"


class Note(msgspec.Struct):
    """A record as the domain has them."""

    text: str


@dataclass
class ConsumerRecord:
    """A record as Kafka clients have them."""

    value: bytes


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    """Give a stream that is no terminal."""
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """Return the JSON objects logged so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_line_of_ours_is_one_json_object(stream: io.StringIO) -> None:
    """A lifecycle event is one line with its name, level, logger, time and values."""
    configure_logging(stream=stream)

    structlog.get_logger("ckm_stream.streaming").info("worker.ready", partitions=12)

    (line,) = lines(stream)
    assert line.pop("time")
    assert line == {
        "event": "worker.ready",
        "level": "info",
        "logger": "ckm_stream.streaming",
        "partitions": 12,
    }


def test_line_of_a_library_takes_the_same_route(stream: io.StringIO) -> None:
    """What aiokafka logs through the standard library comes out as JSON too, formatted."""
    configure_logging(stream=stream)

    logging.getLogger("aiokafka.conn").error("Node %d is gone after %.1f s", 3, 0.5)

    assert [line["event"] for line in lines(stream)] == ["Node 3 is gone after 0.5 s"]


def test_libraries_are_quiet_below_warning(stream: io.StringIO) -> None:
    """Faust's chatter is left out while our own INFO lines are kept."""
    configure_logging("INFO", stream=stream)

    logging.getLogger("faust.app").info("chatter")
    structlog.get_logger("ckm_stream").info("kept")

    assert [line["event"] for line in lines(stream)] == ["kept"]


def test_libraries_never_log_their_debug_lines(stream: io.StringIO) -> None:
    """At DEBUG the libraries stay at INFO, for their DEBUG lines hold payloads."""
    configure_logging("DEBUG", stream=stream)

    logging.getLogger("aiokafka.conn").debug("Request %s", MARKER)
    logging.getLogger("aiokafka.conn").info("connected")

    assert [line["event"] for line in lines(stream)] == ["connected"]


@pytest.mark.parametrize(
    "value",
    [
        SecretStr(MARKER),
        MARKER.encode(),
        bytearray(MARKER, "utf-8"),
        Note(MARKER),
        ConsumerRecord(MARKER.encode()),
        [Note(MARKER)],
        (MARKER.encode(), 1),
        {"headers": {"note": MARKER.encode()}},
        {MARKER.encode(): 1},
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("pretty", [False, True])
def test_personal_value_is_not_printed(value: object, *, pretty: bool, stream: io.StringIO) -> None:
    """Secrets, bytes and records print as what they are, not what they hold, in either form."""
    configure_logging(stream=stream, pretty=pretty)

    structlog.get_logger("ckm_stream").info("line", value=value)
    logging.getLogger("kafka").warning("value %s", value)
    logging.getLogger("kafka").warning("value %(value)s", {"value": value})

    assert len(stream.getvalue().splitlines()) == 3
    assert MARKER not in stream.getvalue()


def test_traceback_comes_without_local_variables(stream: io.StringIO) -> None:
    """An exception is logged with its lines of code and not with the values in its frames."""
    configure_logging(stream=stream, pretty=True)
    note = MARKER.upper()

    try:
        _ = {"x": len(note)}["y"]
    except KeyError:
        structlog.get_logger("ckm_stream").exception("failed")

    assert "KeyError" in stream.getvalue()
    assert note not in stream.getvalue()


def test_warning_is_a_line_like_any_other(stream: io.StringIO) -> None:
    """Python's warnings are logged instead of being printed."""
    configure_logging(stream=stream)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"
    assert "old" in str(line["event"])


def test_configuring_twice_does_not_log_twice(stream: io.StringIO) -> None:
    """A second configuration replaces the first."""
    configure_logging(stream=stream)
    configure_logging(stream=stream)

    logging.getLogger("ckm_stream").warning("once")

    assert len(lines(stream)) == 1


@given(st.recursive(st.integers() | st.text() | st.none() | st.floats(), st.lists))
def test_redaction_leaves_plain_values_alone(value: object) -> None:
    """Numbers, text and lists of them are logged as they are."""
    assert repr(redact(value)) == repr(value)
