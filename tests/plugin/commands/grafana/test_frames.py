"""Frames from the JSON of Grafana's query API."""

import math
from typing import Any

import pytest

from plugin.commands.grafana.frames import QueryResponse, read_responses

FIELDS = [
    {"name": "time", "type": "time", "typeInfo": {"frame": "time.Time", "nullable": True}},
    {"name": "value", "type": "number", "labels": {"job": "api"}},
]


def body(**frame: Any) -> dict[str, Any]:
    return {"results": {"A": {"status": 200, "frames": [frame]}}}


def test_a_frame_is_read() -> None:
    schema = {
        "name": "A",
        "refId": "A",
        "meta": {"type": "timeseries-wide", "notices": [{"text": "slow"}]},
        "fields": FIELDS,
    }
    [frame] = read_responses(body(schema=schema, data={"values": [[1000, 2000], [1.5, None]]}))[
        "A"
    ].frames
    assert (frame.type, frame.rows, frame.notices) == ("timeseries-wide", 2, ("slow",))
    value = frame.field("value")
    assert value is not None and value.values == (1.5, None) and value.labels == {"job": "api"}
    assert [field.name for field in frame.of_type("time")] == ["time"] and frame.field(
        "other"
    ) is None


def test_numbers_that_json_has_no_word_for() -> None:
    data = {
        "values": [[1, 2, 3], [None, None, None]],
        "entities": [None, {"NaN": [0], "Inf": [1], "NegInf": [2]}],
    }
    [frame] = read_responses(body(schema={"fields": FIELDS}, data=data))["A"].frames
    nan, more, less = frame.fields[1].values
    assert isinstance(nan, float) and math.isnan(nan) and (more, less) == (math.inf, -math.inf)


def test_an_error_and_an_empty_answer() -> None:
    answers = read_responses(
        {"results": {"A": {"status": 502, "error": "refused"}, "B": {}, "C": {"frames": [{}]}}}
    )
    assert answers["A"] == QueryResponse((), "refused", 502) and answers["B"] == QueryResponse()
    assert answers["C"].rows == 0 and answers["C"].frames[0].fields == ()


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {"message": "Access denied"},
        {"results": []},
        {"results": {"A": 1}},
        {"results": {"A": {"frames": {}}}},
        body(schema={"fields": FIELDS}, data={"values": [[1]]}),
        body(schema=1),
    ],
)
def test_what_is_no_answer_of_grafana(found: object) -> None:
    with pytest.raises(ValueError):
        read_responses(found)
