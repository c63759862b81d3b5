"""The servers that other tests stand on, and a Prometheus that really scrapes."""

import time
from pathlib import Path

import pytest

from plugin.config.model import PrometheusSettings
from plugin.prometheus import PrometheusReader
from tests.servers import NodeExporter, PrometheusServer, binary


def test_a_prometheus_that_scrapes_itself_and_the_node_exporter(tmp_path: Path) -> None:
    with NodeExporter(tmp_path / "node") as node:
        scrape = {"prometheus": ["self"], "node": [f"127.0.0.1:{node.port}"]}
        with PrometheusServer(tmp_path / "prometheus", scrape=scrape) as server:
            read = PrometheusReader(PrometheusSettings(url=server.url))
            deadline = time.monotonic() + 20
            jobs: set[str] = set()
            while jobs != {"node", "prometheus"} and time.monotonic() < deadline:
                now = int(time.time())
                jobs = {
                    one.labels["job"]
                    for one in read.range("up == 1", now, now, 1, max_series=2).series
                }
                time.sleep(0.1)
            assert jobs == {"node", "prometheus"}
            port = server.port
            server.stop(kill=True)
            server.start()
            assert server.port == port
            assert read.product()


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    server = PrometheusServer(tmp_path, flags=["--no-such-flag"])
    with pytest.raises(AssertionError, match="did not start:(?s:.*)no-such-flag"), server:
        pass


def test_a_missing_program_is_a_failure_that_says_what_to_do() -> None:
    with pytest.raises(
        AssertionError, match="`prometheus-9` is not installed: `make test` installs it"
    ):
        binary("prometheus-9")
