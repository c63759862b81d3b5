"""Data frames as Grafana's `POST /api/ds/query` answers them.

    {"results": {"A": {"status": 200, "error": "...", "frames": [
        {"schema": {"name", "refId", "meta": {"type", "notices": [{"text"}]},
                    "fields": [{"name", "type", "typeInfo": {"frame", "nullable"}, "labels"}]},
         "data": {"values": [[...], ...], "entities": [{"NaN": [row], "Inf": [row], "NegInf":
         [row]}, null]}}]}}}

Source: grafana-plugin-sdk-go, data/frame_json.go.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ENTITIES = {
    "NaN": math.nan,
    "Inf": math.inf,
    "NegInf": -math.inf,
}  # JSON has no word for them: null in `values`


@dataclass(frozen=True)
class Field:
    """One column."""

    name: str
    type: str  # time, number, string, boolean, enum or other
    values: tuple[object, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class AnswerFrame:
    """One table; `type` is what the data source promises of it, such as numeric-long, or
    nothing."""

    type: str
    fields: tuple[Field, ...]
    notices: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return max((len(field.values) for field in self.fields), default=0)

    def of_type(self, *types: str) -> list[Field]:
        return [field for field in self.fields if field.type in types]

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True)
class QueryResponse:
    """What came back for one query. `error` is Grafana's text, empty when there is none."""

    frames: tuple[AnswerFrame, ...] = ()
    error: str = ""
    status: int = 200

    @property
    def rows(self) -> int:
        return sum(frame.rows for frame in self.frames)


def read_responses(body: object) -> dict[str, QueryResponse]:
    """The answers of a body by refId.

    Raises ValueError when it is not what /api/ds/query promises.
    """
    results = body.get("results") if isinstance(body, Mapping) else None
    if not isinstance(results, Mapping):
        raise ValueError("no `results` in the answer")
    return {str(name): read_response(result) for name, result in results.items()}


def read_response(result: object) -> QueryResponse:
    """One entry of `results`. Raises ValueError."""
    result = _mapping(result, "a result")
    frames = tuple(_frame(_mapping(frame, "a frame")) for frame in _items(result.get("frames")))
    status = result.get("status")
    return QueryResponse(
        frames, str(result.get("error") or ""), status if isinstance(status, int) else 200
    )


def _frame(frame: Mapping[str, object]) -> AnswerFrame:
    schema = _mapping(frame.get("schema") or {}, "schema")
    data = _mapping(frame.get("data") or {}, "data")
    meta = _mapping(schema.get("meta") or {}, "meta")
    fields = [_mapping(field, "a field") for field in _items(schema.get("fields"))]
    values = [list(_items(column)) for column in _items(data.get("values"))]
    if len(values) != len(fields):
        raise ValueError(f"{len(fields)} fields and {len(values)} columns of values")
    for column, entities in zip(values, _items(data.get("entities")), strict=False):
        for word, rows in _mapping(entities or {}, "entities").items():
            for row in _items(rows):
                column[int(str(row))] = ENTITIES[word]
    notices = tuple(
        str(_mapping(notice, "a notice").get("text")) for notice in _items(meta.get("notices"))
    )
    return AnswerFrame(str(meta.get("type") or ""), tuple(map(_field, fields, values)), notices)


def _field(field: Mapping[str, object], values: list[object]) -> Field:
    labels = _mapping(field.get("labels") or {}, "labels")
    return Field(
        str(field.get("name") or ""),
        str(field.get("type") or "other"),
        tuple(values),
        {str(name): str(value) for name, value in labels.items()},
    )


def _mapping(value: object, part_name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{part_name} is not an object")
    return value


def _items(value: object) -> Iterable[object]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("a list is missing")
    return value
