"""A service with real data in it: a real Prometheus before it, an hour of ticks with an incident
and a lost series, and a real Prometheus that scrapes it."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from plugin.components import Components
from plugin.config import WebSettings
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.server import serve
from tests.e2e import world
from tests.grafana import infinity
from tests.grafana.prometheus import PrometheusSource
from tests.servers import PrometheusServer

STEPS = 100  # after world.NOW: `shop` had its incident, `gone` has been missing for an hour
SCRAPES = 4
OURS = "https://bandwatch.example.org"


@dataclass(frozen=True)
class Living:
    """Everything that a query of a dashboard or a rule can ask."""

    client: FlaskClient
    scraping: PrometheusSource
    now: int  # of the world, unix seconds

    def ask(self, target: dict[str, Any], begin: int, end: int) -> dict[str, Any]:
        """The entry of `results` for one target; unix seconds of the world."""
        if target["datasource"]["type"] == "prometheus":
            return self.scraping.ask(target, time.time() - 30, time.time())
        return infinity.ask(target, self.client, begin, end)


@contextmanager
def living(folder: Path) -> Iterator[Living]:
    clock = world.Clock()
    settings = world.watch(
        missing_data="alert", labels={"severity": "page", "team": "web"}, unit="ms"
    )
    with (
        PrometheusServer(folder / "history").backfill(world.series()) as history,
        world.parts(world.config(folder / "data", history.url, settings), clock) as parts,
    ):
        jobs = parts.watches["latency"]
        assert jobs.score.run() and jobs.fit.run(everyone=True) == 4
        for _ in range(STEPS // 5):
            clock.steps(5)
            assert jobs.score.run()
            jobs.forecast.run()
        context = _context(parts, clock)
        server = serve(create_app(context), context.settings)
        try:
            with PrometheusServer(
                folder / "scraping", scrape={"bandwatch": [f"127.0.0.1:{server.port}"]}
            ) as scraping:
                _wait_for_scrapes(scraping.url)
                yield Living(
                    create_app(context).test_client(), PrometheusSource(scraping.url), int(clock())
                )
        finally:
            server.close()


def _context(parts: Components, clock: world.Clock) -> WebContext:
    settings = WebSettings(listen_address="127.0.0.1:0", external_url=OURS)
    return WebContext(
        store=parts.store,
        board=parts.board,
        settings=settings,
        registry=parts.registry,
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=parts.metrics,
        heartbeat=clock,
        started=clock() - 3600,
        watches=lambda: {name: jobs.watch for name, jobs in parts.watches.items()},
    )


def _wait_for_scrapes(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with urllib.request.urlopen(
            f"{url}/api/v1/query?query=sum_over_time(up[1m])", timeout=5
        ) as answer:
            result = json.load(answer)["data"]["result"]
        if result and float(result[0]["value"][1]) >= SCRAPES:
            return
        time.sleep(0.2)
    raise AssertionError("Prometheus did not scrape the service")
