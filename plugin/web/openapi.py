"""The OpenAPI 3.1 description, made from the table that the application itself runs by."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from plugin.config import WebSettings
from plugin.version import VERSION
from plugin.web.error_answer import ErrorAnswer
from plugin.web.parameters import Parameter
from plugin.web.route import HTML, JSON, Access, Route
from plugin.web.routes import ROUTES
from plugin.web.row_types import LabelledRow

Schema = dict[str, Any]

REFERENCE = "#/components/schemas/{name}"
LABEL_COLUMN = {"type": "string", "description": "a label column"}


def document(settings: WebSettings) -> dict[str, Any]:
    """The description of all routes; limits are those that are configured."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas, settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bandwatch",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Anomaly bands and scores, for Grafana and for people.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "responses": {
                "Error": {
                    "description": "What is wrong and what to do about it.",
                    "content": _content(JSON, schemas[ErrorAnswer]),
                },
                "ErrorPage": {
                    "description": "The same as a page for people.",
                    "content": _content(HTML, {"type": "string"}),
                },
            },
        },
    }


def _schemas() -> tuple[Mapping[Any, Schema], dict[str, Schema]]:
    """The schema of each answer and body by its type, and the components that they refer to."""
    answers = [kind for route in ROUTES for kind in _kinds(route)]
    kinds = [*answers, *(route.body for route in ROUTES if route.body is not None), ErrorAnswer]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    for row in {row for answer in answers for row in get_args(answer)}:
        if isinstance(row, type) and issubclass(row, LabelledRow):
            components[row.__name__]["additionalProperties"] = LABEL_COLUMN
    return dict(zip(kinds, schemas, strict=True)), components


def _kinds(route: Route) -> tuple[Any, ...]:
    """The types of an answer: several for a list that holds several kinds of Struct, because
    msgspec has no union of Structs without tags."""
    return route.answer if isinstance(route.answer, tuple) else (route.answer,)


def _operation(
    route: Route, schemas: Mapping[Any, Schema], settings: WebSettings
) -> dict[str, Any]:
    path_parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(\w+)>", route.path)
    ]
    first, *other_schemas = [schemas[kind] for kind in _kinds(route)]
    answer = (
        {"type": "array", "items": {"oneOf": [first, *other_schemas]}} if other_schemas else first
    )
    body = {} if route.body is None else {"content": _content(JSON, schemas[route.body])}
    return {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [
            *path_parameters,
            *(_parameter(parameter, settings) for parameter in route.parameters),
        ],
        **({"requestBody": body} if body else {}),
        "security": [{"bearer": []}, {"basic": []}, {}] if route.access is not Access.OPEN else [],
        "responses": {
            "200": {"description": route.summary, "content": _content(route.media, answer)},
            "default": {
                "$ref": f"#/components/responses/Error{'Page' if route.media == HTML else ''}"
            },
        },
    }


def _content(media: str, schema: Schema) -> dict[str, Any]:
    return {media: {"schema": schema}}


def _parameter(parameter: Parameter, settings: WebSettings) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": parameter.schema(settings),
        "example": parameter.example,
    }
