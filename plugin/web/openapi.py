"""The OpenAPI 3.1 description, made from the table that the application itself runs by."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from plugin.config import Web
from plugin.series import SeriesState
from plugin.version import VERSION
from plugin.web.forecast import UNSEEN
from plugin.web.parameters import ALL_FIELDS, Parameter
from plugin.web.routes import ROUTES, Access, Route

Schema = Mapping[str, Any]

_NUMBER: Schema = {"type": ["number", "null"]}
_TIME: Schema = {"type": ["integer", "null"], "description": "milliseconds since 1970"}
_BAND: dict[str, Schema] = {"time": _TIME, "series": {"type": "string"}, "watch": {"type": "string"},
                            "value": _NUMBER, "expected": _NUMBER, "lower": _NUMBER, "upper": _NUMBER,
                            "score": _NUMBER}
_SCORE: dict[str, Schema] = {**_BAND, "age_seconds": _NUMBER,
                             "state": {"type": "string", "enum": [state.value for state in SeriesState]},
                             "missing": {"type": "integer", "enum": [0, 1]},
                             "direction": {"type": "integer", "enum": [-1, 0, 1]},
                             "detector": {"type": "string"}, "model_version": {"type": "integer"},
                             "model_age_seconds": _NUMBER, "step": {"type": "integer"}, "unit": {"type": "string"}}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_WATCH: dict[str, Schema] = {
    "time": _TIME, "watch": {"type": "string"}, "severity": {"type": "string"},
    "state": {"type": "string", "enum": ["ok", "starting", "failing", "late"]}, "reason": {"type": "string"},
    "series": _COUNT, **{state.value: _COUNT for state in SeriesState if state is not SeriesState.GONE},
    "anomalous": _COUNT, "worst_score": _NUMBER, "lag_seconds": {"type": "number"}, "oldest_model_seconds": _NUMBER,
    "stale_models": _COUNT, "alarms_7d": _COUNT, "budget_7d": {"type": "number"}, "budget_spent": {"type": "number"},
    "step": {"type": "integer"}, "unit": {"type": "string"}}


_TEXT: Schema = {"type": "string"}
_INCIDENT: dict[str, Schema] = {
    "time": _TIME, "timeEnd": _TIME, "incident": _TEXT, "watch": _TEXT, "series": _TEXT,
    "state": {"type": "string", "enum": ["open", "closed"]}, "duration_seconds": {"type": "integer"},
    "score": _NUMBER, "value": _NUMBER, "expected": _NUMBER, "lower": _NUMBER, "upper": _NUMBER,
    "direction": {"type": "integer", "enum": [-1, 1]}, "title": _TEXT, "text": _TEXT}
_ANNOTATION: dict[str, Schema] = {
    "time": _TIME, "timeEnd": _TIME, "title": _TEXT, "text": _TEXT,
    "tags": {"type": "string", "description": "separated by commas"}}
_LABEL: Schema = {"type": "string", "description": "a label column"}
JSON = "application/json"
BODIES = "#/components/schemas/{name}"


def _rows(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {"type": "array", "items": {"type": "object", "properties": dict(properties),
                                       "required": list(required), "additionalProperties": _LABEL}}


def _strings(*names: str) -> Schema:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names},
            "required": list(names)}


_LINE: Schema = {"type": "object", "required": ["target", "datapoints"], "properties": {
    "target": {"type": "string"},
    "datapoints": {"type": "array", "items": {"type": "array", "prefixItems": [_NUMBER, {"type": "integer"}],
                                              "description": "value (null = gap), milliseconds since 1970"}}}}
_TABLE: Schema = {"type": "object", "required": ["type", "columns", "rows"], "properties": {
    "type": {"const": "table"},
    "columns": {"type": "array", "items": _strings("text", "type")},
    "rows": {"type": "array", "items": {"type": "array", "items": {"type": ["string", "number", "null"]}}}}}
ANSWERS: Mapping[str, tuple[str, Schema]] = {  # name -> media type, JSON Schema
    "text": ("text/plain", {"type": "string"}),
    "object": (JSON, {"type": "object"}),
    "strings": (JSON, {"type": "array", "items": {"type": "string"}}),
    "bands": (JSON, _rows({**_BAND, "anomaly": _NUMBER}, "time", "value", "expected", "lower", "upper", "score",
                          "anomaly")),
    "forecast": (JSON, _rows({name: kind for name, kind in _BAND.items() if name not in UNSEEN}, "time", "expected",
                             "lower", "upper")),
    "scores": (JSON, _rows(_SCORE, *_SCORE)),
    "watches": (JSON, _rows(_WATCH, *_WATCH)),
    "alert": (JSON, _rows({"watch": {"type": "string"}, "series": {"type": "string"}, "severity": {"type": "string"},
                           **{field: {"type": "number"} for field in ALL_FIELDS}})),
    "json_objects": (JSON, {"type": "array", "items": {"type": "object"}}),
    "json_query": (JSON, {"type": "array", "items": {"oneOf": [_LINE, _TABLE]}}),
    "incidents": (JSON, _rows(_INCIDENT, *_INCIDENT)),
    "annotations": (JSON, _rows(_ANNOTATION, *_ANNOTATION)),
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
            "schemas": msgspec.json.schema_components([route.body for route in ROUTES if route.body],
                                                          ref_template=BODIES)[1],
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
        **_body(route),
        "security": [{"bearer": []}, {"basic": []}, {}] if protected else [],
        "responses": {"200": {"description": route.summary, "content": {media: {"schema": schema}}},
                      "default": {"$ref": "#/components/responses/Error"}},
    }


def _body(route: Route) -> dict[str, Any]:
    if route.body is None:
        return {}
    return {"requestBody": {"content": {JSON: {"schema": {"$ref": BODIES.format(name=route.body.__name__)}}}}}


def _parameter(parameter: Parameter, settings: Web) -> dict[str, Any]:
    return {"name": parameter.name, "in": "query", "description": parameter.description,
            "schema": parameter.schema(settings), "example": parameter.example}
