"""What `ckm check` can tell without Kafka: settings, the core, the schemas, the registry, ports."""

import json
import socket
from collections.abc import Collection, Iterator
from http.client import HTTPConnection, HTTPException
from typing import Final

from ckm_stream import native
from ckm_stream.codec.catalogue import Catalogue
from ckm_stream.codec.compatibility import check_catalogue
from ckm_stream.codec.layouts import LAYOUTS
from ckm_stream.errors import ConfigurationError
from ckm_stream.operations.check import WORKERS, Program
from ckm_stream.operations.findings import Finding, Look, failed, ok, warning
from ckm_stream.operations.ops_server import LIVE
from ckm_stream.operations.schemas import open_schemas
from ckm_stream.settings import CoreKind, Settings, find_problems

SETTINGS: Final = "settings"
CORE: Final = "core"
SCHEMAS: Final = "schemas"
REGISTRY: Final = "registry"
TEXT_FILES: Final = "text files"

_PATIENCE_S: Final = 2.0
_ANY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not bound


def check_settings() -> list[Finding]:
    """Look at every variable of the environment; the others need good settings."""
    problems = find_problems()
    return [failed(SETTINGS, problem) for problem in problems] or [
        ok(SETTINGS, "every CKM__ variable is known and has a value that can be")
    ]


def looks_around(settings: Settings, programs: Collection[Program]) -> dict[str, Look]:
    """Return what to look at beside Kafka and the store, for *programs* or for both workers."""
    looks: dict[str, Look] = {SCHEMAS: _check_schemas}
    if settings.registry.url is not None:
        looks[REGISTRY] = lambda: _check_registry(settings)
    concerned = set(programs or WORKERS)
    if Program.WORKER in concerned:
        looks[CORE] = lambda: _check_core(settings)
        looks["worker's port"] = lambda: _check_port(
            "worker's port", settings.metrics.host, settings.metrics.profile_port
        )
    if Program.SNAPSHOTS in concerned:
        looks["snapshots' port"] = lambda: _check_port(
            "snapshots' port", settings.metrics.host, settings.metrics.snapshot_port
        )
    if Program.TEXTS in concerned:
        looks[TEXT_FILES] = lambda: _check_text_files(settings)
        looks["texts' port"] = lambda: _check_port(
            "texts' port", settings.metrics.host, settings.metrics.text_port
        )
    if Program.GATEWAY in concerned:
        looks["gateway's metrics port"] = lambda: _check_port(
            "gateway's metrics port", settings.metrics.host, settings.metrics.gateway_port
        )
    return looks


def _check_schemas() -> Iterator[Finding]:
    catalogue = Catalogue.load()
    findings = check_catalogue(catalogue)
    for each in findings:
        yield failed(SCHEMAS, f"{each.subject}: {each.problem}; `ckm schemas check` has all")
    if not findings:
        yield ok(SCHEMAS, f"{len(catalogue.subjects)} subjects; all versions read one another")


def _check_registry(settings: Settings) -> Iterator[Finding]:
    schemas = open_schemas(settings)
    missing = 0
    for subject in schemas.catalogue.subjects:
        try:
            schemas.writing_id(subject)
        except ConfigurationError as error:
            missing += 1
            yield failed(REGISTRY, str(error))
    if not missing:
        yield ok(REGISTRY, f"{settings.registry.url} has the newest version of every subject")


def _check_core(settings: Settings) -> Iterator[Finding]:
    written = f"states are written in layout {settings.state.layout}, read in " + " and ".join(
        map(str, sorted(LAYOUTS))
    )
    if settings.core is CoreKind.PYTHON:
        yield ok(CORE, f"the one in Python, as CKM__CORE says; {written}")
    elif native.is_built():
        yield ok(CORE, f"the compiled one; {written}")
    elif settings.core is CoreKind.COMPILED:
        yield failed(
            CORE,
            "CKM__CORE=compiled, but it was not built; install ckm-stream where there is a C "
            "compiler, or set CKM__CORE=auto",
        )
    else:
        yield warning(
            CORE,
            "the one in Python, which takes a sixth of the events per second; install ckm-stream "
            f"where there is a C compiler; {written}",
        )


def _check_text_files(settings: Settings) -> Iterator[Finding]:
    from ckm_stream.text.reading import TextReader  # noqa: PLC0415 -- for who reads texts alone

    text = settings.text
    TextReader.load(text.lexicon, text.topics)  # what it raises is the finding
    lexicon, topics = text.lexicon or "the built-in lexicon", text.topics or "built-in topics"
    yield ok(TEXT_FILES, f"texts are read by {lexicon} and {topics}")


def _check_port(check: str, host: str, port: int) -> Iterator[Finding]:
    """See whether the port is free, or has a program of ours behind it."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            # As the server does: connections of one that has ended are not in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        yield ok(check, f"{host}:{port} is free")
    except OSError as error:
        if _is_ours(_ANY_ADDRESS.get(host, host), port):
            yield ok(check, f"a program of ours is running on {host}:{port}")
            return
        yield failed(
            check,
            f"{host}:{port} cannot be listened on ({error.strerror or error}); set "
            "CKM__METRICS__HOST, or CKM__METRICS__PROFILE_PORT, CKM__METRICS__SNAPSHOT_PORT, "
            "CKM__METRICS__TEXT_PORT or CKM__METRICS__GATEWAY_PORT, whichever is its",
        )


def _is_ours(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", LIVE)
        return "checks" in json.load(connection.getresponse())
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
