"""
Schemas, topics and examples as released: what other teams rely on.

Every example of every released version decodes for ever (promise P14): an example is added with a
version and never changed; the bytes next to it are as that version's release wrote them.
"""

import json
from datetime import datetime
from enum import StrEnum
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Any

import fastavro
import msgspec
import pytest

from ckm_stream.codec.catalogue import Catalogue, schemas_root
from ckm_stream.codec.compatibility import check_catalogue
from ckm_stream.codec.epochs import EpochCodec
from ckm_stream.codec.events import EVENT_TYPES, EventCodec, key_of
from ckm_stream.codec.framing import split
from ckm_stream.codec.jsonform import event_from_json
from ckm_stream.codec.outputs import OutputCodec
from ckm_stream.codec.topics import (
    DEAD_LETTER,
    EPOCH,
    KNOWLEDGE_ITEM,
    LOGICAL_TOPICS,
    SCORE_UPDATED,
    SOURCE_TOPICS,
    Source,
    subject_of,
)
from ckm_stream.domain import events, knowledge, score
from ckm_stream.domain.choices import Prior, Priors
from ckm_stream.domain.epoch import Epoch, FittedModel
from ckm_stream.domain.knowledge import KnowledgeItem
from ckm_stream.domain.network import Network
from ckm_stream.domain.quantiles import Quantiles, QuantileTable
from ckm_stream.domain.score import Score, ScoreUpdate
from ckm_stream.domain.topics import TopicTable
from ckm_stream.operations.topics import load_specs

CATALOGUE = Catalogue.load()
EVENTS = EventCodec(CATALOGUE)
OUTPUTS = OutputCodec(CATALOGUE)
EPOCHS = EpochCodec(CATALOGUE)
SOURCE_OF = {subject_of(topic): source for source, topic in SOURCE_TOPICS.items()}
SPECS = {spec.name: spec for spec in load_specs()}
DAY_MS = 86_400_000
KAFKA_DEFAULT_MAX_BYTES = 1_048_588

#: Strings that say nothing of a person; all others carry a ``pii`` tag.
IMPERSONAL = {
    "campaign_id",
    "category",
    "currency",
    "engagement_reason",
    "indicator",
    "kind",
    "knowledge_article_id",
    "name",
    "product",
    "sku",
    "source",
    "stage",
}


def folders() -> list[Traversable]:
    """Return the folder of each version of each subject's examples."""
    return [
        version
        for subject in (schemas_root() / "examples").iterdir()
        for version in subject.iterdir()
    ]


def examples() -> list[Any]:
    """Return (subject, version, JSON file, golden file) of every example."""
    found = []
    for folder in folders():
        subject, version = str(folder).split("/")[-2:]
        for file in folder.iterdir():
            if file.name.endswith(".json"):
                golden = folder / file.name.replace(".json", ".hex")
                name = f"{subject}/{version}/{file.name}"
                found.append(pytest.param(subject, version, file, golden, id=name))
    return found


def decoded(subject: str, value: bytes, expected: Any) -> Any:
    """Decode a value with today's reader of its subject."""
    if subject == subject_of(SCORE_UPDATED):
        return OUTPUTS.decode_score_update(value)
    if subject == subject_of(KNOWLEDGE_ITEM):
        return OUTPUTS.decode_item(value)
    if subject == subject_of(EPOCH):
        return EPOCHS.decode(value)
    return EVENTS.decode(SOURCE_OF[subject], key_of(expected).encode(), value)


def from_json(subject: str, obj: Any) -> Any:
    """Return the object that an example's JSON describes."""
    if subject == subject_of(SCORE_UPDATED):
        return msgspec.convert(obj, ScoreUpdate)
    if subject == subject_of(KNOWLEDGE_ITEM):
        return msgspec.convert(obj, KnowledgeItem)
    if subject == subject_of(EPOCH):
        return epoch_from_json(obj)
    return event_from_json(obj, SOURCE_OF[subject])


def epoch_from_json(obj: Any) -> Epoch:
    """Return the epoch that an example's JSON describes."""
    obj["scale"] = Quantiles(
        tuple(
            QuantileTable(tuple(each["values"]), tuple(each["shares"]))
            for each in obj.pop("tables")
        )
    )
    obj["priors"] = Priors(
        **{each["name"]: Prior(a=each["a"], b=each["b"]) for each in obj["priors"]}
    )
    values = obj.pop("network", [])
    obj["network"] = Network(
        tuple(each["customer"] % (1 << 64) for each in values),
        tuple(each["value"] for each in values),
    )
    obj["topics"] = tuple(
        TopicTable(each["key"], each["customers"], tuple(each["seconds"]))
        for each in obj.get("topics", ())
    )
    obj["models"] = tuple(msgspec.convert(each, FittedModel) for each in obj["models"])
    for name in ("effective_from", "as_of"):
        obj[f"{name}_s"] = int(datetime.fromisoformat(obj.pop(name)).timestamp())
    lists = ("within", "between", "high", "reference", "employee_rates")
    return Epoch(**obj | {name: tuple(obj[name]) for name in lists})


@pytest.mark.parametrize(("subject", "version", "file", "golden"), examples())
def test_example_decodes_to_its_golden_object(
    subject: str, version: str, file: Traversable, golden: Traversable
) -> None:
    """Bytes of any released version are, with today's reader, what they were."""
    expected = from_json(subject, json.loads(file.read_text()))
    value = bytes.fromhex(golden.read_text())

    assert decoded(subject, value, expected) == expected


@pytest.mark.parametrize(("subject", "version", "file", "golden"), examples())
def test_example_was_written_with_the_version_of_its_folder(
    subject: str, version: str, file: Traversable, golden: Traversable
) -> None:
    """The id in the golden bytes is the version's, and fastavro reads the body to its end."""
    schema_id, body = split(bytes.fromhex(golden.read_text()))
    written = CATALOGUE.subjects[subject][int(version.removeprefix("v")) - 1]
    stream = BytesIO(body)

    fastavro.schemaless_reader(stream, fastavro.parse_schema(written.schema.json), None)

    assert schema_id == written.schema_id
    assert stream.tell() == len(body)


def test_every_version_has_examples() -> None:
    """No version is released without examples."""
    with_examples = {tuple(str(folder).split("/")[-2:]) for folder in folders()}

    assert with_examples == {
        (subject, f"v{version.version}")
        for subject, versions in CATALOGUE.subjects.items()
        for version in versions
    }


def test_all_versions_are_fully_compatible() -> None:
    """Every version reads every other, and the conventions that keep it so are followed."""
    assert check_catalogue(CATALOGUE) == []


def test_ids_never_change() -> None:
    """An id is in every record ever written; this list is only ever added to."""
    assert {
        version.schema_id: (subject, version.version)
        for subject, versions in CATALOGUE.subjects.items()
        for version in versions
    } == {
        10_000_001: ("ckm.touchpoint.call.v1-value", 1),
        10_000_002: ("ckm.touchpoint.ticket.v1-value", 1),
        10_000_003: ("ckm.touchpoint.purchase.v1-value", 1),
        10_000_004: ("ckm.touchpoint.feedback.v1-value", 1),
        10_000_005: ("ckm.internal.referral.v1-value", 1),
        10_000_006: ("ckm.internal.employee.v1-value", 1),
        10_000_007: ("ckm.score.updated.v1-value", 1),
        10_000_008: ("ckm.knowledge.item.v1-value", 1),
        10_000_009: ("ckm.internal.epoch.v1-value", 1),
        10_000_011: ("ckm.internal.epoch.v1-value", 2),
        10_000_012: ("ckm.internal.epoch.v1-value", 3),
        10_000_010: ("ckm.internal.text.v1-value", 1),
    }


@pytest.mark.parametrize("source", Source, ids=lambda source: source.name)
def test_records_have_the_fields_and_defaults_of_the_domain(source: Source) -> None:
    """A field is in the schema and in the struct, or in neither; so is its default."""
    schema = CATALOGUE.newest(subject_of(SOURCE_TOPICS[source])).schema
    written = {field["name"]: field.get("default", "none") for field in schema.shape["fields"]}
    fields = msgspec.structs.fields(EVENT_TYPES[source])

    assert list(written) == [field.name for field in fields]
    for field in fields:
        if field.required:
            assert written[field.name] == "none"
        elif field.default is not msgspec.NODEFAULT:
            assert written[field.name] == msgspec.json.decode(msgspec.json.encode(field.default))


def test_outputs_have_the_fields_of_the_domain() -> None:
    """The score's fields are spread into the update's record; items are as they are."""
    update = {field.name for field in msgspec.structs.fields(ScoreUpdate)}
    spread = {field.name for field in msgspec.structs.fields(Score)}
    item = [field.name for field in msgspec.structs.fields(KnowledgeItem)]
    shapes = [
        CATALOGUE.newest(subject_of(topic)).schema.shape["fields"]
        for topic in (SCORE_UPDATED, KNOWLEDGE_ITEM)
    ]

    names = [[field["name"] for field in shape] for shape in shapes]

    expected = (update | spread) - {"score", "factors", "as_of_s"} | {"contributions"}
    assert set(names[0]) == expected
    assert names[1] == item


@pytest.mark.parametrize("module", [events, score, knowledge], ids=lambda m: m.__name__)
def test_enums_have_the_symbols_of_the_domain(module: Any) -> None:
    """A symbol is in the schema and in the enum, or in neither, in the same order."""
    symbols = {
        enum["name"]: enum["symbols"]
        for versions in CATALOGUE.subjects.values()
        for enum in nodes(versions[-1].schema.shape, "enum")
    }
    enums = {
        f"org.ckm.{name}": [member.value for member in kind]
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, StrEnum)
        and kind.__module__ == module.__name__
    }
    if module is score:  # an indicator is a string in the schema, a dimension is a field
        del enums["org.ckm.Indicator"], enums["org.ckm.Dimension"]

    assert {name: symbols[name] for name in enums} == enums


def test_strings_are_tagged_as_personal_or_known_not_to_be() -> None:
    """Redaction, encryption and erasure follow the tags, so none may be forgotten."""
    untagged = {
        field["name"]
        for versions in CATALOGUE.subjects.values()
        for record in nodes(versions[-1].schema.json, "record")
        for field in record["fields"]
        if field["type"] in ("string", ["null", "string"]) and "pii" not in field
    }

    assert untagged == IMPERSONAL


def nodes(node: Any, kind: str) -> list[Any]:
    """Return all named types of one kind in a schema."""
    if isinstance(node, dict):
        own = [node] if node.get("type") == kind else []
        return own + [found for part in node.values() for found in nodes(part, kind)]
    if isinstance(node, list):
        return [found for part in node for found in nodes(part, kind)]
    return []


def test_every_topic_is_described() -> None:
    """A topic of the code has a file, and no file describes another topic."""
    assert set(SPECS) == set(LOGICAL_TOPICS)


def test_every_subject_belongs_to_a_topic() -> None:
    """A topic's subject follows from its name; its versions are in the catalogue."""
    subjects = {spec.name: spec.subject for spec in SPECS.values() if spec.subject is not None}

    assert set(subjects.values()) == set(CATALOGUE.subjects)
    assert all(subject == subject_of(name) for name, subject in subjects.items())
    assert {SPECS[name].compatibility for name in subjects} == {"FULL_TRANSITIVE"}


def test_all_topics_but_the_epochs_have_the_sources_partition_count() -> None:
    """A customer's events, state, updates and dead letters are in partitions of one number."""
    others = [spec.partitions for name, spec in SPECS.items() if name != EPOCH]

    assert set(others) == {"source"}
    assert SPECS[EPOCH].partitions == 1


def test_dead_letters_outlive_and_outsize_their_sources() -> None:
    """A rejected record is still there when its source's retention is over, whatever its size."""
    dead = SPECS[DEAD_LETTER]
    for name in SOURCE_TOPICS.values():
        source = SPECS[name]
        assert dead.retention_ms >= source.retention_ms > 0
        largest = source.config.get("max.message.bytes", KAFKA_DEFAULT_MAX_BYTES)
        assert int(dead.config["max.message.bytes"]) > int(largest)


def test_score_topic_keeps_a_week_of_history() -> None:
    """Compaction may not take an update younger than seven days."""
    spec = SPECS[SCORE_UPDATED]

    assert spec.cleanup_policy == "compact"
    assert spec.config["min.compaction.lag.ms"] == 7 * DAY_MS


def test_only_the_workers_and_repair_write_what_is_ours() -> None:
    """Channels write touchpoints and nothing else."""
    writers = {
        name: {acl.principal for acl in spec.acls if "WRITE" in acl.operations}
        for name, spec in SPECS.items()
    }

    for name, principals in writers.items():
        if name.startswith("ckm.touchpoint."):
            assert principals == {"channel", "gateway", "dead-letter-replay"}
        elif name == EPOCH:
            assert principals == {"epoch-keeper"}
        elif name == SOURCE_TOPICS[Source.TEXT]:
            assert principals == {"text-worker", "dead-letter-replay"}
        else:
            assert principals <= {"profile-worker", "dead-letter-replay"}
            assert "profile-worker" in principals
