"""The demo from begin to end: with the stand-in, steps of a second, and a service of a few lines
instead of ours."""

import json
import re
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.run import links, run
from plugin.commands.demo.settings import demo_config
from plugin.commands.demo.world import World
from plugin.config import Config


class Thresholds:
    """Stands for the service: every latency has a fixed band around what was seen first; all else
    is well."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.stopped = False
        self.first: dict[str, float] = {}
        self.server = HttpServer(self.answer)
        self.url = self.server.url

    def answer(self, path: str, parameters: Parameters) -> HttpReply:
        if path == "/api/v1/bands":
            return HttpReply(json.dumps(self.bands(parameters)), "application/json")
        rows = [row for watch in self.config.watches for row in self.rows(watch.name, watch.query)]
        if parameters.get("by") == "incident":
            watches = sorted({str(row["watch"]) for row in rows if float(str(row["score"])) > 1})
            return HttpReply(
                json.dumps([{"incident": f"{watch}-1"} for watch in watches]), "application/json"
            )
        if path == "/api/v1/alert":
            rows = [
                {
                    name: value
                    for name, value in row.items()
                    if name not in ("value", "lower", "upper")
                }
                for row in rows
            ]
        return HttpReply(json.dumps(rows), "application/json")

    def bands(self, parameters: Parameters) -> list[dict[str, object]]:
        """Expects what was there a day before, or three quarters of it."""
        watch = next(watch for watch in self.config.watches if watch.name == parameters["watch"])
        start, end = (int(parameters[name]) // 60_000 * 60 for name in ("from", "to"))
        values = self.ask(
            "query_range", query=watch.query, start=start - 86_400, end=end, step=watch.step
        )[0]["values"]
        kept = {time: float(value) for time, value in values}
        return [
            {
                "time": time * 1000,
                "value": kept[time],
                "expected": kept[time - 86_400],
                "lower": 0.75 * kept[time - 86_400],
                "upper": None,
                "score": 4 * max(0, 1 - kept[time] / kept[time - 86_400]),
            }
            for time in range(start, end + 1, watch.step)
        ]

    def ask(self, what: str, **parameters: object) -> list[dict[str, Any]]:
        url = f"{self.config.prometheus.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def rows(self, watch: str, query: str) -> list[dict[str, object]]:
        return [
            self.row(watch, one["metric"], float(one["value"][1]))
            for one in self.ask("query", query=query)
        ]

    def row(self, watch: str, labels: dict[str, str], value: float) -> dict[str, object]:
        usual = self.first.setdefault(f"{watch}{sorted(labels.items())}", value)
        score = abs(value - usual) / usual * 2 if watch == "latency" else 0.0
        return {
            **labels,
            "watch": watch,
            "value": value,
            "expected": usual,
            "lower": usual / 2,
            "upper": usual * 1.5,
            "score": score,
            "state": "ok",
            "detector": "lstm",
        }

    def stop(self) -> None:
        self.stopped = True
        self.server.close()


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> list[Thresholds]:
    monkeypatch.setenv("PATH", "")  # no Prometheus here
    return []


def test_a_demo_of_ten_seconds(services: list[Thresholds], tmp_path: Path) -> None:
    def start(config: Config) -> Thresholds:
        services.append(Thresholds(config))
        return services[0]

    said: list[str] = []
    status = run(start, duration=10, picture=tmp_path / "past.png", say=said.append, step=1)  # type: ignore[arg-type]
    text = "\n".join(said)
    assert status == 0, text
    assert (
        "Prometheus is a small stand-in, as there is no `prometheus` with `promtool` on the PATH"
        in text
    )
    assert "something goes wrong with checkout latency: spike, for 3 s" in text
    assert "checkout latency rose to " in text
    assert text.count("  what is it  bandwatch explain latency-1\n") == 1
    assert "  answer it   http://127.0.0.1:8642/feedback?incident=latency-1\n" in text
    assert "  incidents      1 caused, 1 seen, 1 over" in said
    assert re.search(
        r"the daily peak of open baskets was missing: flagged [89]\d% of that time, first after",
        text,
    )
    assert re.search(
        r"  in the past    open baskets, missing peak: flagged [89]\d% of it, a one-step", text
    )
    assert (tmp_path / "past.png").read_bytes().startswith(b"\x89PNG")
    assert "  false alarms   0" in said
    assert services[0].stopped
    assert not Path(services[0].config.store.path).parent.exists()


def test_interrupted_it_ends_in_order_and_says_how_far_it_came(services: list[Thresholds]) -> None:
    def start(config: Config) -> Thresholds:
        raise KeyboardInterrupt

    said: list[str] = []
    assert run(start, say=said.append, step=1) == 1  # type: ignore[arg-type]
    assert "  series         0: none seen" in said
    assert "  all ok         never" in said
    assert "  in the past    open baskets, missing peak: not scored yet" in said


def test_the_configuration_it_runs_with() -> None:
    config = demo_config(
        World(1, 1_795_219_200), "http://127.0.0.1:9090", Path("demo"), "127.0.0.1:0", 10
    )
    queries = {watch.name: watch.query for watch in config.watches}
    assert queries["latency"] == "shop_request_latency_seconds"
    assert queries["traffic"] == "sum by (service, code) (rate(shop_requests_total[1m]))"
    assert queries["saturation"].startswith(
        '{__name__=~"shop_backup_bytes_per_second|shop_cache_hit_ratio|'
    )
    assert {watch.name: watch.step for watch in config.watches} == {
        "latency": 10,
        "traffic": 10,
        "saturation": 10,
        "sales": 60,
    }
    for watch in config.watches:
        assert watch.alert_budget == 1 / (7 * 86_400)
    assert config.web.external_url == "http://127.0.0.1:0", (
        "every alarm has a link by which it is answered"
    )


def test_the_links_can_be_opened_as_they_stand() -> None:
    lines = list(links("http://127.0.0.1:8642", "http://127.0.0.1:9090"))
    assert lines[0] == "          page        http://127.0.0.1:8642/"
    assert lines[1] == (
        "          bands       http://127.0.0.1:8642/api/v1/bands?watch=latency&match="
        "%7Bservice%3D%22checkout%22%7D"
    )
    assert [line.split()[0] for line in lines] == [
        "page",
        "bands",
        "scores",
        "alert",
        "metrics",
        "Prometheus",
    ]
