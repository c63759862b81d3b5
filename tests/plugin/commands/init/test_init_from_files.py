"""`bandwatch init` with files of other systems, against a real Prometheus with three days of
history."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.cli import main
from plugin.commands.init.run import InitRequest, init
from plugin.config import load
from plugin.domain.times import DAY
from plugin.errors import ConfigError
from tests.plugin.commands.init.recorded import HTTP, scraped
from tests.servers import PrometheusServer, free_port

FILES = Path(__file__).parent / "testdata"
INTERVAL = 300
AHEAD_SECONDS = 1800  # of the clock, so that "now" has samples as long as the tests take


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Has scraped an application every five minutes, for three days."""
    now = int(time.time())
    times = np.arange(now - 3 * DAY, now + AHEAD_SECONDS, INTERVAL)
    samples = scraped(HTTP, "web", times)
    with PrometheusServer(tmp_path_factory.mktemp("shop")).backfill(samples) as server:
        yield server


def test_rules_become_watches_that_were_tried(
    shop: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups:\n- rules:\n"
        "  - {alert: ManyRequests, expr: 'sum(rate(http_requests_total[30m])) > 900',"
        " for: 30m, labels: {team: web}}\n"
        "  - {alert: TargetDown, expr: up == 0}\n"
        "  - {alert: Nowhere, expr: no_such_metric > 1}\n"
    )
    output = tmp_path / "bandwatch.yml"
    flags = ["--prometheus.url", shop.url, "--from-rules", str(rules), "--yes", "--json"]
    assert main(["init", *flags, "-o", str(output)]) == 0
    shown = json.loads(capsys.readouterr().out)
    [watch] = shown["watches"]
    assert watch["settings"] == {
        "name": "ManyRequests",
        "query": "sum(rate(http_requests_total[30m]))",
        "direction": "above",
        "labels": {"team": "web"},
        "step": "5m",
        "persistence": "6 of 6",
    }
    assert watch["alarms_per_week"] >= 0
    assert watch["series_days_tried"] > 1
    assert watch["fit_seconds"] > 0
    assert [item["name"] for item in shown["left_out"]] == ["Nowhere"]
    [omission] = shown["not_carried"]
    assert omission["place"] == f"{rules}:4: alert TargetDown"
    assert load(output).watches[0].persistence == (6, 6)
    text = output.read_text()
    assert f"# Not carried over:\n# {rules}:4: alert TargetDown: no watch: `==` asks" in text
    assert "alarms a week: " in text
    assert "a fit takes" in text


def test_what_vmanomaly_asks_is_asked_here(shop: PrometheusServer, tmp_path: Path) -> None:
    file = tmp_path / "vmanomaly.yml"
    file.write_text((FILES / "vmanomaly.yml").read_text().replace("[5m]", "[30m]"))
    output = tmp_path / "bandwatch.yml"
    request = InitRequest(shop.url, [], output, True, False, vmanomaly_files=[file])
    assert init(request) == 0
    [watch] = load(output).watches
    assert (watch.name, watch.step, watch.direction) == ("errors", INTERVAL, "above")
    assert "# cpu: no series in the last day" in output.read_text()


def test_a_file_that_gives_no_watch_is_refused_with_its_reasons(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{rules: [{alert: Down, expr: up == 0}]}]")
    url = f"http://127.0.0.1:{free_port()}"
    request = InitRequest(url, [], tmp_path / "a.yml", True, False, rule_files=[rules])
    with pytest.raises(ConfigError, match=r"nothing in it becomes a watch\n.*alert Down: no watch"):
        init(request)
