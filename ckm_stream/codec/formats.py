"""How values of one subject are written and read: its newest version, framed."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ckm_stream.codec.catalogue import SchemaSource
from ckm_stream.codec.framing import frame
from ckm_stream.codec.subjects import SubjectReader
from ckm_stream.codec.topics import subject_of
from ckm_stream.codec.writing import WRITING_ERRORS, Writer, compile_writer
from ckm_stream.errors import InvariantError

#: A record of ours that is longer was not written by us.
MAX_VALUE_BYTES: Final = 12 << 20


class Format:
    """Reader and writer of one subject."""

    def __init__(
        self,
        schemas: SchemaSource,
        topic: str,
        types: Mapping[str, Callable[..., Any]],
        paths: Mapping[str, str] | None = None,
    ) -> None:
        self._schemas = schemas
        self._subject = subject_of(topic)
        self._write: Writer = compile_writer(schemas.catalogue.newest(self._subject).schema, paths)
        self._head: bytes | None = None
        reader = SubjectReader(schemas, self._subject, types, max_bytes=MAX_VALUE_BYTES)
        self.read: Callable[[bytes | None], Any] = reader.read

    @property
    def head(self) -> bytes:
        """The frame's head of today's version."""
        if self._head is None:
            self._head = frame(self._schemas.writing_id(self._subject), b"")
        return self._head

    def encode(self, value: object) -> bytes:
        """
        Return the framed bytes of *value*.

        Raises:
            InvariantError: If it is not what the schema holds.
        """
        try:
            return self._write(value, self.head)
        except WRITING_ERRORS as error:
            raise InvariantError(
                f"{type(value).__name__} does not fit {self._subject}: {type(error).__name__}"
            ) from error
