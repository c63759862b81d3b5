"""`bandwatch preview` over a real Prometheus: known outages, a page, two files side by side."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from tests.e2e import fortnight
from tests.servers import PrometheusServer

CONFIG = """
prometheus: {{url: "{url}"}}
store: {{path: "{folder}"}}
watches:
  - name: traffic
    query: last_over_time({{job="traffic"}}[4m])
    step: 5m
    fit_window: 14d
    detector: baseline
    group_by: [service]
    direction: {direction}
"""
OUTAGES = """start,end,title
2025-10-21T08:00:00Z,2025-10-21T09:30:00Z,the outage
2025-10-20T23:30:00Z,2025-10-20T23:35:00Z,a moment without an incident
"""
SPAN = ["--since", "24h", "--end", "2025-10-21T12:00:00Z"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    series = [
        each
        for each in fortnight.series()
        if each.labels["job"] == "traffic" and each.labels["service"] in ("shop", "cart")
    ]
    with PrometheusServer(tmp_path_factory.mktemp("shop")).backfill(series) as running:
        yield running


def test_the_command_compares_and_checks_known_outages(
    server: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for direction in ("both", "below"):
        text = CONFIG.format(url=server.url, folder=tmp_path / "store", direction=direction)
        (tmp_path / f"{direction}.yml").write_text(text)
    (tmp_path / "outages.csv").write_text(OUTAGES)
    base = ["preview", "--config.file", str(tmp_path / "both.yml"), *SPAN]
    base += ["--incidents", str(tmp_path / "outages.csv")]
    assert main([*base, "--json", "--html", str(tmp_path / "page.html")]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [outage["incident"] is not None for outage in found["outages"]] == [False, True]
    assert found["incidents"] and found["alarms"][0]["text"]
    page = (tmp_path / "page.html").read_text()
    assert "the outage" in page and "<script" not in page
    status = main([*base, "--compare", str(tmp_path / "below.yml"), "--fail-above", "1/30d"])
    out, err = capsys.readouterr()
    assert "side by side" in out and "known outages with" in out
    assert status == 1 and "pages a week, more than" in err
    assert not (tmp_path / "store").exists(), "the service's own store is not touched"


def test_what_is_wrong_is_told_before_any_work(
    server: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "both.yml"
    file.write_text(CONFIG.format(url=server.url, folder=tmp_path / "store", direction="both"))
    for flags, words in (
        (["--watch", "none"], "--watch none: there is no such watch in"),
        (["--compare", "x", "--suggested"], "--compare and --suggested: give one of them"),
        (["--incidents", str(tmp_path / "none.csv")], "cannot be read: No such file"),
        (["--store"], "holds no bandwatch.db; valid is"),
    ):
        assert main(["preview", "--config.file", str(file), *flags]) == 1
        assert words in capsys.readouterr().err
