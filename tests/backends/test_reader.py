"""The reader gets from the other servers what was written into them, or an error in words."""

import time

import numpy as np
import pytest

from plugin.config.model import PrometheusSettings
from plugin.errors import QueryRejected
from plugin.prometheus import PrometheusReader
from plugin.prometheus.catalogue import read_catalogue
from plugin.series import Labels, Series
from tests.backends.servers import Backend
from tests.backends.world import NASTY, TIMES, odd
from tests.e2e import world
from tests.e2e.world import HISTORY_DAYS, NOW, STEP

START = int(TIMES[0])


def test_it_says_its_version_and_its_time(read: PrometheusReader) -> None:
    assert read.product()
    assert abs(read.server_time() - time.time()) < 5


def test_days_of_history_arrive(backend: Backend, read: PrometheusReader) -> None:
    start = NOW - HISTORY_DAYS * 86_400
    answer = read.range("last_over_time(latency_ms[59s])", start, NOW, STEP, max_series=4)
    assert answer.warnings == answer.gaps == answer.partial == ()
    found = {series.labels["service"]: series for series in answer.series}
    for written in world.series():
        read_series = found[written.labels["service"]]
        there = written.times <= NOW
        np.testing.assert_array_equal(read_series.times, written.times[there])
        np.testing.assert_allclose(
            read_series.values, written.values[there], rtol=backend.precision
        )


@pytest.mark.parametrize(
    ("selector", "labels"),
    [
        ("odd_text", {"text": NASTY}),
        ('{"http.duration"}', {"ort.name": "Graz"}),
        ('{"http.duration", "ort.name"="Graz"}', {"ort.name": "Graz"}),
        ('{__name__="größe", "straße"=~"Am.*"}', {"straße": "Am Graben"}),
    ],
)
def test_names_and_values_of_any_letters(
    read: PrometheusReader, selector: str, labels: dict[str, str]
) -> None:
    query = f"last_over_time({selector}[59s])"
    (series,) = read.range(query, START, NOW, STEP, max_series=1).series
    assert {**series.labels, "__name__": ""} == {**labels, "__name__": ""}
    np.testing.assert_array_equal(series.times, TIMES)


def test_a_gap_is_a_gap(read: PrometheusReader) -> None:
    (series,) = read.range("last_over_time(odd_gap[59s])", START, NOW, STEP, max_series=1).series
    np.testing.assert_array_equal(series.times, np.delete(TIMES, slice(40, 70)))


def test_more_points_than_one_answer_may_have(read: PrometheusReader) -> None:
    answer = read.range("latency_ms{service='quiet'}", NOW - 40_000, NOW, 1, max_series=1)
    (series,) = answer.series
    np.testing.assert_array_equal(series.times, np.arange(NOW - 40_000, NOW + 1))
    assert answer.requests > 3


def test_what_is_wrong_with_a_query_is_told(read: PrometheusReader) -> None:
    with pytest.raises(QueryRejected, match=r"refused with 4\d\d .*parse.*query `sum\(odd_text`"):
        read.range("sum(odd_text", NOW, NOW, STEP, max_series=1)


def test_the_newest_sample_is_there_at_once(backend: Backend, read: PrometheusReader) -> None:
    step = 5
    now = int(time.time()) // step * step
    times = now + np.arange(-20, 1, dtype=np.int64) * step
    name = f"fresh_{now}"
    values = np.arange(21.0)
    backend.write([Series(Labels.of({"__name__": name}), times, values)])
    (one,) = read.range(name, now, now, step, max_series=1).series
    assert (one.times.tolist(), one.values.tolist()) == ([now], [20.0])
    (all_of_it,) = read.range(name, int(times[0]), now, step, max_series=1).series
    np.testing.assert_array_equal(all_of_it.values, values)


def test_the_metrics_that_it_has(backend: Backend) -> None:
    catalogue = read_catalogue(PrometheusSettings(url=backend.url), START, NOW)
    assert {series.labels["__name__"] for series in odd()} | {"latency_ms"} <= catalogue.names
    assert catalogue.warnings == ()
