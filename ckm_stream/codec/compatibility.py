"""
FULL_TRANSITIVE: every version of a subject must read every other version's bodies.

History is replayed and kept for years, and producers and consumers are upgraded in any order, so
both directions count, between all pairs of versions.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from ckm_stream.codec.avro import AvroSchema, Json, kind_of
from ckm_stream.codec.catalogue import Catalogue, Version

#: What Avro lets a reader take a writer's primitive for.
_PROMOTIONS: Final = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a subject; ``problem`` starts with the path in the schema."""

    subject: str
    problem: str


def check_catalogue(catalogue: Catalogue) -> list[Finding]:
    """Return all that is wrong with the versions of all subjects; empty if they may be released."""
    findings: list[Finding] = []
    for subject, versions in catalogue.subjects.items():
        findings += [Finding(subject, text) for text in check_versions(versions)]
        findings += [
            Finding(subject, f"version {version.version}: {text}")
            for version in versions
            for text in convention_problems(version.schema)
        ]
    return findings


def check_versions(versions: Iterable[Version]) -> list[str]:
    """Return what keeps any of *versions* from reading any other's bodies."""
    return [
        f"version {reader.version} cannot read version {writer.version}: {problem}"
        for writer, reader in permutations(versions, 2)
        for problem in reading_problems(writer.schema, reader.schema)
    ]


def reading_problems(writer: AvroSchema, reader: AvroSchema) -> list[str]:
    """Return what keeps bodies of *writer* from being read as *reader*; empty if nothing does."""
    return list(_differences(writer.shape, reader.shape, path=""))


def convention_problems(schema: AvroSchema) -> list[str]:
    """Return where a schema breaks our conventions, which keep later changes compatible."""
    return list(_conventions(schema.json, path=""))


def _differences(writer: Json, reader: Json, *, path: str) -> Iterator[str]:
    wrote, reads = kind_of(writer), kind_of(reader)
    if wrote == "union":
        for branch in writer:
            yield from _differences(branch, reader, path=path)
    elif reads == "union":
        if not any(not list(_differences(writer, branch, path=path)) for branch in reader):
            yield f"{path or '/'}: {_label(writer)} is none of the types {_labels(reader)}"
    elif wrote != reads:
        if (wrote, reads) not in _PROMOTIONS or _logical(writer) or _logical(reader):
            yield f"{path or '/'}: {_label(writer)} cannot be read as {_label(reader)}"
    elif _logical(writer) != _logical(reader):
        yield f"{path or '/'}: {_label(writer)} means something else than {_label(reader)}"
    elif wrote in _COMPLEX:
        yield from _COMPLEX[wrote](writer, reader, path)


def _record_differences(writer: Json, reader: Json, path: str) -> Iterator[str]:
    if not _same_name(writer, reader):
        yield f"{path or '/'}: record {writer['name']} is not {reader['name']}"
        return
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        names = [field["name"], *field.get("aliases", [])]
        source = next((written[name] for name in names if name in written), None)
        place = f"{path}/{field['name']}"
        if source is not None:
            yield from _differences(source["type"], field["type"], path=place)
        elif "default" not in field:
            yield f"{place}: not written, and it has no default"


def _enum_differences(writer: Json, reader: Json, path: str) -> Iterator[str]:
    if not _same_name(writer, reader):
        yield f"{path or '/'}: enum {writer['name']} is not {reader['name']}"
    elif "default" not in reader:
        unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
        if unknown:
            yield f"{path or '/'}: symbols {', '.join(unknown)} are unknown, without a default"


def _fixed_differences(writer: Json, reader: Json, path: str) -> Iterator[str]:
    if not _same_name(writer, reader) or writer["size"] != reader["size"]:
        yield f"{path or '/'}: {_label(writer)} cannot be read as {_label(reader)}"


def _array_differences(writer: Json, reader: Json, path: str) -> Iterator[str]:
    yield from _differences(writer["items"], reader["items"], path=f"{path}/items")


def _map_differences(writer: Json, reader: Json, path: str) -> Iterator[str]:
    yield from _differences(writer["values"], reader["values"], path=f"{path}/values")


_COMPLEX: Final[dict[str, Callable[[Json, Json, str], Iterator[str]]]] = {
    "record": _record_differences,
    "enum": _enum_differences,
    "fixed": _fixed_differences,
    "array": _array_differences,
    "map": _map_differences,
}


def _same_name(writer: Json, reader: Json) -> bool:
    namespace = reader["name"].rpartition(".")[0]
    aliases = {
        alias if "." in alias else f"{namespace}.{alias}" for alias in reader.get("aliases", [])
    }
    return writer["name"] == reader["name"] or writer["name"] in aliases


def _logical(shape: Json) -> str | None:
    return shape.get("logicalType") if isinstance(shape, dict) else None


def _label(shape: Json) -> str:
    kind = kind_of(shape)
    if isinstance(shape, dict):
        detail = shape.get("name") or shape.get("logicalType")
        return f"{kind} {detail}" if detail else kind
    return kind


def _labels(union: Json) -> str:
    return ", ".join(_label(branch) for branch in union)


def _conventions(node: Json, *, path: str) -> Iterator[str]:
    if isinstance(node, list):
        for branch in node:
            yield from _conventions(branch, path=path)
    if not isinstance(node, dict):
        return
    if node.get("type") in ("record", "enum") and not node.get("doc"):
        yield f"{path or '/'}: no doc"
    if node.get("type") == "enum" and node.get("default") not in node["symbols"]:
        yield f"{path or '/'}: the enum has no default symbol"
    for field in node.get("fields", []):
        yield from _field_conventions(field, path=f"{path}/{field['name']}")
    for part in ("items", "values"):
        yield from _conventions(node.get(part), path=f"{path}/{part}")


def _field_conventions(field: Json, *, path: str) -> Iterator[str]:
    if not field.get("doc"):
        yield f"{path}: no doc"
    if field.get("pii", "direct") not in ("direct", "indirect"):
        yield f"{path}: pii is neither direct nor indirect"
    if isinstance(field["type"], list) and (
        field["type"][:1] != ["null"] or field.get("default", "") is not None
    ):
        yield f"{path}: an optional field is [null, type] with default null"
    yield from _conventions(field["type"], path=path)
