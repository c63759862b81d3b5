"""Native histograms: Prometheus 3 answers them as such, VictoriaMetrics makes numbers of them."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.config.model import PrometheusSettings
from plugin.errors import AnswerInvalid
from plugin.prometheus import PrometheusReader, QueryResult
from tests.backends.servers import Prometheus3

HISTOGRAM = "prometheus_http_request_duration_seconds"
SCRAPES = {
    "scrape_interval": "1s",
    "scrape_timeout": "1s",
    "scrape_native_histograms": True,
    "always_scrape_classic_histograms": False,
}
MAX_SECONDS = 30.0  # for a few scrapes


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusReader]:
    """One that scrapes itself, histograms and all."""
    folder: Path = tmp_path_factory.mktemp("scraping")
    with Prometheus3(folder, scrape={"self": ["self"]}, settings={"global": SCRAPES}) as server:
        read = PrometheusReader(PrometheusSettings(url=server.url))
        until = time.monotonic() + MAX_SECONDS
        while not now(read, f"count(rate({HISTOGRAM}[20s]))").observed:
            assert time.monotonic() < until, "no histogram after many scrapes"
            time.sleep(0.1)
        yield read


def now(read: PrometheusReader, query: str) -> QueryResult:
    second = int(time.time())
    return read.range(query, second - 1, second, 1, max_series=100)


@pytest.mark.parametrize("query", [HISTOGRAM, f"rate({HISTOGRAM}[20s])", f"sum({HISTOGRAM})"])
def test_a_histogram_is_refused_with_what_to_do(scraping: PrometheusReader, query: str) -> None:
    with pytest.raises(AnswerInvalid, match=r"native histograms: .*histogram_quantile") as refused:
        now(scraping, query)
    assert query in str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        f"histogram_quantile(0.9, sum(rate({HISTOGRAM}[20s])))",
        f"sum(histogram_count(rate({HISTOGRAM}[20s])))",
        f"histogram_avg(sum({HISTOGRAM}))",
    ],
)
def test_a_number_of_it_is_a_series(scraping: PrometheusReader, query: str) -> None:
    (series,) = now(scraping, query).observed
    assert np.isfinite(series.values).all()
