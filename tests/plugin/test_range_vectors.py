"""How far a query looks back and which metrics it reads, from its text alone."""

import pytest

from plugin.range_vectors import (
    RangeVector,
    keeps_labels,
    longest_range_vector,
    metric_names,
    rate_vectors,
)


@pytest.mark.parametrize(
    ("query", "selector", "seconds"),
    [
        ("up", "", 0),
        ('up{job="a[5m]"}', "", 0),
        ("rate(http_requests_total[5m])", "http_requests_total", 300),
        (
            'sum by (job) (rate(x:y{code=~"5..|[4]", a="}"}[1m30s]))',
            'x:y{code=~"5..|[4]", a="}"}',
            90,
        ),
        ("rate(a[5m]) / rate(b[1h])", "b", 3600),
        ("rate(a[1h]) / rate(b[5m])", "a", 3600),
        ("max_over_time(rate(x[5m])[1h:1m])", "x", 3900),
        ("max_over_time(sum(rate(x[5m]))[1h:])", "x", 3900),
        ("rate(x[5m] offset 1w)", "x", 300),
        ("rate(x [ 5m ] @ end())", "x", 300),
        ('rate({__name__="a.b"}[300])', '{__name__="a.b"}', 300),
        ("avg_over_time(x[1d12h]) # [9w]", "x", 129_600),
        ("a + rate(b[500ms])", "", 0),
        ("rate(x[5m]) > bool on (job) (y)", "x", 300),
        ("x[[", "", 0),
        (")))](", "", 0),
    ],
)
def test_the_longest_range_of_a_query(query: str, selector: str, seconds: int) -> None:
    found = longest_range_vector(query)
    assert (found.selector, found.seconds) == (selector, seconds)


@pytest.mark.parametrize(
    ("selector", "names_metric"),
    [
        ("up", True),
        ('up{job="a"}', True),
        ('{__name__="a.b", job="c"}', True),
        ('{job="c", __name__ = `a`}', True),
        ('{"a.b"}', True),
        ('{ "a.b" , job="c"}', True),
        ('{job="a"}', False),
        ('{"my.label"="a"}', False),
        ('{__name__=~"a|b"}', False),
        ('{__name__!="a"}', False),
    ],
)
def test_a_selector_that_names_its_metric(selector: str, names_metric: bool) -> None:
    assert RangeVector(selector, 60).names_metric == names_metric


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("up", ["up"]),
        ('sum by (job, code) (rate(hits{code=~"5..", job="up"}[5m]))', ["hits"]),
        ("sum(a) without(b) / on (c) group_left (d, e) f:g:h offset 5m", ["a", "f:g:h"]),
        ('{__name__="a.b"} or {job="c"} and d > bool 1e9 unless Inf', ["a.b", "d"]),
        ("max_over_time(rate(x[1m])[1h:5m]) + x * 0x1f", ["x"]),
        ('label_replace(a, "b", "$1", "c", "(d)") # e', ["a"]),
        ("histogram_quantile(0.9, sum by (le", []),
        ("", []),
    ],
)
def test_the_metrics_of_a_query(query: str, names: list[str]) -> None:
    assert metric_names(query) == names


@pytest.mark.parametrize(
    ("query", "vectors"),
    [
        ("rate(x[10s])", [("rate", RangeVector("x", 10))]),
        (
            'sum(irate(a{b="c"} [1m])) / increase ({d="e"}[1h30m])',
            [("irate", RangeVector('a{b="c"}', 60)), ("increase", RangeVector('{d="e"}', 5400))],
        ),
        ("max_over_time(x[10s]) + rate(sum(x)[5m:1m]) + rate", []),
    ],
)
def test_the_ranges_of_rates(query: str, vectors: list[tuple[str, RangeVector]]) -> None:
    assert rate_vectors(query) == vectors


@pytest.mark.parametrize(
    ("query", "keeps"),
    [
        ("up", True),
        ('rate(x{by="sum"}[5m]) * 2', True),
        ("a / b", True),
        ("topk(3, last_over_time(x[1h]))", True),
        ("sum(x)", False),
        ("MAX by (job) (x)", False),
        ("a / on (job) b", False),
        ('label_replace(x, "a", "", "", "")', False),
    ],
)
def test_whether_series_keep_their_labels(query: str, keeps: bool) -> None:
    assert keeps_labels(query) is keeps
