"""Reading events from JSON lines and Avro files: what is right comes out, what is wrong is said."""

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastavro
import msgspec
import pytest

from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import Call, TouchpointEvent
from ckm_stream.errors import ConfigurationError
from ckm_stream.publishing.files import MAX_LINE_BYTES, STDIN, Entry, Refusal, open_events, to_line
from ckm_stream.publishing.simulate import simulated_events
from ckm_stream.simulation.customers import SimulationPlan

SCHEMAS = Path(__file__).parents[3] / "schemas" / "avro"


@pytest.fixture(scope="module")
def events() -> list[TouchpointEvent]:
    """Give simulated events of all types."""
    return list(simulated_events(SimulationPlan(customers=10, seed=4)))


@pytest.fixture(scope="module")
def lines(events: list[TouchpointEvent]) -> bytes:
    """Give them as JSON lines."""
    return b"".join(msgspec.json.encode(to_line(each)) + b"\n" for each in events)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Entry]]:
    """Give the function that writes bytes to a file and reads its entries."""

    def read_bytes(content: bytes, source: Source | None = None) -> list[Entry]:
        path = tmp_path / "events"
        path.write_bytes(content)
        with open_events(path) as file:
            return [entry for _, entry in file.entries(source)]

    return read_bytes


Read = Callable[..., list[Entry]]


def a_line(**changes: object) -> bytes:
    """Return a valid call as a JSON line, with *changes*."""
    fields: dict[str, object] = {
        "type": "call",
        "event_id": "e-1",
        "source": "crm",
        "customer_id": "c-1",
        "occurred_at": 1_700_000_000_000_000,
        "recorded_at": 1_700_000_000_000_000,
        "direction": "INBOUND",
        "outcome": "ANSWERED",
    }
    return json.dumps(fields | changes).encode() + b"\n"


def test_events_written_as_json_lines_are_read_back(
    read: Read, events: list[TouchpointEvent], lines: bytes
) -> None:
    """All fields of all types survive, plain and compressed."""
    assert read(lines) == events
    assert read(gzip.compress(lines)) == events


def test_blank_lines_and_a_missing_last_newline_are_no_errors(read: Read) -> None:
    """Only lines with something in them are entries."""
    entries = read(b"\n" + a_line() + b"  \n" + a_line().rstrip())

    assert len(entries) == 2
    assert all(isinstance(each, Call) for each in entries)


def test_the_type_may_come_from_the_command_line(read: Read) -> None:
    """A line's own type wins over the one given for all."""
    untyped = a_line().replace(b'"type": "call", ', b"")

    assert isinstance(read(untyped, Source.CALL)[0], Call)
    assert isinstance(read(a_line(), Source.TICKET)[0], Call)


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (b"not json\n", "", "not JSON"),
        (b"\xff\xfe\n", "", "not JSON"),
        (b"[1]\n", "", "not a JSON object"),
        (b'{"a":' * 50_000 + b"\n", "", "not JSON"),
        (a_line(type=None), "type", "--source"),
        (a_line(type="sms"), "type", "call, ticket, purchase, feedback"),
        (a_line(type=["call"]), "type", "call, ticket, purchase, feedback"),
        (a_line(outcome="HUNG_UP"), "outcome", "must be one of ANSWERED, ABANDONED"),
        (a_line(occurred_at="yesterday"), "occurred_at", ""),
        (a_line(topics=["a", 5]), "topics[1]", ""),
        (a_line(wait_s=float("nan")), "", "not JSON"),
    ],
)
def test_a_wrong_line_is_refused_and_reading_goes_on(
    read: Read, line: bytes, field: str, words: str
) -> None:
    """The refusal says line, field and reason; the lines around it are events."""
    before, wrong, after = read(a_line() + line + a_line())

    assert isinstance(before, Call)
    assert isinstance(after, Call)
    assert isinstance(wrong, Refusal)
    (problem,) = wrong.problems
    assert (wrong.place, problem.field) == (2, field)
    assert words in problem.message


def test_all_that_is_wrong_with_a_line_is_said(read: Read) -> None:
    """A misspelt field is unknown, and the right one missing."""
    (wrong,) = read(a_line(duration_s="long").replace(b"customer_id", b"customer"))

    assert isinstance(wrong, Refusal)
    assert {each.field for each in wrong.problems} == {"customer", "customer_id", "duration_s"}


def test_a_line_without_end_is_refused_in_bounded_memory(read: Read) -> None:
    """A line longer than any record is skipped to its end."""
    before, wrong, after = read(a_line() + b"x" * (3 * MAX_LINE_BYTES) + b"\n" + a_line())

    assert isinstance(wrong, Refusal)
    assert "longer" in wrong.problems[0].message
    assert isinstance(before, Call)
    assert isinstance(after, Call)


def test_standard_input_is_read_as_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads what is piped in; its size is not known."""
    piped = io.BufferedReader(io.BytesIO(a_line()))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=piped))

    with open_events(STDIN) as file:
        entries = [entry for _, entry in file.entries(None)]

    assert isinstance(entries[0], Call)
    assert (file.size, file.position) == (None, 0)


def test_progress_reaches_the_size_of_the_file(tmp_path: Path, lines: bytes) -> None:
    """Position and size are those of the stored, compressed bytes."""
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(lines))

    with open_events(path) as file:
        positions = [file.position for _ in file.entries(None)]

    assert positions == sorted(positions)
    assert positions[-1] <= path.stat().st_size == file.size


def avro_file(schema: Any, records: list[dict[str, Any]], codec: str = "null") -> bytes:
    """Return an Avro object container file."""
    out = io.BytesIO()
    fastavro.writer(out, schema, records, codec=codec, sync_interval=500)
    return out.getvalue()


def schema_of(name: str) -> Any:
    """Return a schema of the catalogue."""
    return json.loads((SCHEMAS / f"touchpoint_{name}.v1.avsc").read_text())


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_events_of_an_avro_file_are_read_back(
    read: Read, events: list[TouchpointEvent], codec: str
) -> None:
    """The type comes from the schema's name; times stay exact."""
    calls = [each for each in events if isinstance(each, Call)]
    records = [msgspec.to_builtins(each) for each in calls]

    content = avro_file(schema_of("call"), records, codec)

    assert read(content) == calls
    assert read(gzip.compress(content)) == calls


def test_times_beyond_the_calendar_are_refused_by_the_checks_not_by_a_crash(read: Read) -> None:
    """A timestamp after the year 9999 is an integer like any other here."""
    record = json.loads(a_line()) | {"occurred_at": 2**62}

    (event,) = read(avro_file(schema_of("call"), [record]))

    assert isinstance(event, Call)
    assert event.occurred_at == 2**62


def test_an_avro_file_of_something_else_needs_a_type(read: Read) -> None:
    """A schema with a foreign name is taken for what the command line says."""
    schema = schema_of("call") | {"name": "CallEvent", "namespace": "com.example"}
    content = avro_file(schema, [json.loads(a_line())])

    with pytest.raises(ConfigurationError, match=r"com\.example\.CallEvent.*--source"):
        read(content)
    assert isinstance(read(content, Source.CALL)[0], Call)


@pytest.mark.parametrize("kept", [6, 100, 0.5, 0.99])
def test_a_truncated_avro_file_says_after_which_record(
    read: Read, events: list[TouchpointEvent], kept: float
) -> None:
    """What comes after the damage cannot be found, so reading ends with an error."""
    records = [msgspec.to_builtins(each) for each in events if isinstance(each, Call)]
    content = avro_file(schema_of("call"), records)

    with pytest.raises(ConfigurationError, match="damaged after record"):
        read(content[: int(kept * len(content)) if kept < 1 else int(kept)])


def test_a_damaged_gzip_file_says_after_which_entry(read: Read, lines: bytes) -> None:
    """Half a compressed file is an error, not a short file."""
    whole = gzip.compress(lines)

    with pytest.raises(ConfigurationError, match="cannot be read beyond entry"):
        read(whole[: len(whole) // 2])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message has the path and what is wrong."""
    path = tmp_path / "nowhere.jsonl"

    with (
        pytest.raises(ConfigurationError, match=r"nowhere\.jsonl.*No such file"),
        open_events(path),
    ):
        pass
