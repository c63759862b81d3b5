"""Our selectors against those of a real Prometheus: the same series for what both accept, refusals
for the rest."""

import pytest

from plugin import selectors
from plugin.config.model import PrometheusSettings
from plugin.errors import QueryRejected, SelectorError
from plugin.prometheus import PrometheusReader
from plugin.series import Labels
from tests.history import START, STEP, history
from tests.servers import PrometheusServer

LABELS = [one.labels for one in history()]


@pytest.fixture(scope="module")
def read(prometheus: PrometheusServer) -> PrometheusReader:
    return PrometheusReader(PrometheusSettings(url=prometheus.url, retries=0))


def answered(read: PrometheusReader, selector: str) -> set[Labels]:
    return {one.labels for one in read.range(selector, START, START, STEP, max_series=99).series}


@pytest.mark.parametrize(
    "selector, count",
    [
        ("shop_visitors", 2),
        ("  shop_visitors  { } ", 2),
        ('shop_visitors{route="/0"}', 1),
        ('shop_visitors{route="/0",}', 1),
        ('shop_visitors{route!="/0"}', 1),
        ('shop_visitors{route=~"/0"}', 1),  # anchored at both ends
        ('shop_visitors{route=~"0"}', 0),
        ('shop_visitors{route=~"/0.*"}', 2),
        ("shop_visitors{route=~'/0\\\\.\\\\d+'}", 1),
        ("shop_visitors{route=~`/0\\.\\d+`}", 1),
        ('shop_visitors{route!~"/0.+"}', 1),
        ('shop_visitors{route=~"/0|/1"}', 1),
        ('shop_visitors{route=~"(?i)/0"}', 1),
        ('shop_visitors{absent=""}', 2),  # an absent label is an empty one
        ('shop_visitors{absent!=""}', 0),
        ('shop_visitors{route=""}', 0),
        ('shop_visitors{absent=~".*"}', 2),
        ('shop_visitors{absent=~".+"}', 0),
        ('shop_visitors{absent!~"x"}', 2),
        ('shop_visitors{route="/0",route!="/0"}', 0),
        ('{__name__="shop_flat"}', 1),
        ('{__name__=~"shop_.+"}', 8),
        ('{__name__=~"shop_.+",code=""}', 7),
        ('{__name__=~"shop_f.*|shop_g.*"}', 2),
        ('{__name__=~"shop_.+",__name__!~".*o.*t.*"}', 1),
        ('{code="200"}', 1),
        ('{code=~"2..",__name__=~"shop_.*_total"}', 1),
        (
            '{text=~"a .quote(?s:.*)"}',
            1,
        ),  # without (?s) a dot takes a line feed for us and Prometheus 3, not for 2
        ('{text=~"(?s:.*)東京"}', 1),
        ('{text=~"(?s:.*)\\u6771京"}', 1),
        ('{text=~"(?s).*line.feed.*"}', 1),
        ("shop_nothing", 0),
    ],
)
def test_the_same_series_as_prometheus(read: PrometheusReader, selector: str, count: int) -> None:
    matchers = selectors.parse(selector)
    ours = {labels for labels in LABELS if selectors.select(matchers, labels)}
    assert ours == answered(read, selector)
    assert len(ours) == count


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_labels_print_as_a_selector_that_both_read(read: PrometheusReader, labels: Labels) -> None:
    matchers = selectors.parse(str(labels))
    assert (
        answered(read, str(labels))
        == {one for one in LABELS if selectors.select(matchers, one)}
        == {labels}
    )


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "{",
        "shop_flat{",
        "shop_flat{code}",
        "shop_flat{code=200}",
        'shop_flat{code="200}',
        'shop_flat{="200"}',
        'shop_flat{code=="200"}',
        'shop_flat{code="a" code="b"}',
        'shop_flat{,code="a"}',
        'shop_flat{code=~"("}',
        'shop_flat{code=~"a(?=b)"}',
        'shop_flat{code="\\q"}',
        "9lives",
        "shop flat",
        'shop_flat{code="a"} and',
    ],
)
def test_what_prometheus_refuses_is_refused(read: PrometheusReader, selector: str) -> None:
    with pytest.raises(QueryRejected):
        answered(read, selector)
    with pytest.raises(SelectorError):
        selectors.parse(selector)
