"""A dashboard opened: which variables get which values, what is asked, and what is not.

Answers are made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from plugin.commands.grafana.dashboards import Dashboard, Sources
from plugin.commands.grafana.findings import Level
from plugin.commands.grafana.frames import AnswerFrame, Field, QueryResponse
from plugin.commands.grafana.rules import rule_queries
from plugin.commands.grafana.shipped import INFINITY
from plugin.errors import GrafanaError

NOW = 1_000_000
SOURCES = Sources((("main", "prometheus"), ("spare", "prometheus"), ("bandwatch", INFINITY)))
CHOSEN = {"type": "prometheus", "uid": "${datasource}"}
OURS = {"type": INFINITY, "uid": "bandwatch"}
SOURCE = {"name": "datasource", "type": "datasource", "query": "prometheus"}


def strings(*values: str) -> QueryResponse:
    return QueryResponse((AnswerFrame("", (Field("x", "string", values, {}),)),))


@dataclass
class Asker:
    """Answers by the path or the expression that is asked; remembers every target and range."""

    answers: Mapping[str, QueryResponse] = field(default_factory=dict)
    labels: Mapping[str, list[str]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)

    def query(self, targets: Any, begin: int, end: int) -> dict[str, QueryResponse]:
        self.asked += [(target, begin, end) for target in targets]
        return {
            target["refId"]: self.answers.get(target.get("url") or target["expr"], QueryResponse())
            for target in targets
        }

    def label_values(self, source: str, label: str, match: str, begin: int, end: int) -> list[str]:
        self.asked.append((source, label, match, begin, end))
        if label not in self.labels:
            raise GrafanaError("502 Bad Gateway", "look there")
        return self.labels[label]


def infinity(name: str, url: str, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": OURS,
        "query": {"infinityQuery": {"url": url}},
        **settings,
    }


def prometheus(name: str, query: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "datasource": CHOSEN, "query": query, **settings}


def opened(
    asker: Asker, variables: list[Any], *expressions: str, sources: Sources = SOURCES
) -> Any:
    """The dashboard, and "name: level: text" of each finding."""
    targets = [{"refId": f"R{number}", "expr": text} for number, text in enumerate(expressions)]
    board = Dashboard(
        {
            "templating": {"list": variables},
            "time": {"from": "now-1h", "to": "now"},
            "panels": [
                {"type": "timeseries", "title": "P", "datasource": CHOSEN, "targets": targets}
            ]
            if targets
            else [],
        },
        asker,
        sources,
        NOW,
    )
    return board, [
        f"{name}: {finding.level.value}: {finding.text}" for name, finding in board.check()
    ]


def test_variables_are_resolved_in_their_order() -> None:
    asker = Asker({"/watches": strings("b", "a", ""), "/series/a": strings("s")})
    board, found = opened(
        asker, [infinity("watch", "/watches", sort=1), infinity("series", "/series/${watch:raw}")]
    )
    assert board.values == {"watch": "a", "series": "s"} and asker.asked[0][1:] == (NOW - 3600, NOW)
    assert found == [
        "variable watch: ok: 2 values, the first is a",
        "variable series: ok: 1 value, the first is s",
    ]


def test_the_first_data_source_of_its_type_is_chosen_and_asked() -> None:
    asker = Asker(labels={"watch": ["a.b"]})
    board, _ = opened(
        asker,
        [SOURCE, prometheus("watch", "label_values(up, watch)", multi=True)],
        'x{watch=~"$watch",y="${datasource}"}',
    )
    assert board.values == {"datasource": "main", "watch": "a.b"}
    assert asker.asked[0] == ("main", "watch", "up", NOW - 3600, NOW)
    target, *_ = asker.asked[1]
    assert target["expr"] == r'x{watch=~"a\\.b",y="main"}' and target["datasource"]["uid"] == "main"


def test_a_query_whose_variable_has_no_value_is_not_asked() -> None:
    asker = Asker({"/watches": QueryResponse()})
    variables = [infinity("watch", "/watches"), infinity("series", "/series/$watch")]
    board, found = opened(asker, variables, "x{w='$series'}")
    assert len(asker.asked) == 1 and board.unresolved == {"watch", "series"}
    assert found == [
        "variable watch: warning: offers no value",
        "variable series: warning: not asked: no value for watch",
        "panel P: warning: not asked: no value for series",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ({"type": "custom", "query": "5m,1h"}, "5m"),
        ({"type": "custom", "query": "five : 5m,1h"}, "5m"),
        ({"type": "custom", "query": "5m,1h", "current": {"value": "1h"}}, "1h"),
        ({"type": "textbox", "query": "x"}, "x"),
        ({"type": "constant", "query": "c"}, "c"),
        ({"type": "interval", "query": "1m,10m"}, "1m"),
        ({**prometheus("x", "label_values(up, job)"), "includeAll": True, "allValue": ".*"}, ".*"),
        ({**prometheus("x", "label_values(up, job)"), "regex": "/b(.)/"}, None),
        ({**prometheus("x", "query_result(up)"), "regex": r"/\{(.*)\}/"}, 'job="api"'),
    ],
)
def test_other_kinds_of_variables(variable: dict[str, Any], value: str | None) -> None:
    result = QueryResponse(
        (AnswerFrame("", (Field("Value", "number", (1.0,), {"__name__": "up", "job": "api"}),)),)
    )
    board, _ = opened(Asker({"up": result}, {"job": []}), [SOURCE, {**variable, "name": "x"}])
    assert board.values.get("x") == value and ("x" in board.unresolved) == (value is None)


def test_what_a_variable_cannot_be_asked() -> None:
    sources = Sources((("bandwatch", INFINITY),))
    _, found = opened(
        Asker(), [SOURCE, prometheus("watch", "label_values(watch)")], sources=sources
    )
    assert found == [
        "variable datasource: failure: Grafana has no data source of type prometheus",
        "variable watch: warning: not asked: no value for datasource",
    ]
    _, found = opened(
        Asker(),
        [SOURCE, prometheus("watch", "label_values(watch)"), prometheus("m", "metrics(up.*)")],
    )
    assert found[1:] == [
        "variable watch: failure: 502 Bad Gateway",
        "variable m: warning: metrics(up.*) is of no form that is checked",
    ]
    _, found = opened(
        Asker({"up": QueryResponse(error="parse error: x")}),
        [SOURCE, prometheus("w", "query_result(up)")],
    )
    assert found[1:] == ["variable w: failure: Grafana says: parse error: x"]


def test_a_dashboard_without_a_single_row_is_one_whose_prometheus_does_not_scrape() -> None:
    series = QueryResponse(
        (AnswerFrame("", (Field("t", "time", (1,), {}), Field("v", "number", (1.0,), {}))),)
    )
    _, found = opened(Asker(), [SOURCE], "a", "b")
    assert found[1:] == [
        "panel P, query R0: ok: no rows now",
        "panel P, query R1: ok: no rows now",
        "all panels: warning: none of 2 requests found a row",
    ]
    _, found = opened(Asker({"a": series}), [SOURCE], "a", "b")
    assert found[-1] == "panel P, query R1: ok: no rows now"


def test_an_answer_that_lacks_a_query() -> None:
    class Silent(Asker):
        def query(self, targets: Any, begin: int, end: int) -> dict[str, QueryResponse]:
            return {}

    _, found = opened(Silent(), [SOURCE], "a")
    assert found[1:] == ["panel P: failure: Grafana says: no answer to this query"]


def test_nothing_is_asked_of_a_data_source_that_is_out_of_order() -> None:
    asker = Asker()
    board = Dashboard(
        {
            "panels": [
                {"type": "table", "datasource": OURS, "targets": [{"refId": "A", "url": "/x"}]}
            ]
        },
        asker,
        Sources(SOURCES.known, (INFINITY,)),
        NOW,
    )
    [(name, finding)] = board.check()
    assert (name, finding.level) == ("queries", Level.WARNING) and asker.asked == []


def test_the_queries_of_a_rule_begin_with_the_one_that_the_condition_reads() -> None:
    data = [
        {
            "refId": name,
            "datasourceUid": "bandwatch",
            "relativeTimeRange": {"from": seconds, "to": 0},
            "model": {"url": f"/{name}"},
        }
        for name, seconds in (("B", 300), ("A", 600))
    ]
    threshold = {
        "refId": "T",
        "datasourceUid": "__expr__",
        "model": {"type": "threshold", "expression": "A"},
    }
    queries, seconds = rule_queries({"condition": "T", "data": [*data, threshold]})
    assert [query["refId"] for query in queries] == ["A", "B"] and seconds == 600
    assert queries[0]["datasource"] == {"type": INFINITY, "uid": "bandwatch"}
