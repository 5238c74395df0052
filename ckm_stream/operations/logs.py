"""
One log for everything: lines of ours and of Faust, aiokafka and kafka-python, on standard error.

JSON objects unless a person watches (a terminal), then coloured lines. Values are redacted by
their type, not by their name (promise P17): secrets, bytes and domain records never print, and
tracebacks come without local variables.
"""

import dataclasses
import json
import logging
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import TextIO

import msgspec
import structlog
from pydantic import SecretBytes, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

# What these say at INFO is about themselves; what they say at DEBUG has whole requests in it,
# and with them the payloads, so DEBUG is not for them.
_LIBRARIES = (
    "aiokafka",
    "alembic",
    "asyncio",
    "fastapi",
    "faust",
    "kafka",
    "mode",
    "sqlalchemy",
    "uvicorn",
)


def configure_logging(
    level: str = "INFO", *, stream: TextIO | None = None, pretty: bool | None = None
) -> None:
    """
    Route every log line of this process to *stream*; calling it again replaces the routes.

    Args:
        level: Lowest level of our own lines: DEBUG, INFO, WARNING or ERROR. Libraries speak from
            WARNING, and from INFO if it is DEBUG.
        stream: Standard error if not given.
        pretty: Lines for people instead of JSON; by default when *stream* is a terminal.
    """
    stream = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        redact_values,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # a test, or a child, may configure again
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_redact_arguments)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(pretty=stream.isatty() if pretty is None else pretty),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.INFO if level == "DEBUG" else logging.WARNING)
    # A worker uses kafka-python for its check at the start alone, whose failure is one sentence;
    # this part adds five lines to that, and warns of every task that takes 0.1 s.
    logging.getLogger("kafka.net").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)


def redact(value: object) -> object:
    """
    Return *value* as it may be logged.

    Secrets become stars, bytes their length, records of the domain the name of their type;
    collections are looked into; everything else is as it was.
    """
    match value:
        case SecretStr() | SecretBytes():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Mapping():
            return {str(redact(name)): redact(each) for name, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact(each) for each in value]
        case _ if isinstance(value, msgspec.Struct) or dataclasses.is_dataclass(value):
            return f"<{type(value).__name__}>"
        case _:
            return value


def redact_values(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Redact a line's values, as a structlog processor."""
    for name, value in event_dict.items():
        # Names that begin so are structlog's own; exc_info is the traceback's business.
        if not name.startswith("_") and name != "exc_info":
            event_dict[name] = redact(value)
    return event_dict


def _redact_arguments(record: logging.LogRecord) -> bool:
    # The standard library unpacks a sole mapping: "%(name)s" and "%s" are both meant for it.
    if isinstance(record.args, Mapping):
        record.args = {str(redact(name)): redact(each) for name, each in record.args.items()}
    elif record.args:
        record.args = tuple([redact(each) for each in record.args])
    return True


def _renderers(*, pretty: bool) -> list[Processor]:
    if pretty:
        return [
            structlog.dev.ConsoleRenderer(
                colors=True,
                timestamp_key="time",
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_to_json),
    ]


def _to_json(event_dict: EventDict, **_options: object) -> str:
    return json.dumps(event_dict, default=_plain, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, PurePath | BaseException):
        return str(value)
    return f"<{type(value).__name__}>"
