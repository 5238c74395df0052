"""
Schema ids from a Confluent-compatible registry, over its REST API.

A registry in front of the catalogue: ids come from the registry, today's reader is still the
catalogue's, and ids of the catalogue stay readable, so that a topic written before the move to a
registry needs no migration. Nothing is registered but by ``register_all``.
"""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Final

from ckm_stream.codec.avro import AvroSchema, Json, parse
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.errors import ConfigurationError, Reason, RejectedRecord, TransientError

_CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
#: A schema larger than this is not one of a touchpoint.
_MAX_ANSWER_BYTES: Final = 1 << 20
_UNAUTHORISED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_BUSY: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


class RegistryClient:
    """
    The four calls of the registry's API that are needed.

    Args:
        url: Base address, such as ``https://registry.example:8081``; http or https.
        username: For basic authentication; none if not given.
        password: Goes with *username*.
        timeout_s: Seconds for each call.

    Raises:
        ConfigurationError: If *url* is not an http or https address.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 5.0,
    ) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ConfigurationError(f"CKM__REGISTRY__URL is {url!r}; it must be http or https")
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._headers = {"Accept": _CONTENT_TYPE, "Content-Type": _CONTENT_TYPE}
        if username is not None:
            pair = f"{username}:{password or ''}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"

    def schema_of(self, schema_id: int) -> Json | None:
        """Return the schema with this id, or None if there is none."""
        answer = self._call("GET", f"/schemas/ids/{schema_id}")
        return None if answer is None else json.loads(answer["schema"])

    def id_of(self, subject: str, schema: Json) -> int | None:
        """Return the id under which *subject* has *schema*, or None if it has not."""
        answer = self._call("POST", f"/subjects/{_quoted(subject)}", _body(schema))
        return None if answer is None else int(answer["id"])

    def register(self, subject: str, schema: Json) -> int:
        """
        Register *schema* under *subject*, if it is not there, and return its id.

        Raises:
            ConfigurationError: If the registry finds it incompatible.
        """
        answer = self._call("POST", f"/subjects/{_quoted(subject)}/versions", _body(schema))
        if answer is None:
            raise ConfigurationError(f"registry {self._url} cannot register {subject}")
        return int(answer["id"])

    def require_compatibility(self, subject: str, level: str) -> None:
        """Make the registry refuse versions of *subject* that do not keep *level*."""
        body = {"compatibility": level}
        self._call("PUT", f"/config/{_quoted(subject)}", body)

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:  # noqa: ANN401 -- JSON
        """
        Return the answer's JSON; None for "not found".

        Raises:
            ConfigurationError: If the registry refuses the call for good.
            TransientError: If it cannot be reached or is not well.
        """
        request = urllib.request.Request(  # noqa: S310 -- http or https, checked when made
            self._url + path,
            method=method,
            headers=self._headers,
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:  # noqa: S310 -- likewise
                return json.loads(answer.read(_MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error, method, path)
        except (OSError, HTTPException, ValueError) as error:
            raise TransientError(
                f"registry {self._url} does not answer ({type(error).__name__}); check "
                "CKM__REGISTRY__URL"
            ) from error

    def _refused(self, error: urllib.error.HTTPError, method: str, path: str) -> None:
        if error.code == HTTPStatus.NOT_FOUND:
            return
        if error.code in _UNAUTHORISED:
            raise ConfigurationError(
                f"registry {self._url} refuses our credentials; check CKM__REGISTRY__USERNAME and "
                "CKM__REGISTRY__PASSWORD"
            )
        if error.code in _BUSY or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientError(f"registry {self._url} is not well: HTTP {error.code}")
        raise ConfigurationError(
            f"registry {self._url} refuses {method} {path}: HTTP {error.code} "
            f"{error.read(500).decode(errors='replace')}"
        )


class RegistrySchemas:
    """
    A ``SchemaSource`` that asks a registry, then the catalogue.

    Args:
        client: The registry.
        catalogue: Today's schemas.
        prefix: The topics' prefix; it is part of the registry's subjects.
    """

    def __init__(self, client: RegistryClient, catalogue: Catalogue, *, prefix: str = "") -> None:
        self._client = client
        self._catalogue = catalogue
        self._prefix = prefix

    @property
    def catalogue(self) -> Catalogue:
        """Today's schemas, the ones to read as."""
        return self._catalogue

    def by_id(self, schema_id: int) -> AvroSchema | None:
        """Return the schema of an id: the catalogue's if it is the catalogue's own."""
        known = self._catalogue.by_id(schema_id)
        if known is not None:
            return known
        answer = self._client.schema_of(schema_id)
        if answer is None:
            return None
        try:
            return parse(answer)
        except ConfigurationError as error:
            raise RejectedRecord(
                Reason.SCHEMA_MISMATCH, f"schema id {schema_id} cannot be read with: {error}"
            ) from error

    def writing_id(self, subject: str) -> int:
        """Return the registry's id of today's schema of *subject*."""
        newest = self._catalogue.newest(subject)
        found = self._client.id_of(self._prefix + subject, newest.schema.json)
        if found is None:
            raise ConfigurationError(
                f"the registry has not version {newest.version} of {self._prefix}{subject}; run "
                "`ckm schemas register`"
            )
        return found


def register_all(
    client: RegistryClient, catalogue: Catalogue, *, prefix: str = ""
) -> Iterator[tuple[str, int]]:
    """
    Register every version of every subject, oldest first; yield (subject, id) of each.

    Raises:
        ConfigurationError: If the registry finds one incompatible.
        TransientError: If it cannot be asked.
    """
    for subject, versions in catalogue.subjects.items():
        name = prefix + subject
        for version in versions:
            schema_id = client.register(name, version.schema.json)
            yield name, schema_id
        client.require_compatibility(name, "FULL_TRANSITIVE")


def _body(schema: Json) -> dict[str, str]:
    return {"schemaType": "AVRO", "schema": json.dumps(schema)}


def _quoted(subject: str) -> str:
    return urllib.parse.quote(subject, safe="")
