"""The stand-in gives the numbers of the real Prometheus, and its refusals."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.commands.demo import promql
from plugin.commands.demo.exporter import serve_exporter
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.servers import prometheus
from plugin.commands.demo.standin import StandIn, serve_standin
from plugin.commands.demo.world import World
from plugin.config import PrometheusSettings
from plugin.errors import QueryRejected
from plugin.prometheus import PrometheusReader
from plugin.series import Series

# far enough back to hold the gap
STEP = 60
HISTORY = 62 * 3600
EXPRESSIONS = (
    'shop_request_latency_seconds{service=~"check.*|search"}',
    '{__name__=~"shop_(exchange_rate|replicas|memory_bytes)",job="shop"}',
    "rate(shop_requests_total[5m])",
    'rate(shop_requests_total{code!="200",service!~"login|sea.+"}[2m])',
    "sum by (service) (rate(shop_requests_total[3m]))",
    'sum by (code)(shop_requests_total{instance="shop-1"})',
    "shop_no_such_metric",
    "max(timestamp(shop_requests_total))",
    'max(timestamp(shop_replicas{service="search"}))',
    "max(timestamp(shop_no_such_metric))",
)


@pytest.fixture(scope="module")
def readers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[World, PrometheusReader, PrometheusReader]]:
    """Two readers on the same world: the real Prometheus and the stand-in."""
    world = World(1, int(time.time()) // STEP * STEP)
    exporter = serve_exporter(world)
    standin = serve_standin(world, STEP, HISTORY)
    folder: Path = tmp_path_factory.mktemp("demo")
    with prometheus(
        world, exporter, folder, step=STEP, bandwatch="127.0.0.1:9", history=HISTORY
    ) as real:
        assert real.description.startswith("a real one, with 111,")
        both = [PrometheusReader(PrometheusSettings(url=url)) for url in (real.url, standin.url)]
        yield world, both[0], both[1]
        for reader in both:
            reader.close()
    standin.close()
    exporter.close()


def by_labels(series: list[Series]) -> dict[str, Series]:
    return {str(one.labels): one for one in series}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_same_numbers_as_prometheus(
    readers: tuple[World, PrometheusReader, PrometheusReader], expression: str
) -> None:
    world, real, standin = readers
    start = world.now - HISTORY - 300
    end = world.now - STEP
    wanted, found = (
        by_labels(reader.range(expression, start, end, STEP, max_series=100).series)
        for reader in (real, standin)
    )
    assert found.keys() == wanted.keys()
    for name, series in wanted.items():
        np.testing.assert_array_equal(found[name].times, series.times)
        np.testing.assert_allclose(found[name].values, series.values, rtol=1e-12)


def test_it_says_its_version(readers: tuple[World, PrometheusReader, PrometheusReader]) -> None:
    assert readers[2].product() == "Prometheus 2.42.0-standin"


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        (
            "histogram_quantile(0.9, x)",
            r"the stand-in speaks selectors, rate, sum by and max\(timestamp\(\)\), and does not",
        ),
        ("shop{service=checkout}", "expected a label value in quotes at character 14"),
    ],
)
def test_what_it_does_not_understand_is_refused(
    readers: tuple[World, PrometheusReader, PrometheusReader], expression: str, complaint: str
) -> None:
    world, _, standin = readers
    with pytest.raises(QueryRejected, match=complaint):
        standin.range(expression, world.now - 120, world.now, STEP, max_series=10)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        (
            {"query": "shop_replicas", "start": "0", "end": "x", "step": "15"},
            'invalid parameter \\"end\\"',
        ),
        (
            {"query": "shop_replicas", "start": "0", "end": "10", "step": "0"},
            'invalid parameter \\"step\\"',
        ),
        (
            {"query": "shop_replicas", "start": "0", "end": "11001", "step": "1"},
            "11,000 points per timeseries",
        ),
        (
            {"query": "shop_replicas", "start": "10", "end": "0", "step": "1"},
            "end timestamp must not be before",
        ),
    ],
)
def test_a_wrong_parameter_is_bad_data(parameters: dict[str, str], complaint: str) -> None:
    reply = StandIn(World(1, 1_795_316_400), 10).answer("/api/v1/query_range", parameters)
    assert reply.status == 400
    assert complaint in reply.text


def test_live_a_vanished_series_is_absent_at_once_and_the_future_is_empty() -> None:
    world = World(1, 1_795_316_400)
    world.add(
        ScriptedIncident(
            "checkout replicas", "vanishing series", 0.0, world.now + 20, world.now + 40
        )
    )
    standin = StandIn(world, 10, clock=lambda: world.now + 55.0)
    at = np.arange(world.now, world.now + 60, 10)
    values = standin.query("shop_replicas", at)
    np.testing.assert_array_equal(list(values.values()), [[4, 4, np.nan, np.nan, 4, 4]])


def test_rate_by_hand() -> None:
    """Counted 1 per second with a restart at 40; before 20 there is nothing."""
    times = np.array([20, 30, 40, 50])
    values = np.array([100.0, 110.0, 5.0, 15.0])
    found = promql.rate(times, values, np.array([20, 30, 50, 200]), 30)
    # At 30: 10 events in 10 s, extended by half a spacing to the left, over 30 s. At 50: 25 events
    # in the whole window.
    np.testing.assert_allclose(found, [np.nan, 10 * 1.5 / 30, 25 / 30, np.nan])
