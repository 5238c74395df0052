"""
How far bytes can be read as Avro, field by field: for somebody who looks at a dead letter.

Slow and forgiving, the reverse of ``reading``: it says what it found before it had to give up.
It refuses nothing and decides nothing.
"""

import struct
from dataclasses import dataclass, field
from typing import Any, Final

from ckm_stream.codec.avro import AvroSchema, Json, kind_of
from ckm_stream.codec.reading import READING_ERRORS
from ckm_stream.codec.varints import read_block, read_int, read_long, read_size

#: Fields that are kept; more say nothing to a person.
_MOST_FIELDS: Final = 200


@dataclass(slots=True)
class PartialBody:
    """
    What of a body could be read.

    Attributes:
        fields: Dotted path and value, in the order of the bytes.
        read: Bytes that were read.
        problem: Why the reading ended, with the field that it ended in; None if all was read.
    """

    fields: list[tuple[str, object]] = field(default_factory=list)
    read: int = 0
    problem: str | None = None


def read_as_far_as_possible(schema: AvroSchema, body: bytes) -> PartialBody:
    """Read *body* as *schema* until its end, or until it is none."""
    reading = _Reading(body)
    try:
        reading.value("", schema.shape)
    except READING_ERRORS as error:
        known = str(error) if type(error) is ValueError else type(error).__name__
        reading.found.problem = f"{reading.path or 'the body'}: {known}"
        if isinstance(error, IndexError | struct.error):
            reading.found.problem = f"{reading.path or 'the body'}: the bytes end inside it"
    else:
        behind = len(body) - reading.at
        reading.found.problem = f"{behind} bytes are left behind the last field" if behind else None
    reading.found.read = min(reading.at, len(body))
    return reading.found


class _Reading:
    def __init__(self, body: bytes) -> None:
        self.body, self.at, self.path = body, 0, ""
        self.found = PartialBody()

    def value(self, path: str, shape: Json) -> None:
        """Read one value, whatever it is."""
        self.path = path
        kind = kind_of(shape)
        if kind == "record":
            for each in shape["fields"]:
                self.value(f"{path}.{each['name']}".lstrip("."), each["type"])
        elif kind == "union":
            self.value(path, self._choice(shape))
        elif kind in ("array", "map"):
            self._items(path, shape, kind)
        elif len(self.found.fields) < _MOST_FIELDS:
            self.found.fields.append((path, self._scalar(kind, shape)))
        else:
            self._scalar(kind, shape)

    def _items(self, path: str, shape: Json, kind: str) -> None:
        number = 0
        left, self.at = read_block(self.body, self.at)
        while left:
            for _ in range(left):
                name = str(number) if kind == "array" else str(self._bytes(is_text=True))
                self.value(f"{path}.{name}", shape["items" if kind == "array" else "values"])
                number += 1
            left, self.at = read_block(self.body, self.at)

    def _scalar(self, kind: str, shape: Json) -> Any:  # noqa: ANN401 -- whatever the schema says
        match kind:
            case "null":
                return None
            case "boolean":
                return self._boolean()
            case "enum":
                return self._choice(shape["symbols"])
            case "double" | "float":
                form = struct.Struct("<d" if kind == "double" else "<f")
                (number,) = form.unpack_from(self.body, self.at)
                self.at += form.size
                return number
            case "string" | "bytes":
                return self._bytes(is_text=kind == "string")
            case _:
                read = read_int if kind == "int" else read_long
                number, self.at = read(self.body, self.at)
                return number

    def _boolean(self) -> bool:
        byte = self.body[self.at]
        if byte > 1:
            raise ValueError(f"byte {byte} is neither true nor false")
        self.at += 1
        return byte == 1

    def _choice(self, choices: list[Any]) -> Any:  # noqa: ANN401 -- one of them
        place, behind = read_long(self.body, self.at)
        if not 0 <= place < len(choices):
            raise ValueError(f"there is no choice {place} of {len(choices)}")
        self.at = behind
        return choices[place]

    def _bytes(self, *, is_text: bool) -> str | bytes:
        size, start = read_size(self.body, self.at)
        if size > len(self.body) - start:
            raise ValueError(f"{size} bytes are announced, {len(self.body) - start} are there")
        data = self.body[start : start + size]
        text: str | bytes = data.decode() if is_text else data
        self.at = start + size
        return text
