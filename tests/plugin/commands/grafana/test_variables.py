"""Variables as Grafana's front end puts them into queries."""

import pytest

from plugin.commands.grafana.frames import AnswerFrame, Field, QueryResponse
from plugin.commands.grafana.variables import (
    LABEL_VALUES,
    escape_matched,
    escape_matcher,
    fill,
    names_in,
    result_texts,
    through_regex,
)

VALUES = {"watch": "web", "series": 'up{job="a/b"}', "empty": ""}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$watch", "web"),
        ("${watch}", "web"),
        ("[[watch]]", "web"),
        ("${watch:csv}", "web"),
        ("${watch:raw}", "web"),
        ("/label/${watch:percentencode}/values", "/label/web/values"),
        ("${empty:raw}", ""),
        ("${series:raw}", 'up{job="a/b"}'),
        ("${series:regex}", r'up\{job="a\/b"\}'),
        ("${series:percentencode}", "up%7Bjob%3D%22a%2Fb%22%7D"),
        ("${series:doublequote}", '"up{job=\\"a/b\\"}"'),
        ("${series:json}", '"up{job=\\"a/b\\"}"'),
        ("${watch:singlequote}", "'web'"),
        ("${__timeFrom}", "${__timeFrom}"),
        ("$__rate_interval", "$__rate_interval"),
        ("${__timeTo:date:iso}", "${__timeTo:date:iso}"),
        ("$watching", "$watching"),
        ("costs $5", "costs $5"),
    ],
)
def test_a_reference(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled


def test_every_string_of_a_query_is_filled() -> None:
    query = {"url": "/x/$watch", "params": [{"key": "watch", "value": "${watch:csv}"}], "limit": 3}
    assert fill(query, VALUES) == {
        "url": "/x/web",
        "params": [{"key": "watch", "value": "web"}],
        "limit": 3,
    }
    assert names_in(query) == {"watch"} and names_in("${__timeFrom} [[a]] $b") == {
        "__timeFrom",
        "a",
        "b",
    }


def test_a_bare_name_is_escaped_as_the_prometheus_data_source_does() -> None:
    values = {"one": 'a"b\\c', "many": "a.b|c"}
    bare = {"one": escape_matcher, "many": escape_matched}
    assert (
        fill('{x="$one",y=~"$many",z="${one:raw}"}', values, bare)
        == r'{x="a\"b\\c",y=~"a\\.b\\|c",z="a"b\c"}'
    )


@pytest.mark.parametrize(
    ("regex", "left"),
    [
        ("", ["job", "watch", "instance"]),
        ("/^(?!watch$).+/", ["job", "instance"]),
        ("job", ["job"]),
        ("/(in|w)\\w+/", ["w", "in"]),
        ("/(?<x>o)b/", ["o"]),
        ("/nothing/", []),
    ],
)
def test_the_regex_of_a_variable(regex: str, left: list[str]) -> None:
    assert through_regex(["job", "watch", "instance"], regex) == left


@pytest.mark.parametrize(
    ("text", "label", "match"),
    [
        ("label_values(watch)", "watch", None),
        ("label_values(up, job)", "job", "up"),
        ('label_values(up{a=~"x,y", b="z"}, job)', "job", 'up{a=~"x,y", b="z"}'),
    ],
)
def test_label_values(text: str, label: str, match: str | None) -> None:
    found = LABEL_VALUES.fullmatch(text)
    assert found is not None and (found["label"], found["match"]) == (label, match)


def test_query_result() -> None:
    value = Field("Value", "number", (1.5,), {"__name__": "up", "job": "api", "x": "y"})
    answer = QueryResponse((AnswerFrame("", (Field("Time", "time", (1000,), {}), value)),))
    assert result_texts(answer) == ['up{job="api",x="y"} 1.5 1000']
    assert through_regex(result_texts(answer), r"/\{(.*)\}/") == ['job="api",x="y"']
