"""The OpenAPI 3.1 description, made from the table that the application itself runs by."""

import re
from collections.abc import Mapping
from typing import Any

from plugin.config import Web
from plugin.series import SeriesState
from plugin.version import VERSION
from plugin.web.parameters import Parameter
from plugin.web.routes import ROUTES, Access, Route
from plugin.web.rows import FIELDS

Schema = Mapping[str, Any]

_NUMBER: Schema = {"type": ["number", "null"]}
_TIME: Schema = {"type": ["integer", "null"], "description": "milliseconds since 1970"}
_BAND: dict[str, Schema] = {"time": _TIME, "series": {"type": "string"}, "watch": {"type": "string"},
                            "value": _NUMBER, "expected": _NUMBER, "lower": _NUMBER, "upper": _NUMBER,
                            "score": _NUMBER}
_SCORE: dict[str, Schema] = {**_BAND, "age_seconds": _NUMBER,
                             "state": {"type": "string", "enum": [state.value for state in SeriesState]},
                             "direction": {"type": "integer", "enum": [-1, 0, 1]},
                             "detector": {"type": "string"},
                             "model_version": {"type": "integer"}, "step": {"type": "integer"}}


_LABEL: Schema = {"type": "string", "description": "a label column"}
JSON = "application/json"


def _rows(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {"type": "array", "items": {"type": "object", "properties": dict(properties),
                                       "required": list(required), "additionalProperties": _LABEL}}


def _strings(*names: str) -> Schema:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names},
            "required": list(names)}


ANSWERS: Mapping[str, tuple[str, Schema]] = {  # name -> media type, JSON Schema
    "text": ("text/plain", {"type": "string"}),
    "object": (JSON, {"type": "object"}),
    "strings": (JSON, {"type": "array", "items": {"type": "string"}}),
    "bands": (JSON, _rows(_BAND, "time", "value", "expected", "lower", "upper", "score")),
    "scores": (JSON, _rows(_SCORE, *_SCORE)),
    "alert": (JSON, _rows({"watch": {"type": "string"}, **{field: {"type": "number"} for field in FIELDS}},
                          "watch")),
    "config": (JSON, _strings("yaml")),
    "buildinfo": (JSON, _strings("version", "python")),
}
_ERROR: Schema = {
    "type": "object", "required": ["error"], "properties": {"error": {
        "type": "object", "required": ["code", "message", "field"],
        "properties": {"code": {"type": "string"}, "message": {"type": "string"},
                       "field": {"type": "string", "description": "the parameter, or the empty string"}}}}}


def document(settings: Web) -> dict[str, Any]:
    """The description of all routes; limits are those that are configured."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Bandwatch", "version": VERSION, "license": {"name": "Apache-2.0",
                                                                       "identifier": "Apache-2.0"},
                 "description": "Anomaly bands and scores, for Grafana and for people."},
        "paths": {re.sub(r"<(\w+)>", r"{\1}", route.path): {route.method.lower(): _operation(route, settings)}
                  for route in ROUTES},
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"},
                                "basic": {"type": "http", "scheme": "basic"}},
            "responses": {"Error": {"description": "What is wrong and what to do about it.",
                                    "content": {"application/json": {"schema": _ERROR}}}}},
    }


def _operation(route: Route, settings: Web) -> dict[str, Any]:
    media, schema = ANSWERS[route.answer]
    inside = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
              for name in re.findall(r"<(\w+)>", route.path)]
    protected = route.access is not Access.OPEN
    return {
        "operationId": route.name, "summary": route.summary,
        "parameters": inside + [_parameter(parameter, settings) for parameter in route.parameters],
        "security": [{"bearer": []}, {"basic": []}, {}] if protected else [],
        "responses": {"200": {"description": route.summary, "content": {media: {"schema": schema}}},
                      "default": {"$ref": "#/components/responses/Error"}},
    }


def _parameter(parameter: Parameter, settings: Web) -> dict[str, Any]:
    return {"name": parameter.name, "in": "query", "description": parameter.description,
            "schema": parameter.schema(settings), "example": parameter.example}
