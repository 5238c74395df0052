"""
Messages of the AsyncAPI document: Avro payloads, keys, headers, and examples from golden bytes.

An example is what a release has written (``schemas/examples``), decoded; its bytes stand beside it,
so that a client can be tried on them.
"""

from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any, Final

import fastavro

from ckm_stream.codec.catalogue import Catalogue, Version
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import split
from ckm_stream.codec.topics import SOURCE_TOPICS, subject_of
from ckm_stream.domain.events import Touchpoint
from ckm_stream.errors import InvariantError
from ckm_stream.publishing.cloudevents import cloud_event_headers

#: Of AsyncAPI's Kafka bindings.
BINDING_VERSION: Final = "0.5.0"

_AVRO: Final = "application/vnd.apache.avro;version=1.9.0"
_SOURCE_OF: Final = {subject_of(topic): source for source, topic in SOURCE_TOPICS.items()}


def message_name(version: Version) -> str:
    """Return the name of a schema version's message, such as ``TouchpointCallV1``."""
    return f"{version.schema.json['name']}V{version.version}"


def _header(description: str) -> dict[str, str]:
    return {"type": "string", "description": description}


#: Headers that `ckm publish`, the client and the gateway write; the service needs none of them.
_CLOUD_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": (
        "CloudEvents 1.0 in Kafka's binary mode, for tools between channels and this service; "
        "optional, and not read by it."
    ),
    "properties": {
        "content-type": _header("application/avro."),
        "ce_specversion": _header("1.0."),
        "ce_type": _header("Such as org.ckm.touchpoint.call.v1."),
        "ce_source": _header("The field `source`, percent-encoded."),
        "ce_id": _header("The field `event_id`."),
        "ce_time": _header("The field `occurred_at`, RFC 3339."),
    },
}
#: The same for every topic: AsyncAPI's description of Confluent's frame, and of the key.
_BINDINGS: Final[dict[str, Any]] = {
    "kafka": {
        "key": {"type": "string", "description": "The customer id, UTF-8; equal to customer_id."},
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicNameStrategy",
        "bindingVersion": BINDING_VERSION,
    }
}


class Messages:
    """Makes messages from the schemas and examples below *root*."""

    def __init__(self, root: Traversable, catalogue: Catalogue) -> None:
        self._folder = root / "examples"
        self._codec = EventCodec(catalogue)

    def of(self, version: Version) -> dict[str, Any]:
        """Return the message of a schema's version, of a topic whose key is the customer."""
        values = self._golden(version)
        content: dict[str, Any] = {
            "name": version.schema.json["name"],
            "title": f"{version.subject}, version {version.version}",
            "summary": version.schema.json["doc"],
            "contentType": "application/avro",
        }
        if version.subject in _SOURCE_OF:
            content["headers"] = _CLOUD_EVENT
        return content | {
            "payload": {"schemaFormat": _AVRO, "schema": version.schema.json},
            "bindings": _BINDINGS,
            "examples": [self._example(name, value, version) for name, value in values.items()],
            "x-schema-id": version.schema_id,
            "x-schema-file": f"schemas/avro/{version.file}",
            "x-examples": {
                name: {"x-key": decoded(value, version)["customer_id"], "x-value-hex": value.hex()}
                for name, value in values.items()
            },
        }

    def _golden(self, version: Version) -> dict[str, bytes]:
        folder = self._folder / version.subject / f"v{version.version}"
        return {
            file.name.removesuffix(".hex"): bytes.fromhex(file.read_text())
            for file in sorted(folder.iterdir(), key=lambda file: file.name)
            if file.name.endswith(".hex")
        }

    def _example(self, name: str, value: bytes, version: Version) -> dict[str, Any]:
        payload = decoded(value, version)
        if version.subject not in _SOURCE_OF:
            return {"name": name, "payload": payload}
        source, key = _SOURCE_OF[version.subject], payload["customer_id"].encode()
        event = self._codec.decode(source, key, value)
        if not isinstance(event, Touchpoint):
            raise InvariantError(f"{version.subject} is public, but holds no touchpoints")
        headers = {header: text.decode() for header, text in cloud_event_headers(event)}
        return {"name": name, "headers": headers, "payload": payload}


def decoded(value: bytes, version: Version) -> dict[str, Any]:
    """Return what fastavro reads from a framed *value*, with instants as Avro has them."""
    _, body = split(value)
    schema = fastavro.parse_schema(_without_logical_types(version.schema.json))
    found = fastavro.schemaless_reader(BytesIO(body), schema, None)
    if not isinstance(found, dict):
        raise InvariantError(f"{version.subject} is not a record")
    return found


def _without_logical_types(node: Any) -> Any:  # noqa: ANN401 -- JSON of any kind
    if isinstance(node, dict):
        return {
            name: _without_logical_types(part)
            for name, part in node.items()
            if name != "logicalType"
        }
    if isinstance(node, list):
        return [_without_logical_types(part) for part in node]
    return node
