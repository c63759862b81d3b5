"""What Prometheus 3 remarks about a query: advice, which makes no answer partial."""

import re

import pytest

from plugin.prometheus import PrometheusReader
from tests.backends.servers import Backend, Prometheus3
from tests.e2e.world import NOW, STEP


@pytest.fixture
def prometheus_3(backend: Backend, read: PrometheusReader) -> PrometheusReader:
    if not isinstance(backend, Prometheus3):
        pytest.skip("it makes no remarks")
    return read


def test_a_warning_about_the_expression(prometheus_3: PrometheusReader) -> None:
    answer = prometheus_3.range("quantile(2, latency_ms)", NOW - STEP, NOW, STEP, max_series=1)
    assert answer.partial == () and answer.infos == ()
    (text,) = answer.warnings
    assert re.match("PromQL warning: quantile value should be between 0 and 1, got 2", text)


def test_an_info_about_the_expression(prometheus_3: PrometheusReader) -> None:
    answer = prometheus_3.range("rate(latency_ms[5m])", NOW - STEP, NOW, STEP, max_series=4)
    assert answer.partial == () and answer.warnings == ()
    (text,) = answer.infos
    assert re.match("PromQL info: metric might not be a counter", text)
