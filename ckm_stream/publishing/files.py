"""
Reading touchpoint events from files: JSON lines and Avro object container files, gzip or not.

The form is told by the first bytes, never by the name. A wrong line becomes a ``Refusal`` that
says where and what, and reading goes on; only damage that hides where the next event starts ends
it. Memory holds one line, or one block of an Avro file.
"""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from ckm_stream.codec.events import MAX_VALUE_BYTES, source_of
from ckm_stream.codec.jsonform import JsonFormError, event_from_json, event_to_json
from ckm_stream.codec.topics import Source
from ckm_stream.domain.events import TouchpointEvent
from ckm_stream.errors import ConfigurationError
from ckm_stream.publishing.avrofiles import AVRO_MAGIC, read_avro_records

STDIN: Final = Path("-")
SOURCES: Final = {
    "call": Source.CALL,
    "ticket": Source.TICKET,
    "purchase": Source.PURCHASE,
    "feedback": Source.FEEDBACK,
}

# Field names, quotes and escapes make JSON up to about four times as long as Avro: a longer line
# cannot become a record that the worker takes.
MAX_LINE_BYTES: Final = 4 * MAX_VALUE_BYTES
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that is wrong with an entry.

    Attributes:
        field: Path of the field, such as ``lines[0].amount``; empty if it is the whole entry.
        message: What is wrong with it.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why an entry of a file is not an event.

    Attributes:
        place: Line of a JSON lines file, or number of the record in an Avro file; from 1.
        problems: All that is wrong, at least one.
    """

    place: int
    problems: tuple[Problem, ...]


Entry = TouchpointEvent | Refusal


@dataclass(frozen=True, slots=True)
class EventFile:
    """An open file of events; ``position`` and ``size`` are in bytes of the file as stored."""

    raw: IO[bytes]
    content: BufferedReader
    size: int | None

    @property
    def position(self) -> int:
        """How many bytes have been read; 0 where that cannot be told (standard input)."""
        return self.raw.tell() if self.size is not None else 0

    def entries(self, source: Source | None) -> Iterator[tuple[int, Entry]]:
        """
        Yield the place of each entry and its event, or why it is none.

        Args:
            source: Type of the entries that do not say theirs.

        Raises:
            ConfigurationError: If the file is damaged so that nothing after can be read.
        """
        reads = self._avro_entries if self._starts_with(AVRO_MAGIC) else self._json_entries
        place = 0
        try:
            for place, entry in reads(source):
                yield place, entry
        except (EOFError, OSError, zlib.error) as error:
            raise ConfigurationError(
                f"{self.raw.name} cannot be read beyond entry {place}: {error}"
            ) from error

    def _starts_with(self, magic: bytes) -> bool:
        return self.content.peek(len(magic)).startswith(magic)

    def _json_entries(self, source: Source | None) -> Iterator[tuple[int, Entry]]:
        place = 0
        while line := self.content.readline(MAX_LINE_BYTES + 1):
            place += 1
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = self.content.readline(MAX_LINE_BYTES)
                yield place, _refuse(place, "", f"longer than {MAX_LINE_BYTES} bytes")
            elif not line.isspace():
                yield place, _parse_line(place, line, source)

    def _avro_entries(self, source: Source | None) -> Iterator[tuple[int, Entry]]:
        records = read_avro_records(self.content, source)
        for place, (record, of) in enumerate(records, start=1):
            yield place, _to_event(place, record, of)


@contextmanager
def open_events(path: Path) -> Iterator[EventFile]:
    """
    Open a file of events, or standard input for ``-``.

    Raises:
        ConfigurationError: If it cannot be opened.
    """
    with ExitStack() as stack:
        try:
            size = None if path == STDIN else path.stat().st_size
            raw = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
            content = _buffered(raw, stack)
            if content.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC):
                content = _buffered(
                    stack.enter_context(closing(gzip.GzipFile(fileobj=content))), stack
                )
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
        yield EventFile(raw, content, size)


def _buffered(file: IO[bytes] | gzip.GzipFile, stack: ExitStack) -> BufferedReader:
    buffered: BufferedReader = BufferedReader(cast(Any, file))
    # Without it the buffer would close what it reads from, standard input included.
    stack.callback(buffered.detach)
    return buffered


def to_line(event: TouchpointEvent) -> dict[str, Any]:
    """Return the JSON object that a line of *event* holds: its JSON form and its type."""
    return {"type": source_of(event).name.lower(), **event_to_json(event)}


def _parse_line(place: int, line: bytes, source: Source | None) -> Entry:
    try:
        entry = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _refuse(place, "", f"not JSON: {error}")
    except RecursionError:
        return _refuse(place, "", "not JSON: nested too deeply")
    if not isinstance(entry, dict):
        return _refuse(place, "", "not a JSON object")
    name = entry.pop("type", None)
    if name is not None:
        source = SOURCES.get(name) if isinstance(name, str) else None
        if source is None:
            return _refuse(place, "type", f"must be one of {', '.join(SOURCES)}")
    if source is None:
        return _refuse(place, "type", "missing; add it or use --source")
    return _to_event(place, entry, source)


def _to_event(place: int, entry: dict[str, Any], source: Source) -> Entry:
    try:
        return cast(TouchpointEvent, event_from_json(entry, source))
    except JsonFormError as error:
        problems = [
            Problem(path.removeprefix("$").lstrip("."), said) for path, said in error.errors
        ]
        return Refusal(place, tuple(problems))


def _refuse(place: int, field: str, message: str) -> Refusal:
    return Refusal(place, (Problem(field, message),))
