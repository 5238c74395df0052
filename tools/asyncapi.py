"""
The topics as a contract: ``docs/asyncapi.yaml`` (AsyncAPI 3.0), made from ``schemas/``.

    python -m tools.asyncapi [--check]

Topic files give channels, rights and configuration, the catalogue and the Avro files the messages,
the golden bytes of the examples what a record looks like. Nothing is written here that those files
say; channels that no company publishes to or reads from are left out, and named.
"""

import argparse
import sys
from importlib.resources.abc import Traversable
from typing import Any, Final

import yaml

from ckm_stream.codec.catalogue import Catalogue, schemas_root
from ckm_stream.codec.topics import subject_of
from ckm_stream.operations.acls import load_principals
from ckm_stream.operations.topics import TopicSpec, load_specs
from ckm_stream.settings import KafkaSettings
from tools.messages import BINDING_VERSION, Messages, message_name
from tools.project import ROOT, project_version

PATH: Final = ROOT / "docs" / "asyncapi.yaml"

#: Principals outside of the service, and what the service does with what they have a right to.
_OUTSIDE: Final = {"channel": "receive", "reader": "send"}
#: Those, and who publishes for them.
_GRANTED: Final = (*_OUTSIDE, "gateway")
_SECURITY_SCHEMES: Final = {
    "scram512": {"type": "scramSha512", "description": "SASL_SSL with SCRAM-SHA-512."},
    "scram256": {"type": "scramSha256", "description": "SASL_SSL with SCRAM-SHA-256."},
    "plain": {"type": "plain", "description": "SASL_SSL with PLAIN: the password within TLS."},
    "certificate": {"type": "X509", "description": "SSL with a certificate of the client's."},
}

_HEADER: Final = """\
# AsyncAPI 3.0, made from schemas/ by `python -m tools.asyncapi`; a test compares it with them.
"""

_DESCRIPTION: Final = """\
ckm-stream reads touchpoints of customers from Kafka and announces, per customer, how much the
customer's knowledge is worth, how willing they are to share it, and how well the company takes
it up.

The document is written from the service's side: it **receives** what a company publishes, and
**sends** what a company may read. How to do both is in docs/integrate/.

**Names.** An address is a topic's name. An installation may put a prefix before all of them
(CKM__KAFKA__TOPIC_PREFIX).

**Keys and partitions.** A record's key is the customer id in UTF-8, and its partition is the one
that murmur2 of the key chooses, as the Java client, kafka-python and aiokafka do it. Clients on
librdkafka set `partitioner=murmur2_random`. A touchpoint in another partition than its key's
becomes a dead letter. The number of partitions is the installation's (CKM__KAFKA__PARTITIONS) and
never changes; the bindings have its default.

**Values.** Confluent's frame: byte 0, the schema id as big-endian int32, then the Avro body.
Without a registry the ids are those of `x-schema-id`; with one, the registry's, under the subject
of `x-subject`. Every version of a subject reads every other (FULL_TRANSITIVE). Payloads are Avro
schemas; fields with `pii` hold personal data, direct or indirect.

**Examples.** `payload` is what the body decodes to: instants are microseconds since 1970, UTC, and
a value of a union stands without the name of its type. `x-value-hex` are the bytes of the record's
value, frame included, and `x-key` its key.

**Delivery.** Read committed records only (`isolation.level=read_committed`). Under `at_least_once`
an output may appear again after a crash, the same to the byte; of score updates keep, per customer,
the one with the greatest (version, as_of), and of knowledge items one per item_id.
"""


def document(root: Traversable, version: str) -> dict[str, Any]:
    """Return the AsyncAPI document of the topics below *root*, for *version* of the package."""
    catalogue = Catalogue.load(root)
    messages = Messages(root, catalogue)
    specs = load_specs(root)
    public = [spec for spec in specs if _side(spec) is not None]
    versions = [each for spec in public for each in catalogue.subjects[subject_of(spec.name)]]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ckm-stream",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
            "x-principals": {
                each.name: _one_line(each.description)
                for each in load_principals(root)
                if each.name in _GRANTED
            },
            "x-internal-topics": {
                spec.name: _one_line(spec.description) for spec in specs if spec not in public
            },
        },
        "defaultContentType": "application/avro",
        "servers": {"kafka": _server()},
        "channels": {_channel_name(spec): _channel(spec, catalogue) for spec in public},
        "operations": dict(
            _operation(spec, side) for spec in public if (side := _side(spec)) is not None
        ),
        "components": {
            "messages": {message_name(each): messages.of(each) for each in versions},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def text_of(content: dict[str, Any]) -> str:
    """Return *content* as YAML, with sentences in blocks; equal content gives equal bytes."""
    return _HEADER + yaml.dump(
        content, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True
    )


def main() -> int:
    """Write the document; with ``--check`` compare it instead, exit code 1 if it is outdated."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    arguments = parser.parse_args()
    text = text_of(document(schemas_root(), project_version()))
    if not arguments.check:
        PATH.write_text(text)
        return 0
    if PATH.read_text() == text:
        return 0
    sys.stderr.write("docs/asyncapi.yaml is outdated; run `python -m tools.asyncapi`\n")
    return 1


class _Dumper(yaml.SafeDumper):
    """Writes strings of several lines as blocks, and no aliases."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 -- PyYAML's signature
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def _side(spec: TopicSpec) -> str | None:
    """Return what the service does with a topic that others have a right to; None if they don't."""
    principals = {acl.principal for acl in spec.acls}
    return next((action for name, action in _OUTSIDE.items() if name in principals), None)


def _server() -> dict[str, Any]:
    return {
        "host": "{broker}",
        "protocol": "kafka-secure",
        "title": "The company's Kafka",
        "description": "Apache Kafka by SASL_SSL; TLS 1.2 or newer, host names checked.",
        "variables": {
            "broker": {
                "description": "host:port of a broker to start from.",
                "default": "kafka.example.com:9093",
            }
        },
        "security": [
            {"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY_SCHEMES
        ],
    }


def _channel(spec: TopicSpec, catalogue: Catalogue) -> dict[str, Any]:
    kafka = KafkaSettings()
    config: dict[str, Any] = {
        "cleanup.policy": [spec.cleanup_policy],
        "retention.ms": spec.retention_ms,
        **spec.config,
    }
    binding: dict[str, Any] = {
        "topic": spec.name,
        "partitions": spec.partition_count(kafka),
        "topicConfiguration": config,
        "bindingVersion": BINDING_VERSION,
    }
    if spec.partitions == "source":
        binding["x-partitions-setting"] = "CKM__KAFKA__PARTITIONS"
    versions = catalogue.subjects[subject_of(spec.name)]
    return {
        "address": spec.name,
        "title": spec.name,
        "description": _one_line(spec.description),
        "messages": {
            message_name(each): {"$ref": f"#/components/messages/{message_name(each)}"}
            for each in versions
        },
        "bindings": {"kafka": binding},
        "x-subject": spec.subject,
        "x-compatibility": spec.compatibility,
        "x-acls": [
            {"principal": acl.principal, "operations": list(acl.operations)} for acl in spec.acls
        ],
    }


def _operation(spec: TopicSpec, action: str) -> tuple[str, dict[str, Any]]:
    name = _channel_name(spec)
    who = [acl.principal for acl in spec.acls if acl.principal in _GRANTED]
    verb = "WRITE" if action == "receive" else "READ"
    content: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "summary": (
            "The company publishes, ckm-stream applies."
            if action == "receive"
            else "ckm-stream announces, the company reads."
        ),
        "description": f"Needs {verb} and DESCRIBE on the topic; granted to: {', '.join(who)}.",
    }
    if action == "send":
        content["bindings"] = {
            "kafka": {
                "groupId": {
                    "type": "string",
                    "description": "A consumer group of the reader's own, with READ granted on it.",
                },
                "bindingVersion": BINDING_VERSION,
            }
        }
    return f"{action}{name[0].upper()}{name[1:]}", content


def _channel_name(spec: TopicSpec) -> str:
    """Return ``touchpointCall`` for ``ckm.touchpoint.call.v1``."""
    first, *others = spec.name.split(".")[1:-1]
    return first + "".join(word.capitalize() for word in others)


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
