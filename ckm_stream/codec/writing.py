"""
Writers of Avro bodies, compiled: one straight-line Python function per schema.

The counterpart of ``reading``: an event in 6 to 8 µs where fastavro takes 19 µs, a score update
with its twelve factors in 24 µs where it takes 60 µs (best of 150 runs on one 2-core machine).
"""

import struct
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

from ckm_stream.codec.avro import AvroSchema, Json, is_timestamp, kind_of
from ckm_stream.codec.varints import write_int, write_long, write_timestamp
from ckm_stream.errors import InvariantError

#: Writes a value behind a head, such as a frame's.
Writer = Callable[[Any, bytes], bytes]

#: All that a writer raises for a value that its schema cannot hold.
WRITING_ERRORS: Final = (
    AttributeError,  # not the struct, or None where a string must be
    KeyError,  # no such enum symbol, not a boolean
    TypeError,  # another type
    ValueError,  # an integer of too many bits, a lone surrogate
    struct.error,  # not a number
)

_DOUBLE: Final = struct.Struct("<d")
_FLOAT: Final = struct.Struct("<f")
_BOOLEANS: Final = {False: b"\0", True: b"\1"}
#: Zigzag varints of 0 to 63, the ones that take a byte.
_SMALL: Final = tuple(bytes([2 * number]) for number in range(64))


def compile_writer(schema: AvroSchema, paths: Mapping[str, str] | None = None) -> Writer:
    """
    Return the writer of *schema*.

    Args:
        schema: What to write.
        paths: Attribute path of each field of the top record that is not found under its own
            name, such as ``score.total``.
    """
    lines = _Lines()
    lines.record(schema.shape, "v", paths or {})
    source = "def write(v, head):\n    o = [head]\n    a = o.append\n" + "\n".join(lines.lines)
    source += "\n    return b''.join(o)"
    # The source is made of names of this module, numbers, our own paths and the schema's field
    # names, which are identifiers.
    exec(compile(source, f"<writer of {schema.name}>", "exec"), lines.names)  # noqa: S102
    writer: Writer = lines.names["write"]
    return writer


class _Lines:
    """The lines of a writer under construction: ``a`` appends a piece of the body."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "write_long": write_long,
            "write_int": write_int,
            "write_timestamp": write_timestamp,
            "double": _DOUBLE.pack,
            "single": _FLOAT.pack,
            "BOOLEANS": _BOOLEANS,
            "SMALL": _SMALL,
        }
        self._numbers = count()
        self._indent = "    "

    def record(self, shape: Json, holder: str, paths: Mapping[str, str]) -> None:
        """Add the lines that write the record in the variable *holder*."""
        for field in shape["fields"]:
            name = field["name"]
            if not name.isidentifier():
                raise InvariantError(f"{name!r} is not a field's name")
            self._value(field["type"], f"{holder}.{paths.get(name, name)}")

    def _value(self, shape: Json, expression: str) -> None:
        kind = kind_of(shape)
        held = self._new("x")
        self._add(f"{held} = {expression}")
        if kind == "record":
            self.record(shape, held, {})
        elif kind == "union":
            self._optional(shape, held)
        elif kind == "array":
            self._items(held, held, lambda item: self._value(shape["items"], item))
        elif kind == "map":
            self._items(held, f"{held}.items()", lambda item: self._entry(shape, item))
        else:
            self._scalar(kind, shape, held)

    def _scalar(self, kind: str, shape: Json, held: str) -> None:
        if kind in ("string", "bytes"):
            if kind == "string":
                self._add(f"{held} = {held}.encode()")
            self._add(f"n = len({held})", "a(SMALL[n] if n < 64 else write_long(n))")
            self._add(f"a({held})")
        elif kind in ("int", "long"):
            kind = "timestamp" if is_timestamp(shape) else kind
            self._add(f"a(SMALL[{held}] if 0 <= {held} < 64 else write_{kind}({held}))")
        elif kind == "enum":
            symbols = {symbol: write_int(place) for place, symbol in enumerate(shape["symbols"])}
            self._add(f"a({self._constant(symbols)}[{held}])")
        elif kind == "boolean":
            self._add(f"a(BOOLEANS[{held}])")
        elif kind in ("double", "float"):
            self._add(f"a({'double' if kind == 'double' else 'single'}({held}))")
        else:
            raise InvariantError(f"no writer for the Avro type {kind!r}")

    def _optional(self, shape: Json, held: str) -> None:
        if len(shape) != 2 or shape[0] != "null":  # noqa: PLR2004 -- null and one other
            raise InvariantError("our schemas have no unions but [null, type]")
        self._add(f"if {held} is None: a(SMALL[0])", "else:")
        self._indent += "    "
        self._add("a(SMALL[1])")
        self._value(shape[1], held)
        self._indent = self._indent[:-4]

    def _items(self, held: str, iterated: str, write: Callable[[str], None]) -> None:
        item = self._new("i")
        self._add(f"if {held}:")
        self._indent += "    "
        self._add(f"a(write_long(len({held})))", f"for {item} in {iterated}:")
        self._indent += "    "
        write(item)
        self._indent = self._indent[:-8]
        self._add("a(SMALL[0])")

    def _entry(self, shape: Json, item: str) -> None:
        self._value("string", f"{item}[0]")
        self._value(shape["values"], f"{item}[1]")

    def _add(self, *lines: str) -> None:
        self.lines.extend(self._indent + line for line in lines)

    def _new(self, letter: str) -> str:
        return f"{letter}{next(self._numbers)}"

    def _constant(self, value: object) -> str:
        name = self._new("C")
        self.names[name] = value
        return name
