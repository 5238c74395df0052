"""Taking an Avro body apart by its schema, with nothing of the product but its numbers."""

from dataclasses import dataclass

from ckm_stream.codec.avro import Json, kind_of
from ckm_stream.codec.varints import read_block, read_long


@dataclass(frozen=True, slots=True)
class Part:
    """Where a piece of a body is: a scalar, a union's branch or a block's count."""

    path: str
    kind: str
    start: int
    end: int


def parts_of(shape: Json, body: bytes) -> list[Part]:
    """Take a body apart by its schema."""
    walk = _Walk(body)
    walk.value("", shape)
    assert walk.at == len(body)
    return walk.parts


class _Walk:
    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0
        self.parts: list[Part] = []

    def value(self, path: str, shape: Json) -> None:
        kind = kind_of(shape)
        if kind == "record":
            for each in shape["fields"]:
                self.value(f"{path}.{each['name']}".lstrip("."), each["type"])
        elif kind == "union":
            self.value(path, shape[self._long(path, "branch")])
        elif kind in ("array", "map"):
            while (items := self._block(path)) != 0:
                for _ in range(items):
                    if kind == "map":
                        self._scalar(f"{path}.key", "string")
                    self.value(path, shape["items" if kind == "array" else "values"])
        elif kind != "null":
            self._scalar(path, kind)

    def _scalar(self, path: str, kind: str) -> None:
        start = self.at
        if kind in ("string", "bytes"):
            size, behind = read_long(self.body, start)
            self.at = behind + size
        elif kind in ("double", "float"):
            self.at += 8 if kind == "double" else 4
        elif kind == "boolean":
            self.at += 1
        else:
            self._long(path, kind)
            return
        self.parts.append(Part(path, kind, start, self.at))

    def _long(self, path: str, kind: str) -> int:
        start = self.at
        number, self.at = read_long(self.body, start)
        self.parts.append(Part(path, kind, start, self.at))
        return number

    def _block(self, path: str) -> int:
        start = self.at
        items, self.at = read_block(self.body, start)
        self.parts.append(Part(path, "block", start, self.at))
        return items
