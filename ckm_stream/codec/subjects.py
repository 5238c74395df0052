"""How to read a framed value of one subject: which reader for which schema id, made once."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.compatibility import reading_problems
from ckm_stream.codec.framing import HEADER_BYTES, schema_id_of
from ckm_stream.codec.reading import Reader, compile_reader
from ckm_stream.codec.resolution import RESOLUTION_ERRORS, resolving_reader
from ckm_stream.errors import Reason, RejectedRecord

#: Ids that were not found are remembered, so that a flood of strange ids does not ask a registry
#: for each record; an id is registered before it is first written, so "unknown" stays true.
_MOST_REJECTED: Final = 10_000

Verdict = tuple[Reason, str]


class SubjectReader:
    """
    Reads the framed values of one subject, whatever version they were written with.

    Args:
        schemas: Knows the schema of an id.
        subject: Whose newest version in the catalogue is what values are read as.
        types: What becomes of the named types; see ``compile_reader``.
        max_bytes: Longer values are rejected unread.
    """

    def __init__(
        self,
        schemas: SchemaSource,
        subject: str,
        types: Mapping[str, Callable[..., Any]],
        *,
        max_bytes: int,
    ) -> None:
        self._schemas = schemas
        self._subject = subject
        self._max_bytes = max_bytes
        self._reader = schemas.catalogue.newest(subject).schema
        self._read = compile_reader(self._reader, types)
        self._readers: dict[bytes, Reader] = {}  # by the frame's head
        self._rejected: dict[int, Verdict] = {}

    def read(self, value: bytes | None) -> Any:  # noqa: ANN401 -- what the types make
        """
        Return what *value* holds.

        Raises:
            RejectedRecord: If it is null, too large, not framed, of an unknown or of another
                subject's schema, or not a body of its schema.
            TransientError: If a registry cannot be asked for an id not seen before.
        """
        if value is None:
            raise RejectedRecord(Reason.NULL_VALUE, f"value of {self._subject} is null")
        if len(value) > self._max_bytes:
            raise RejectedRecord(
                Reason.TOO_LARGE,
                f"value has {len(value)} bytes, at most {self._max_bytes} are read",
            )
        head = value[:HEADER_BYTES]
        read = self._readers.get(head) or self._open(head)
        try:
            return read(value, HEADER_BYTES)
        except RESOLUTION_ERRORS as error:
            # The error's own message may quote the value.
            raise RejectedRecord(
                Reason.UNDECODABLE,
                f"body of {len(value) - HEADER_BYTES} bytes is not Avro of schema "
                f"{schema_id_of(head)} ({type(error).__name__})",
            ) from None

    def is_newest(self, head: bytes) -> bool:
        """
        Say whether values that begin with this frame are bodies of the newest version.

        Raises:
            RejectedRecord: If they cannot be read at all.
            TransientError: If a registry cannot be asked for an id not seen before.
        """
        return (self._readers.get(head) or self._open(head)) is self._read

    def _open(self, head: bytes) -> Reader:
        schema_id = schema_id_of(head)
        verdict = self._rejected.get(schema_id)
        if verdict is None:
            found = self._reader_of(schema_id)
            if not isinstance(found, tuple):
                self._readers[head] = found
                return found
            verdict = found
            if len(self._rejected) < _MOST_REJECTED:
                self._rejected[schema_id] = verdict
        raise RejectedRecord(*verdict)

    def _reader_of(self, schema_id: int) -> Reader | Verdict:
        try:
            written = self._schemas.by_id(schema_id)
        except RejectedRecord as unusable:
            return unusable.reason, str(unusable)
        if written is None:
            return Reason.SCHEMA_UNKNOWN, f"schema id {schema_id} is not known"
        if written.shape == self._reader.shape:
            return self._read
        problems = reading_problems(written, self._reader)
        if problems:
            problem = (
                f"schema id {schema_id} is {written.name}, which cannot be read as "
                f"{self._reader.name} of {self._subject}: {problems[0]}"
            )
            return Reason.SCHEMA_MISMATCH, problem
        return resolving_reader(written, self._reader, self._read)
