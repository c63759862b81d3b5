"""The OpenAPI 3.1 description, made from the table that the application itself runs by."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from plugin.config import WebSettings
from plugin.domain.deviation import DeviationKind
from plugin.domain.model_decisions import DecisionKind
from plugin.domain.tolerances import Verdict
from plugin.series import SeriesState
from plugin.version import VERSION
from plugin.web.forecast import UNSEEN
from plugin.web.parameters import ALL_FIELDS, Parameter
from plugin.web.routes import ROUTES, Access, Route

Schema = Mapping[str, Any]

_NUMBER: Schema = {"type": ["number", "null"]}
_TIME: Schema = {"type": ["integer", "null"], "description": "milliseconds since 1970"}
_BAND: dict[str, Schema] = {
    "time": _TIME,
    "series": {"type": "string"},
    "watch": {"type": "string"},
    "value": _NUMBER,
    "expected": _NUMBER,
    "lower": _NUMBER,
    "upper": _NUMBER,
    "score": _NUMBER,
}
_SCORE: dict[str, Schema] = {
    **_BAND,
    "age_seconds": _NUMBER,
    "state": {"type": "string", "enum": [state.value for state in SeriesState]},
    "missing": {"type": "integer", "enum": [0, 1]},
    "direction": {"type": "integer", "enum": [-1, 0, 1]},
    "detector": {"type": "string"},
    "model_version": {"type": "integer"},
    "model_age_seconds": _NUMBER,
    "step": {"type": "integer"},
    "unit": {"type": "string"},
}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_WATCH: dict[str, Schema] = {
    "time": _TIME,
    "watch": {"type": "string"},
    "severity": {"type": "string"},
    "state": {"type": "string", "enum": ["ok", "starting", "failing", "late", "paused"]},
    "reason": {"type": "string"},
    "series": _COUNT,
    **{state.value: _COUNT for state in SeriesState if state is not SeriesState.GONE},
    "anomalous": _COUNT,
    "worst_score": _NUMBER,
    "lag_seconds": {"type": "number"},
    "oldest_model_seconds": _NUMBER,
    "stale_models": _COUNT,
    "alarms_7d": _COUNT,
    "budget_7d": {"type": "number"},
    "budget_spent": {"type": "number"},
    "step": {"type": "integer"},
    "unit": {"type": "string"},
}


_TEXT: Schema = {"type": "string"}
_INCIDENT: dict[str, Schema] = {
    "time": _TIME,
    "timeEnd": _TIME,
    "incident": _TEXT,
    "watch": _TEXT,
    "state": {"type": "string", "enum": ["open", "closed"]},
    "duration_seconds": {"type": "integer"},
    "score": _NUMBER,
    "value": _NUMBER,
    "expected": _NUMBER,
    "lower": _NUMBER,
    "upper": _NUMBER,
    "direction": {"type": "integer", "enum": [-1, 1]},
    "title": _TEXT,
    "text": _TEXT,
}
_WHOLE: dict[str, Schema] = {
    "size": _COUNT,
    "coverage": {"type": "number"},
    "first": _TEXT,
    "worst": _TEXT,
    "worst_watch": _TEXT,
}  # without members
_MEMBER: dict[str, Schema] = {"series": _TEXT, "rank": _COUNT}  # with them
_FEEDBACK: dict[str, Schema] = {
    "id": {"type": "integer"},
    "time": _TIME,
    "timeEnd": _TIME,
    "watch": _TEXT,
    "series": _TEXT,
    "incident": _TEXT,
    "verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]},
    "state": {"type": "string", "enum": ["in_force", "withdrawn", "replaced"]},
    "comment": _TEXT,
    "by": _TEXT,
    "at": _TIME,
    "ended_at": _TIME,
    "ended_by": _TEXT,
    "tolerance_below": {"type": "number"},
    "tolerance_above": {"type": "number"},
}
_ANNOTATION: dict[str, Schema] = {
    "time": _TIME,
    "timeEnd": _TIME,
    "title": _TEXT,
    "text": _TEXT,
    "tags": {"type": "string", "description": "separated by commas"},
}
_BUDGET: dict[str, Schema] = {
    "watch": _TEXT,
    "alarms": _COUNT,
    "promised": {"type": "number"},
    "spent": {"type": "number"},
    "days_scored": {"type": "number"},
    "minutes_outside": {"type": "number"},
    "worst_score": _NUMBER,
    "last": _TIME,
    "series": _TEXT,
    "suggestion": _TEXT,
    "time": _TIME,
}
_WINDOW: dict[str, Schema] = {
    "time": _TIME,
    "timeEnd": _TIME,
    "id": _TEXT,
    "name": _TEXT,
    "state": {"type": "string", "enum": ["active", "pending", "ended"]},
    "size": _COUNT,
    "match": _TEXT,
    "watch": _TEXT,
    "begin": _TEXT,
    "duration_seconds": _COUNT,
    "rule": _TEXT,
    "timezone": _TEXT,
    "before_seconds": _COUNT,
    "after_seconds": _COUNT,
    "comment": _TEXT,
    "by": _TEXT,
    "created": _TIME,
    "source": _TEXT,
    "ended": _TIME,
    "ended_by": _TEXT,
}
_EXPLAINED: dict[str, Schema] = {
    **_BAND,
    "direction": {"type": "integer", "enum": [-1, 0, 1]},
    "kind": {"type": "string", "enum": ["", *(kind.value for kind in DeviationKind)]},
    "since": _TIME,
    "unusual": _TEXT,
    "related": _TEXT,
    "text": _TEXT,
}
_REGIME: dict[str, Schema] = {
    "time": _TIME,
    "timeEnd": _TIME,
    "series": _TEXT,
    "watch": _TEXT,
    "before": _NUMBER,
    "after": _NUMBER,
    "by": _TEXT,
    "reason": _TEXT,
    "text": _TEXT,
}
_LABEL: Schema = {"type": "string", "description": "a label column"}
_MODEL: dict[str, Schema] = {
    "watch": _TEXT,
    "series": _TEXT,
    "version": _COUNT,
    "champion": {"type": "boolean"},
    "pinned": {"type": "boolean"},
    "detector": _TEXT,
    "fitted_at": _TIME,
    "age_seconds": {"type": "number"},
    "since": _TIME,
    "checked_at": _TIME,
    "loss": _NUMBER,
    "window_start": _TIME,
    "window_end": _TIME,
}
_DECISION: dict[str, Schema] = {
    "time": _TIME,
    "watch": _TEXT,
    "series": _TEXT,
    "version": _COUNT,
    "what": {"type": "string", "enum": [what.value for what in DecisionKind]},
    "why": _TEXT,
    "by": _TEXT,
}
_ORDER: dict[str, Schema] = {
    "watch": _TEXT,
    "series": _TEXT,
    "done": {"type": "boolean"},
    "version": _COUNT,
    "why": _TEXT,
}
JSON = "application/json"
BODIES = "#/components/schemas/{name}"


def _rows(properties: Mapping[str, Schema], *required: str) -> Schema:
    return {
        "type": "array",
        "items": {
            "type": "object",
            "properties": dict(properties),
            "required": list(required),
            "additionalProperties": _LABEL,
        },
    }


def _strings(*names: str) -> Schema:
    return {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": list(names),
    }


_LINE: Schema = {
    "type": "object",
    "required": ["target", "datapoints"],
    "properties": {
        "target": {"type": "string"},
        "datapoints": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [_NUMBER, {"type": "integer"}],
                "description": "value (null = gap), milliseconds since 1970",
            },
        },
    },
}
_TABLE: Schema = {
    "type": "object",
    "required": ["type", "columns", "rows"],
    "properties": {
        "type": {"const": "table"},
        "columns": {"type": "array", "items": _strings("text", "type")},
        "rows": {
            "type": "array",
            "items": {"type": "array", "items": {"type": ["string", "number", "null"]}},
        },
    },
}
ANSWERS: Mapping[str, tuple[str, Schema]] = {  # name -> media type, JSON Schema
    "text": ("text/plain", {"type": "string"}),
    "object": (JSON, {"type": "object"}),
    "strings": (JSON, {"type": "array", "items": {"type": "string"}}),
    "bands": (
        JSON,
        _rows(
            {**_BAND, "anomaly": _NUMBER},
            "time",
            "value",
            "expected",
            "lower",
            "upper",
            "score",
            "anomaly",
        ),
    ),
    "forecast": (
        JSON,
        _rows(
            {name: kind for name, kind in _BAND.items() if name not in UNSEEN},
            "time",
            "expected",
            "lower",
            "upper",
        ),
    ),
    "scores": (JSON, _rows(_SCORE, *_SCORE)),
    "watches": (JSON, _rows(_WATCH, *_WATCH)),
    "alert": (
        JSON,
        _rows(
            {
                "watch": {"type": "string"},
                "series": {"type": "string"},
                "severity": {"type": "string"},
                **{field: {"type": "number"} for field in ALL_FIELDS},
            }
        ),
    ),
    "json_objects": (JSON, {"type": "array", "items": {"type": "object"}}),
    "json_query": (JSON, {"type": "array", "items": {"oneOf": [_LINE, _TABLE]}}),
    "incidents": (JSON, _rows({**_INCIDENT, **_WHOLE, **_MEMBER}, *_INCIDENT)),
    "budget": (JSON, _rows(_BUDGET, "watch", "alarms", "minutes_outside", "worst_score")),
    "explain": (JSON, _rows(_EXPLAINED, *_EXPLAINED)),
    "regimes": (JSON, _rows(_REGIME, *_REGIME)),
    "annotations": (JSON, _rows(_ANNOTATION, *_ANNOTATION)),
    "models": (JSON, _rows(_MODEL, *_MODEL)),
    "decisions": (JSON, _rows(_DECISION, *_DECISION)),
    "orders": (JSON, _rows(_ORDER, *_ORDER)),
    "feedback": (JSON, _rows(_FEEDBACK, *_FEEDBACK)),
    "html": ("text/html", {"type": "string"}),
    "maintenance": (JSON, _rows(_WINDOW, *_WINDOW)),
    "config": (JSON, _strings("yaml")),
    "buildinfo": (JSON, _strings("version", "python")),
}
_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "field"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "field": {"type": "string", "description": "the parameter, or the empty string"},
            },
        }
    },
}


def document(settings: WebSettings) -> dict[str, Any]:
    """The description of all routes; limits are those that are configured."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Bandwatch",
            "version": VERSION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Anomaly bands and scores, for Grafana and for people.",
        },
        "paths": _paths(settings),
        "components": {
            "schemas": msgspec.json.schema_components(
                [route.body for route in ROUTES if route.body], ref_template=BODIES
            )[1],
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "responses": {
                "Error": {
                    "description": "What is wrong and what to do about it.",
                    "content": {"application/json": {"schema": _ERROR}},
                }
            },
        },
    }


def _paths(settings: WebSettings) -> dict[str, dict[str, Any]]:
    """Path -> method -> operation."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, settings)
    return paths


def _operation(route: Route, settings: WebSettings) -> dict[str, Any]:
    media, schema = ANSWERS[route.answer]
    inside = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(\w+)>", route.path)
    ]
    protected = route.access is not Access.OPEN
    return {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": inside + [_parameter(parameter, settings) for parameter in route.parameters],
        **_body(route),
        "security": [{"bearer": []}, {"basic": []}, {}] if protected else [],
        "responses": {
            "200": {"description": route.summary, "content": {media: {"schema": schema}}},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }


def _body(route: Route) -> dict[str, Any]:
    if route.body is None:
        return {}
    return {
        "requestBody": {
            "content": {JSON: {"schema": {"$ref": BODIES.format(name=route.body.__name__)}}}
        }
    }


def _parameter(parameter: Parameter, settings: WebSettings) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "schema": parameter.schema(settings),
        "example": parameter.example,
    }
