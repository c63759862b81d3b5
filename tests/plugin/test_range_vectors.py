"""How far a query looks back, from its text alone."""

import pytest

from plugin.range_vectors import longest_range_vector


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
