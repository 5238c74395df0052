"""
The AsyncAPI document: as the topic files are, valid by AsyncAPI's own schema, true to the bytes.

Whoever builds a client from ``docs/asyncapi.yaml`` alone reads and writes what the service does;
these tests take schemas, ids and examples from the document and nowhere else.
"""

import copy
import json
import shutil
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import jsonschema
import pytest
import yaml

from ckm_stream.codec.catalogue import Catalogue, schemas_root
from ckm_stream.codec.topics import LOGICAL_TOPICS
from tools import asyncapi
from tools.project import project_version

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests" / "data" / "asyncapi" / "asyncapi-3.0.0.json").read_text())
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
CATALOGUE = Catalogue.load()
FRAME = struct.Struct(">bi")  # magic byte 0, schema id

#: Who publishes what, and who reads what, apart from our own programs.
PUBLISHED = {f"ckm.touchpoint.{each}.v1" for each in ("call", "ticket", "purchase", "feedback")}
ANNOUNCED = {"ckm.score.updated.v1", "ckm.knowledge.item.v1"}


def problems(document: object) -> list[str]:
    """Return what AsyncAPI's schema finds wrong."""
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(document)]


def examples() -> list[Any]:
    """Return (message, example, its key and bytes) of every example."""
    return [
        pytest.param(message, example, message["x-examples"][example["name"]], id=f"{name}-{place}")
        for name, message in MESSAGES.items()
        for place, example in enumerate(message["examples"])
    ]


def references(node: Any) -> Iterator[str]:
    """Yield every ``$ref`` below *node*."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for part in node.values():
            yield from references(part)
    elif isinstance(node, list):
        for part in node:
            yield from references(part)


def resolved(reference: str) -> Any:
    """Follow a reference within the document."""
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_the_document_is_what_the_schemas_make_of_it() -> None:
    """Made again it is the same to the byte: nothing was changed by hand or forgotten."""
    made = asyncapi.text_of(asyncapi.document(schemas_root(), project_version()))

    assert (ROOT / "docs" / "asyncapi.yaml").read_text() == made


def test_a_changed_topic_file_makes_another_document(tmp_path: Path) -> None:
    """The comparison above can fail: what a topic file says is in the document."""
    root = tmp_path / "schemas"
    shutil.copytree(ROOT / "schemas", root)
    file = root / "topics" / "score_updated.yaml"
    file.write_text(file.read_text().replace("604800000", "86400000"))

    made = asyncapi.document(root, project_version())

    config = made["channels"]["scoreUpdated"]["bindings"]["kafka"]["topicConfiguration"]
    assert config["min.compaction.lag.ms"] == 86_400_000
    assert made != DOCUMENT


def test_the_document_is_valid() -> None:
    """AsyncAPI's schema of version 3.0.0 has nothing against it."""
    assert problems(DOCUMENT) == []


def _wrong_action(document: dict[str, Any]) -> None:
    document["operations"]["sendScoreUpdated"]["action"] = "publish"


def _unknown_binding(document: dict[str, Any]) -> None:
    document["channels"]["scoreUpdated"]["bindings"]["kafka"]["bindingVersion"] = "9.9.9"


def _avro_without_fields(document: dict[str, Any]) -> None:
    del document["components"]["messages"]["TouchpointCallV1"]["payload"]["schema"]["fields"]


def _unknown_security(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"]["scram512"]["type"] = "scramSha1"


@pytest.mark.parametrize(
    "spoil", [_wrong_action, _unknown_binding, _avro_without_fields, _unknown_security]
)
def test_control_a_wrong_document_is_found(spoil: Callable[[dict[str, Any]], None]) -> None:
    """The vendored schema still looks at operations, Kafka's bindings, Avro and security."""
    spoilt = copy.deepcopy(DOCUMENT)
    spoil(spoilt)

    assert problems(spoilt) != []


def test_every_reference_leads_somewhere() -> None:
    """Channels, messages and security schemes that are referred to are there."""
    found = list(references({**DOCUMENT, "components": {}}))

    assert len(found) > len(DOCUMENT["channels"])
    for reference in found:
        assert resolved(reference)


def test_channels_are_what_others_publish_and_read() -> None:
    """The service receives touchpoints and sends announcements; what is internal is only named."""
    sides: dict[str, set[str]] = {"receive": set(), "send": set()}
    for operation in DOCUMENT["operations"].values():
        channel = resolved(operation["channel"]["$ref"])
        sides[operation["action"]].add(channel["address"])
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]
    internal = set(DOCUMENT["info"]["x-internal-topics"])

    assert sides == {"receive": PUBLISHED, "send": ANNOUNCED}
    assert internal == set(LOGICAL_TOPICS) - PUBLISHED - ANNOUNCED


def test_every_version_of_a_public_schema_is_a_message() -> None:
    """A message has the subject's Avro file word for word, and the id of the catalogue."""
    public = [
        version
        for subject, versions in CATALOGUE.subjects.items()
        for version in versions
        if subject.removesuffix("-value") in PUBLISHED | ANNOUNCED
    ]

    assert {message["x-schema-id"] for message in MESSAGES.values()} == {
        version.schema_id for version in public
    }
    for message in MESSAGES.values():
        written = json.loads((ROOT / message["x-schema-file"]).read_text())
        assert message["payload"]["schema"] == written
        assert fastavro.parse_schema(message["payload"]["schema"])


@pytest.mark.parametrize(("message", "example", "record"), examples())
def test_an_examples_bytes_decode_to_its_payload(
    message: dict[str, Any], example: dict[str, Any], record: dict[str, str]
) -> None:
    """By the document alone: the frame has the message's id, the body its payload, to the end."""
    value = bytes.fromhex(record["x-value-hex"])
    body = BytesIO(value[FRAME.size :])
    schema = json.loads(
        json.dumps(message["payload"]["schema"]).replace(
            '"logicalType": "timestamp-micros"', '"x": 0'
        )
    )

    payload = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)

    assert FRAME.unpack_from(value) == (0, message["x-schema-id"])
    assert payload == example["payload"]
    assert body.read() == b""
    assert record["x-key"] == example["payload"]["customer_id"]


@pytest.mark.parametrize(("message", "example", "record"), examples())
def test_an_examples_headers_are_those_that_are_described(
    message: dict[str, Any], example: dict[str, Any], record: dict[str, str]
) -> None:
    """Touchpoints carry CloudEvents' headers, announcements none."""
    described = message.get("headers", {}).get("properties", {})

    assert set(example.get("headers", {})) == set(described)
    if described:
        assert example["headers"]["ce_id"] == example["payload"]["event_id"]


def test_check_says_what_to_do_about_an_outdated_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--check`` ends with 1 and the remedy; without it the document is written, and fits then."""
    path = tmp_path / "asyncapi.yaml"
    path.write_text("asyncapi: 3.0.0\n")
    monkeypatch.setattr(asyncapi, "PATH", path)
    monkeypatch.setattr("sys.argv", ["asyncapi", "--check"])

    assert asyncapi.main() == 1
    assert "python -m tools.asyncapi" in capsys.readouterr().err

    monkeypatch.setattr("sys.argv", ["asyncapi"])
    assert asyncapi.main() == 0
    monkeypatch.setattr("sys.argv", ["asyncapi", "--check"])
    assert asyncapi.main() == 0
