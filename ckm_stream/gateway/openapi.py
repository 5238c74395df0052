"""
The OpenAPI document: schemas of what is answered are those of the values that are encoded.

FastAPI finds out the parameters; bodies and answers are msgspec's, so their schemas are too.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ckm_stream.codec.events import EVENT_TYPES
from ckm_stream.gateway.answers import ANSWERS
from ckm_stream.gateway.problems import MEDIA_TYPE
from ckm_stream.gateway.verdicts import CLOUD_EVENT, CLOUD_EVENTS, JSON
from ckm_stream.publishing.cloudevents import CLOUD_EVENT_TYPES
from ckm_stream.publishing.files import SOURCES

_REF: Final = "#/components/schemas/{name}"
_TIME: Final = {
    "description": "RFC 3339 with an offset, or microseconds since 1970",
    "oneOf": [{"type": "string", "format": "date-time"}, {"type": "integer"}],
}
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, where, and what to do"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "incident": {"type": "string", "description": "what the log has it under"},
    },
}
#: Its form of a refused parameter, which is not ours.
_OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")
_SECURITY: Final = {
    "token": {"type": "http", "scheme": "bearer", "description": "`ckm tokens create` makes one"}
}
_EVERYWHERE: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
#: For routes that need a token.
SECURED: Final[dict[str, Any]] = {"security": [{"token": []}]}


def answering(kind: type | None, *others: HTTPStatus, sent: str = JSON) -> dict[int | str, Any]:
    """
    Return the answers of a route: what it gives, and the problems that it may have.

    Args:
        kind: A type of ``ANSWERS``; None if the answer is no JSON.
        *others: Problems beside those that every route may have.
        sent: Media type of the answer.
    """
    schema = {"type": "string"} if kind is None else {"$ref": _ref(kind.__name__)}
    answers: dict[int | str, Any] = {
        HTTPStatus.OK.value: {"description": "as asked for", "content": {sent: {"schema": schema}}}
    }
    return answers | {each.value: problem_answer(each) for each in (*_EVERYWHERE, *others)}


def problem_answer(status: HTTPStatus) -> dict[str, Any]:
    """Return how a problem is documented."""
    return {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": _ref("Problem")}}},
    }


def events_body() -> dict[str, Any]:
    """Return the request body of events, for a route's ``openapi_extra``."""
    one, cloud = {"$ref": _ref("Event")}, {"$ref": _ref("CloudEvent")}
    many = {"type": "array", "minItems": 1}
    return {
        "required": True,
        "content": {
            JSON: {"schema": {"anyOf": [one, {**many, "items": one}]}},
            CLOUD_EVENT: {"schema": cloud},
            CLOUD_EVENTS: {"schema": {**many, "items": cloud}},
        },
    }


def document_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of *app*."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, schemas = msgspec.json.schema_components(ANSWERS, ref_template=_REF)
    components = document.setdefault("components", {})
    of_parameters = components.get("schemas", {})
    for name in _OF_FASTAPI:
        of_parameters.pop(name, None)
    components["schemas"] = {
        **of_parameters,
        **schemas,
        **_event_schemas(),
        "Problem": _PROBLEM,
    }
    components["securitySchemes"] = _SECURITY
    return document


def _event_schemas() -> dict[str, Any]:
    kinds = {name: EVENT_TYPES[source] for name, source in SOURCES.items()}
    _, schemas = msgspec.json.schema_components(kinds.values(), ref_template=_REF)
    for name, kind in kinds.items():
        schema = schemas[kind.__name__]
        schema["properties"] |= {
            "type": {"const": name},
            "occurred_at": _TIME,
            "recorded_at": _TIME,
        }
        schema["required"] = ["type", *schema["required"]]
        schema["additionalProperties"] = False
    references = [{"$ref": _ref(kind.__name__)} for kind in kinds.values()]
    text = {"type": "string", "minLength": 1}
    return {
        **schemas,
        "Event": {"oneOf": references},
        "CloudEvent": {
            "type": "object",
            "description": "CloudEvents 1.0; data has the fields that the attributes do not",
            "required": ["specversion", "id", "source", "type", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {**text, "description": "event_id"},
                "source": {**text, "description": "the publishing system"},
                "type": {"enum": list(CLOUD_EVENT_TYPES)},
                "subject": {**text, "description": "customer_id"},
                "time": {"type": "string", "format": "date-time", "description": "occurred_at"},
                "recordedtime": {"type": "string", "format": "date-time"},
                "correlationid": text,
                "datacontenttype": {"const": JSON},
                "data": {"type": "object"},
            },
        },
    }


def _ref(name: str) -> str:
    return _REF.format(name=name)
