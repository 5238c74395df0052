"""One dead letter under the glass: what its bytes hold, and what today's rules say of it."""

from dataclasses import dataclass

from ckm_stream.codec.avro import AvroSchema
from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.events import EventCodec
from ckm_stream.codec.framing import split
from ckm_stream.codec.partial import PartialBody, read_as_far_as_possible
from ckm_stream.codec.topics import SOURCE_TOPICS, Source, Topics, subject_of
from ckm_stream.domain.checks import check_event
from ckm_stream.errors import Reason, RejectedRecord
from ckm_stream.operations.deadletters import DeadLetter
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import Settings

#: The reason of what was not written by a worker of this installation.
FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a dead letter would be rejected today."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    What can be said of a dead letter's value.

    ``schema`` names the schema that it was read as: the one it says, or the newest of its topic if
    nobody knows that. ``verdict`` is None if it would be applied today.
    """

    schema_id: int | None
    schema: str | None
    body: PartialBody
    verdict: str | None


class Judge:
    """
    Says what today's rules make of dead letters.

    Raises:
        ConfigurationError: If the catalogue or the registry's address is not valid.
    """

    def __init__(self, settings: Settings, schemas: SchemaSource | None = None) -> None:
        topics = Topics(settings.kafka.topic_prefix)
        self.schemas = open_schemas(settings) if schemas is None else schemas
        self._codec = EventCodec(self.schemas, topics)
        self._policy = settings.scoring
        self._sources = topics.sources

    def source_of(self, letter: DeadLetter) -> Source | None:
        """Return the source that a letter comes from, None if from none of this installation's."""
        return None if letter.failure is None else self._sources.get(letter.failure.topic)

    def verdict_of(self, letter: DeadLetter) -> Verdict | None:
        """
        Return why *letter* would be rejected today, None if it would not.

        Raises:
            TransientError: If a registry cannot be asked.
        """
        source = self.source_of(letter)
        if letter.failure is None or source is None:
            return Verdict(FOREIGN, "it does not come from a topic of this installation")
        # By the instant that it failed at: the time that passes makes nothing right.
        timestamp_ms = letter.failure.first_failed_at_ms
        try:
            event = self._codec.decode(source, letter.key, letter.value)
            check_event(event, record_timestamp_ms=timestamp_ms, policy=self._policy)
        except RejectedRecord as rejection:
            return Verdict(rejection.reason.value, str(rejection))
        return None


def inspect_letter(letter: DeadLetter, settings: Settings) -> Inspection:
    """
    Read a dead letter as far as it goes.

    Raises:
        ConfigurationError: If the catalogue or the registry's address is not valid.
        TransientError: If a registry cannot be asked.
    """
    judge = Judge(settings)
    verdict = judge.verdict_of(letter)
    said = None if verdict is None else f"{verdict.reason}: {verdict.message}"
    try:
        schema_id, body = split(letter.value or b"")
    except RejectedRecord as rejection:
        return Inspection(None, None, PartialBody(problem=str(rejection)), said)
    schema = _schema_for(schema_id, judge.source_of(letter), judge.schemas)
    if schema is None:
        problem = f"{Reason.SCHEMA_UNKNOWN.value}: nobody knows schema {schema_id}"
        return Inspection(schema_id, None, PartialBody(problem=problem), said)
    return Inspection(schema_id, schema.name, read_as_far_as_possible(schema, body), said)


def _schema_for(schema_id: int, source: Source | None, schemas: SchemaSource) -> AvroSchema | None:
    try:
        written = schemas.by_id(schema_id)
    except RejectedRecord:
        written = None
    if written is None and source is not None:
        return schemas.catalogue.newest(subject_of(SOURCE_TOPICS[source])).schema
    return written
