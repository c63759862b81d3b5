"""The model of Infinity's framing against what was seen of Infinity 3.11 on a running Grafana, case
by case."""

import json
from typing import Any

import pytest
from flask import Flask, request

from plugin.commands.grafana.frames import AnswerFrame, QueryResponse, read_response
from tests.grafana import infinity
from tests.grafana.infinity import NUMERIC_LONG, TIME_SERIES_WIDE, NotModelled, result_of

# 2026-11-20 23:00 and 2026-11-21 00:00 UTC
BEGIN = 1_795_215_600
END = 1_795_219_200
THREE = [
    {"watch": "w", "code": "a", "score": 2.5},
    {"watch": "w", "code": "b", "score": 1.4},
    {"watch": "w", "code": "c", "score": 0.2},
]
SCORE = [{"selector": "score", "text": "score", "type": "number"}]
BAND = [
    {"selector": "time", "text": "time", "type": "timestamp_epoch"},
    *({"selector": name, "text": name, "type": "number"} for name in ("value", "lower", "upper")),
]
INSTANCE = {"selector": "instance", "text": "instance", "type": "string"}


def target(**settings: Any) -> dict[str, Any]:
    return {
        "refId": "A",
        "type": "json",
        "source": "url",
        "parser": "backend",
        "format": "table",
        "url": "/api/v1/alert",
        "url_options": {"method": "GET", "data": "", "params": []},
        "root_selector": "",
        "columns": [],
        "filters": [],
        **settings,
    }


def answer(body: object, status: int = 200, **settings: Any) -> QueryResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return read_response(result_of(target(**settings), status, text, "http://b/api/v1/alert"))


def frame(body: object, **settings: Any) -> AnswerFrame:
    [made] = answer(body, **settings).frames
    return made


def types(made: AnswerFrame) -> dict[str, str]:
    return {field.name: field.type for field in made.fields}


def values(made: AnswerFrame, name: str) -> list[object]:
    field = made.field(name)
    assert field is not None
    return list(field.values)


def band(time: int, value: float | None = 1.0, **labels: str) -> dict[str, Any]:
    return {"time": time, "value": value, "lower": 0.5, "upper": 1.5, **labels}


def test_rows_with_text_and_a_number_are_numeric_long() -> None:
    made = frame(THREE)
    assert made.type == NUMERIC_LONG and [field.name for field in made.fields] == [
        "code",
        "score",
        "watch",
    ]
    assert values(made, "score") == [2.5, 1.4, 0.2] and types(made)["code"] == "string"


@pytest.mark.parametrize("rows", [THREE[:1], [{"score": 2.5}]], ids=["with strings", "without"])
def test_one_row_with_a_number_is_numeric_long(rows: list[dict[str, Any]]) -> None:
    assert frame(rows).type == NUMERIC_LONG


@pytest.mark.parametrize(
    "code", [{}, {"code": None}, {"code": ""}], ids=["absent", "null", "empty"]
)
def test_a_label_that_a_row_lacks_is_a_string_column_with_nothing(code: dict[str, Any]) -> None:
    for rows in (
        [{**code, "watch": "w", "score": 1.0}, THREE[0]],
        [{**code, "code": code.get("code"), "score": 1.0}],
    ):
        made = frame(rows)
        assert types(made)["code"] == "string" and values(made, "code")[0] in (None, "")


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        ([{"watch": "w", "on": True, "score": 1.0}], {"on": "boolean"}),
        ([{"watch": "w", "score": 1.0, "value": 2}], {"score": "number", "value": "number"}),
        ([{"watch": "w", "score": 1}, {"watch": "v", "score": 1.5}], {"score": "number"}),
        ([{"watch": "w", "score": 1e300}], {"score": "number"}),
        ([{"watch": "w", "score": "2.5"}], {"score": "string"}),
        ([{"watch": "w", "score": None}, {"watch": "v", "score": 1.0}], {"score": "number"}),
        (
            [{"watch": "w", "a": [1], "b": {"x": 1}, "c": []}],
            {"a": "string", "b": "string", "c": "string"},
        ),
        (
            [{"größe": "x", "le bel": "x", "a.b": "x", "1st": "x", "score": 1.0}],
            {"größe": "string", "a.b": "string"},
        ),
        ([{"time": 1795219200123, "watch": "w", "score": 1.0}], {"time": "number"}),
    ],
)
def test_what_is_guessed_without_declared_columns(
    rows: list[dict[str, Any]], kinds: dict[str, str]
) -> None:
    assert kinds.items() <= types(frame(rows)).items()


def test_a_column_without_any_value_becomes_text_and_so_a_label() -> None:
    rows = [{**row, "score": None} for row in THREE]
    made = frame(rows)
    assert types(made)["score"] == "string" and made.type == ""
    declared = frame(rows, columns=[*SCORE, {"selector": "code", "text": "code", "type": "string"}])
    assert (
        types(declared) == {"code": "string", "score": "number"} and declared.type == NUMERIC_LONG
    )


def test_declared_columns_are_read_as_declared_and_the_others_dropped() -> None:
    made = frame([{"watch": "w", "score": "2.5", "more": 1}], columns=SCORE)
    assert types(made) == {"score": "number"} and values(made, "score") == [2.5]
    nested = frame(
        [{"labels": {"job": "api"}, "score": 1}],
        columns=[*SCORE, {"selector": "labels.job", "text": "job", "type": "string"}],
    )
    assert values(nested, "job") == ["api"]


@pytest.mark.parametrize(
    "text",
    [
        "500",
        "007",
        "true",
        "2026-11-21T00:00:00Z",
        "12345678901234567890",
        "größe ✓",
        'a "b" \\ c',
        "$1 ${y}",
    ],
)
def test_text_stays_text_byte_for_byte(text: str) -> None:
    assert values(frame([{"code": text, "score": 1.0}]), "code") == [text]


def test_a_large_integer_stays_exact() -> None:
    assert values(frame([{"watch": "w", "time": 1795219200123}]), "time") == [1795219200123]


@pytest.mark.parametrize(
    ("body", "settings", "fields"),
    [
        ([], {}, {}),
        ([], {"columns": SCORE}, {}),
        ([], {"columns": BAND, "format": "timeseries"}, {}),
        ({"series": []}, {"root_selector": "series"}, {}),
        ({"series": []}, {}, {"series": "string"}),
        (
            {"series": THREE, "model": "x"},
            {"root_selector": "series"},
            {"code": "string", "score": "number", "watch": "string"},
        ),
        (
            {"series": THREE, "generated": 1, "model": "x"},
            {},
            {"series": "string", "generated": "number", "model": "string"},
        ),
        (THREE, {"parser": "simple"}, {}),
        (THREE, {"parser": "uql"}, {}),
        (THREE, {"parser": None, "columns": SCORE}, {}),
        (THREE, {"parser": None}, {"code": "string", "score": "number", "watch": "string"}),
        (["a", "b"], {"refId": "variable"}, {"variable": "string"}),
    ],
)
def test_which_fields_a_query_gets(
    body: object, settings: dict[str, Any], fields: dict[str, str]
) -> None:
    assert types(frame(body, **settings)) == fields


def test_an_array_of_strings_is_one_field_of_text() -> None:
    assert values(frame(["a", "b"]), "A") == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "status", "settings", "text"),
    [
        ("", 200, {}, "empty response body received for the URL http://b/api/v1/alert"),
        ("[]", 500, {}, "unsuccessful HTTP response code\nstatus code : 500"),
        ("[]", 503, {}, "unsuccessful HTTP response code\nstatus code : 503"),
        (
            '{"error": {"message": "why"}}',
            401,
            {},
            "unsuccessful HTTP response code\nstatus code : 401",
        ),
        ("[{", 200, {}, "error while unmarshaling"),
        ('[{"score": NaN}]', 200, {}, "error while unmarshaling"),
        ('[{"score": 1e999}]', 200, {}, "error while unmarshaling"),
        ('{"other": []}', 200, {"root_selector": "series"}, "root selector"),
    ],
)
def test_what_is_an_error(body: str, status: int, settings: dict[str, Any], text: str) -> None:
    made = answer(body, status, **settings)
    assert text in made.error and "why" not in made.error and made.frames == ()


@pytest.mark.parametrize("form", ["timeseries", "table"])
def test_a_band_is_one_frame_of_a_time_and_numbers(form: str) -> None:
    made = frame([band(1000), band(2000, None)], columns=BAND, format=form)
    assert types(made) == {"lower": "number", "time": "time", "upper": "number", "value": "number"}
    assert (
        made.type == ""
        and values(made, "value") == [1.0, None]
        and not any(f.labels for f in made.fields)
    )


def test_a_band_without_a_single_value_keeps_its_numbers() -> None:
    made = frame([band(1000, None), band(2000, None)], columns=BAND, format="timeseries")
    assert types(made)["value"] == "number"


def test_a_band_of_one_row_is_called_numeric_long_and_keeps_its_time() -> None:
    made = frame([band(1000)], columns=BAND, format="timeseries")
    assert made.type == NUMERIC_LONG and types(made)["time"] == "time"


def test_times_are_only_times_when_declared() -> None:
    assert types(frame([band(1000), band(2000)], format="timeseries"))["time"] == "number"
    for kind, given in (
        ("timestamp", "1970-01-01T00:00:01Z"),
        ("timestamp_epoch_s", 1),
        ("timestamp_epoch", 1000),
    ):
        made = frame(
            [{"time": given, "value": 1}],
            columns=[{"selector": "time", "text": "time", "type": kind}, *BAND[1:]],
            format="timeseries",
        )
        assert values(made, "time") == [1000]


def test_series_with_a_label_become_wide_when_rows_are_in_order() -> None:
    rows = [band(1000, instance="a"), band(1000, instance="b"), band(2000, instance="a")]
    made = frame(rows, columns=[*BAND, INSTANCE], format="timeseries")
    assert (
        made.type == TIME_SERIES_WIDE
        and values(made, "time") == [1000, 2000]
        and "instance" not in types(made)
    )
    value = {
        field.labels["instance"]: list(field.values)
        for field in made.fields
        if field.name == "value"
    }
    assert value == {"a": [1.0, 1.0], "b": [1.0, None]}


@pytest.mark.parametrize(
    "times", [(1000, 2000, 1000), (1000, None, 2000)], ids=["grouped by series", "no time"]
)
def test_series_out_of_order_stay_long_in_silence(times: tuple[int, ...]) -> None:
    rows = [band(time, instance=name) for time, name in zip(times, "aab", strict=True)]
    made = frame(rows, columns=[*BAND, INSTANCE], format="timeseries")
    assert made.type == NUMERIC_LONG and types(made)["instance"] == "string"


def test_a_label_that_is_not_declared_mixes_the_series() -> None:
    made = frame(
        [band(1000, instance="a"), band(1000, instance="b")], columns=BAND, format="timeseries"
    )
    assert values(made, "time") == [1000, 1000]


def test_annotations_keep_an_open_end() -> None:
    columns = [
        {"selector": name, "text": name, "type": "timestamp_epoch"} for name in ("time", "timeEnd")
    ]
    columns += [
        {"selector": name, "text": name, "type": "string"} for name in ("title", "text", "tags")
    ]
    rows = [{"time": 1000, "timeEnd": None, "title": "t", "text": "x", "tags": "a,b"}]
    made = frame(rows, columns=columns, format="dataframe")
    assert types(made) == {
        "time": "time",
        "timeEnd": "time",
        "title": "string",
        "text": "string",
        "tags": "string",
    }
    assert values(made, "timeEnd") == [None] and values(made, "tags") == ["a,b"] and made.type == ""
    assert types(frame(rows, format="dataframe"))["time"] == "number"
    assert types(frame([], columns=columns, format="dataframe")) == {}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("${__timeFrom}", "1795215600000"),
        ("${__timeTo}", "1795219200000"),
        ("${__from}", "1795215600000"),
        ("${__to}", "1795219200000"),
        ("${__timeTo:date:iso}", "2026-11-21T00:00:00Z"),
        ("${__timeTo:date:seconds}", "1795219200"),
        ("${__timeFrom:date:YYYY-MM-DD}", "2026-11-20"),
        ("$__customInterval(1h,1m,1d,5m,1h)", "1m"),
        ("$__interval", "$__interval"),
        ("${__interval_ms}", "${__interval_ms}"),
        ("$$${__timeTo}", "$$1795219200000"),
    ],
)
def test_macros(text: str, sent: str) -> None:
    assert infinity.macros(text, BEGIN, END) == sent


def test_the_first_step_whose_limit_holds_the_range_is_chosen() -> None:
    text = "$__customInterval(1h,1m,1d,5m,1h)"
    assert [infinity.macros(text, END - hours * 3600, END) for hours in (1, 2, 25)] == [
        "1m",
        "5m",
        "1h",
    ]


def test_macros_reach_parameters_the_url_and_the_body_and_no_root_selector() -> None:
    options = {
        "method": "POST",
        "data": '{"to": ${__timeTo}}',
        "params": [
            {"key": "to", "value": "${__timeTo}"},
            {"key": "j", "value": ""},
            {"key": "from", "value": "${__timeFrom}"},
            {"key": "a b", "value": 'x&"y"'},
        ],
    }
    asked = infinity.request_of(
        target(url="/bands?at=${__timeTo}", url_options=options), BEGIN, END, "http://b/api"
    )
    assert asked == infinity.Request(
        "POST",
        "http://b/api/bands?at=1795219200000&a+b=x%26%22y%22&from=1795215600000&j=&to=1795219200000",
        '{"to": 1795219200000}',
    )
    assert "root selector" in answer({"1795219200000": []}, root_selector="${__timeTo}").error


def test_a_key_in_the_url_and_in_the_parameters_is_sent_twice() -> None:
    options = {"method": "GET", "params": [{"key": "a", "value": "inparams"}]}
    assert (
        infinity.request_of(target(url="/x?a=inurl", url_options=options), BEGIN, END).url
        == "/x?a=inurl&a=inparams"
    )


def test_the_application_is_asked_with_the_token() -> None:
    app = Flask(__name__)
    app.add_url_rule(
        "/api/v1/alert",
        "alert",
        lambda: [
            {"watch": request.args["to"], "code": request.headers["Authorization"], "score": 1}
        ],
    )
    query = target(url_options={"method": "GET", "params": [{"key": "to", "value": "${__timeTo}"}]})
    [made] = read_response(infinity.ask(query, app.test_client(), BEGIN, END, "secret")).frames
    assert values(made, "code") == ["Bearer secret"] and values(made, "watch") == ["1795219200000"]


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        ({"computed_columns": [{"selector": "1", "text": "x"}]}, []),
        ({"filterExpression": "score > 1"}, []),
        ({"source": "inline"}, []),
        ({"type": "csv"}, []),
        ({}, [1, 2]),
        ({}, [{"a": 1}, {"a": "x"}]),
    ],
)
def test_what_nobody_has_looked_at_is_refused(settings: dict[str, Any], body: object) -> None:
    with pytest.raises(NotModelled):
        answer(body, **settings)
