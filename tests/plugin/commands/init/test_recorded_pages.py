"""What `bandwatch init` proposes for the pages that real exporters have shown."""

import json
import re
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.init.candidates import candidates
from plugin.commands.init.presets import read_presets
from plugin.commands.init.run import InitRequest, init
from plugin.config import PrometheusSettings, load
from plugin.prometheus import PrometheusReader
from plugin.prometheus.catalogue import MetricCatalogue
from tests.servers import PrometheusServer

COUNTER = re.compile(r"^(\w+_(?:total|bucket|count|sum)(?:\{.*\})?) (\S+)$", re.MULTILINE)
PAGES = Path(__file__).parent / "testdata"
# By the exporter, in the order of the presets. Each is what an operator looks at first.
PROPOSED = {
    "node_exporter": [
        "node_cpu",
        "node_memory",
        "node_disk_busy",
        "node_disk_bytes",
        "node_filesystem",
        "node_network_in",
        "node_network_out",
        "node_network_errors",
    ],
    "prometheus": ["prometheus_samples", "prometheus_series", "prometheus_memory"],
    "shop": ["shop_requests_rate", "shop_requests_errors", "shop_request_latency_quantile"],
}
# Prometheus adds these metrics to every target.
OF_EVERY_TARGET = ["targets_up", "scrape_time"]


def catalogue(page: str) -> MetricCatalogue:
    """The names and the types of a page."""
    lines = page.splitlines()
    names = {line.partition("{")[0].split()[0] for line in lines if line and line[0] != "#"}
    types = dict(line.split()[2:4] for line in lines if line.startswith("# TYPE "))
    return MetricCatalogue(frozenset(names), types)


@pytest.mark.parametrize("name", PROPOSED)
def test_a_page_gives_the_watches_that_an_operator_would_keep(name: str) -> None:
    page = (PAGES / f"{name}.prom").read_text()
    found = [candidate.name for candidate in candidates(read_presets([]), catalogue(page))]
    assert found == PROPOSED[name]


@pytest.fixture(scope="module")
def prometheus_of_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Scrapes the recorded pages, each as a job of its own."""
    servers = {path.stem: HttpServer(page(path)) for path in sorted(PAGES.glob("*.prom"))}
    targets = {name: [server.url.removeprefix("http://")] for name, server in servers.items()}
    with PrometheusServer(tmp_path_factory.mktemp("pages"), scrape=targets) as prometheus:
        yield prometheus
    for server in servers.values():
        server.close()


def page(path: Path) -> Callable[[str, Parameters], HttpReply]:
    """The page, whose counters grow by a thousandth with each scrape."""
    text = path.read_text()
    scrapes = count()

    def reply(_: str, parameters: Parameters) -> HttpReply:
        factor = 1 + next(scrapes) / 1000
        grown = COUNTER.sub(lambda found: f"{found[1]} {float(found[2]) * factor}", text)
        return HttpReply(grown, "text/plain; version=0.0.4; charset=utf-8")

    return reply


def wait_for_rates(server: PrometheusServer, jobs: int) -> None:
    """Until each job was scraped twice."""
    reader = PrometheusReader(PrometheusSettings(url=server.url))
    deadline = time.monotonic() + 60
    query = "count_over_time(up[1m]) >= 3"
    while True:
        now = int(time.time())
        if len(reader.range(query, now, now, 1, max_series=9).observed) == jobs:
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
    reader.close()


def test_each_proposed_watch_has_series_and_passes_as_a_configuration(
    prometheus_of_pages: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wait_for_rates(prometheus_of_pages, len(PROPOSED))
    output = tmp_path / "bandwatch.yml"
    request = InitRequest(prometheus_of_pages.url, [], output, keeps_all=True, as_json=True)
    assert init(request) == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    expected = {*OF_EVERY_TARGET, *(name for names in PROPOSED.values() for name in names)}
    assert {watch["settings"]["name"] for watch in shown["watches"]} == expected
    assert all(watch["series_now"] for watch in shown["watches"])
    assert shown["left_out"] == shown["not_carried"] == []
    assert {watch.name for watch in load(output).watches} == expected
