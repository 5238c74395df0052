"""The catalogue of schemas."""

from pathlib import Path

import pytest

from ckm_stream.codec.catalogue import Catalogue, schemas_root
from ckm_stream.errors import ConfigurationError

RECORD = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}'
ENTRY = "{id: %d, subject: %s, version: %d, file: r.avsc}"


def root_with(folder: Path, *entries: str, avsc: str = RECORD) -> Path:
    """Write a catalogue and one schema file below *folder*."""
    (folder / "avro").mkdir()
    (folder / "avro" / "r.avsc").write_text(avsc)
    lines = "".join(f"  - {entry}\n" for entry in entries)
    (folder / "catalogue.yaml").write_text(f"schemas:\n{lines}")
    return folder


def test_schema_is_found_by_its_id() -> None:
    """Every id of the catalogue gives the schema that it stands for, and no other id any."""
    catalogue = Catalogue.load()
    newest = catalogue.newest("ckm.touchpoint.call.v1-value")

    assert catalogue.writing_id("ckm.touchpoint.call.v1-value") == newest.schema_id == 10_000_001
    assert catalogue.by_id(10_000_001) is newest.schema
    assert newest.schema.name == "org.ckm.TouchpointCall"
    assert catalogue.by_id(1) is None
    assert catalogue.catalogue is catalogue


def test_newest_version_is_the_last_one(tmp_path: Path) -> None:
    """Values are written and read as the greatest version."""
    root = root_with(tmp_path, ENTRY % (5, "s-value", 1), ENTRY % (9, "s-value", 2))

    assert Catalogue.load(root).newest("s-value").schema_id == 9


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([ENTRY % (5, "s", 1), ENTRY % (5, "s", 2)], "uses a schema id twice"),
        ([ENTRY % (5, "s", 1), ENTRY % (6, "s", 1)], "versions of s as 1, 2"),
        ([ENTRY % (5, "s", 2)], "versions of s as 1, 2"),
        (["{id: 5, subject: s, version: 1, file: none.avsc}"], "cannot be read: FileNotFound"),
        (["{id: 5, subject: s, version: 1}"], "cannot be read: KeyError"),
        (["{id: x"], "cannot be read: ParserError"),
    ],
)
def test_catalogue_that_contradicts_itself_is_refused(
    tmp_path: Path, entries: list[str], message: str
) -> None:
    """An id or a version stands for one schema, and every schema is there."""
    with pytest.raises(ConfigurationError, match=message):
        Catalogue.load(root_with(tmp_path, *entries))


def test_unknown_subject_is_refused() -> None:
    """A subject that is not in the catalogue cannot be written."""
    with pytest.raises(ConfigurationError, match="no subject x-value"):
        Catalogue.load().writing_id("x-value")


def test_schemas_are_found_in_the_checkout_or_the_package() -> None:
    """The folder holds the catalogue, the schemas and the topics."""
    names = {entry.name for entry in schemas_root().iterdir()}

    assert {"avro", "catalogue.yaml", "examples", "topics"} <= names
