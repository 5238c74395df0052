"""
The schemas that this release knows: ids, subjects, versions, from ``schemas/catalogue.yaml``.

The catalogue answers what a registry would (``SchemaSource``) where none is configured, and says
in either case which schema is today's reader.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Protocol, Self

import yaml

from ckm_stream.codec.avro import AvroSchema, parse
from ckm_stream.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a subject."""

    schema_id: int
    subject: str
    version: int
    file: str
    schema: AvroSchema


class SchemaSource(Protocol):
    """Where schema ids come from: the catalogue, or a registry in front of it."""

    @property
    def catalogue(self) -> "Catalogue":
        """Today's schemas, the ones to read as."""

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """
        Return the schema that a record was written with; None if nobody knows the id.

        Raises:
            RejectedRecord: If what the registry has is not a schema that may be read with.
            TransientError: If a registry cannot be asked for now.
        """

    def writing_id(self, subject: str) -> int:
        """
        Return the id of today's schema of *subject*, to be written into records.

        Raises:
            ConfigurationError: If the registry does not have it.
            TransientError: If a registry cannot be asked for now.
        """


class Catalogue:
    """
    All versions of all subjects.

    Args:
        versions: Each with an id and a (subject, version) of its own.

    Raises:
        ConfigurationError: If an id or a version is there twice, or a version is missing.
    """

    def __init__(self, versions: list[Version]) -> None:
        self.subjects: dict[str, list[Version]] = {}
        self._by_id = {version.schema_id: version for version in versions}
        if len(self._by_id) != len(versions):
            raise ConfigurationError("schemas/catalogue.yaml uses a schema id twice")
        for version in versions:
            self.subjects.setdefault(version.subject, []).append(version)
        for subject, known in self.subjects.items():
            if [one.version for one in known] != list(range(1, len(known) + 1)):
                raise ConfigurationError(
                    f"schemas/catalogue.yaml must list the versions of {subject} as 1, 2, ..."
                )

    @classmethod
    def load(cls, root: Traversable | None = None) -> Self:
        """
        Read the catalogue below *root*; from the package, or from the checkout, if not given.

        Raises:
            ConfigurationError: If a file is missing or not valid.
        """
        root = schemas_root() if root is None else root
        try:
            entries = yaml.safe_load((root / "catalogue.yaml").read_text())["schemas"]
            return cls([_version(entry, root) for entry in entries])
        except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
            raise ConfigurationError(
                f"schemas/catalogue.yaml cannot be read: {type(error).__name__}: {error}"
            ) from error

    @property
    def catalogue(self) -> "Catalogue":
        """This catalogue."""
        return self

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """Return the schema of an id, or None."""
        version = self._by_id.get(schema_id)
        return None if version is None else version.schema

    def newest(self, subject: str) -> Version:
        """
        Return today's version of *subject*.

        Raises:
            ConfigurationError: If there is no such subject.
        """
        if subject not in self.subjects:
            raise ConfigurationError(f"schemas/catalogue.yaml has no subject {subject}")
        return self.subjects[subject][-1]

    def writing_id(self, subject: str) -> int:
        """Return the id of today's version of *subject*."""
        return self.newest(subject).schema_id


def schemas_root() -> Traversable:
    """Return the folder ``schemas``: inside the installed package, else the checkout's."""
    packaged = files("ckm_stream") / "schemas"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"


def _version(entry: dict[str, Any], root: Traversable) -> Version:
    text = (root / "avro" / entry["file"]).read_text()
    return Version(
        schema_id=int(entry["id"]),
        subject=str(entry["subject"]),
        version=int(entry["version"]),
        file=str(entry["file"]),
        schema=parse(json.loads(text)),
    )
