"""`bandwatch init` against a real Prometheus that holds what exporters have shown it."""

import io
import json
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.cli import main
from plugin.commands.check.run import check
from plugin.commands.init import dialogue
from plugin.commands.init.run import InitRequest, init
from plugin.commands.init.survey import MetricSurvey, usual_interval
from plugin.config import PrometheusSettings, load
from plugin.errors import BandwatchError, ConfigError
from plugin.prometheus import PrometheusReader
from plugin.prometheus.catalogue import read_catalogue
from plugin.range_vectors import longest_range_vector
from tests.plugin.commands.init.recorded import (
    BLACKBOX,
    HTTP,
    KUBERNETES,
    NODE,
    PROMETHEUS,
    scraped,
)
from tests.servers import PrometheusServer, free_port

HISTORY_SECONDS = 4 * 3600
AHEAD_SECONDS = 1800  # of the clock, so that "now" has samples as long as the tests take
NODE_WATCHES = [
    "node_cpu",
    "node_memory",
    "node_disk_busy",
    "node_disk_bytes",
    "node_filesystem",
    "node_network_in",
    "node_network_out",
    "node_network_errors",
]


@pytest.fixture(scope="module")
def exporters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Has scraped a node exporter (15 s), itself and a blackbox exporter (30 s), an application
    (60 s), a cluster (120 s)."""
    now = int(time.time())
    samples = []
    for page, job, interval in (
        (NODE, "node", 15),
        (HTTP, "web", 60),
        (KUBERNETES, "cluster", 120),
        (BLACKBOX, "blackbox", 30),
        (PROMETHEUS, "prometheus", 30),
    ):
        times = np.arange(now - HISTORY_SECONDS, now + AHEAD_SECONDS, interval)
        samples += scraped(page, job, times)
    with PrometheusServer(tmp_path_factory.mktemp("exporters")).backfill(samples) as server:
        yield server


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person sits there."""
    monkeypatch.setattr(dialogue, "can_ask", lambda: True)


def request(url: str, output: Path, *presets: str, as_json: bool = False) -> InitRequest:
    return InitRequest(url, presets, output, keeps_all=not as_json, as_json=as_json)


def answers(*lines: str) -> Callable[[str], str]:
    remaining = list(lines)
    return lambda question: remaining.pop(0)


def test_yes_writes_watches_that_check_passes(exporters: PrometheusServer, tmp_path: Path) -> None:
    output = tmp_path / "bandwatch.yml"
    assert init(request(exporters.url, output)) == 0
    settings = load(output)
    names = [watch.name for watch in settings.watches]
    assert set(names) >= {
        *NODE_WATCHES,
        "http_requests_rate",
        "http_requests_errors",
        "http_request_duration_p95",
        "rpc_request_rate",
        "rpc_request_duration_p95",
        "kube_cpu",
        "kube_throttling",
        "kube_restarts",
        "probe_success",
        "targets_up",
        "prometheus_samples",
    }
    assert "rpc_request_errors" not in names
    out = io.StringIO()
    works = check(settings, out=out, seconds_per_series=lambda watch, batch: 0.1)
    assert works, out.getvalue()


def test_a_rate_looks_back_over_four_scrapes(exporters: PrometheusServer, tmp_path: Path) -> None:
    output = tmp_path / "bandwatch.yml"
    init(request(exporters.url, output))
    watches = {watch.name: watch for watch in load(output).watches}
    windows = {name: longest_range_vector(watch.query).seconds for name, watch in watches.items()}
    assert windows["node_cpu"] == 300
    assert windows["http_requests_rate"] == 300
    assert windows["kube_cpu"] == 480
    assert watches["kube_cpu"].step == 120
    assert watches["node_cpu"].step == 60


def test_each_proposal_is_explained_in_the_file(
    exporters: PrometheusServer, tmp_path: Path
) -> None:
    output = tmp_path / "bandwatch.yml"
    init(request(exporters.url, output, "node", "red"))
    text = output.read_text()
    assert re.search(
        "  # Packets with errors, in and out; usually none.\n"
        "  # 1 series in the last (4h\\d*m?|3h5.m); gaps: none; scraped every 15s;"
        " has never changed; alarms a week: not tried, its history is too short.\n"
        "  - name: node_network_errors\n",
        text,
    )
    assert "# rpc_request_errors: rpc_request_duration_seconds_count has none of the labels" in text


def test_the_values_are_within_their_range(exporters: PrometheusServer, tmp_path: Path) -> None:
    """And what would count twice is left out."""
    output = tmp_path / "bandwatch.yml"
    init(request(exporters.url, output, "node", "red"))
    reader = PrometheusReader(PrometheusSettings(url=exporters.url))
    now = int(time.time()) // 60 * 60
    latest = {}
    for watch in load(output).watches:
        series = reader.range(watch.query, now, now, 60, max_series=9).observed
        assert watch.valid_range is not None
        for one in series:
            assert watch.valid_range[0] <= one.values[-1] <= watch.valid_range[1], watch.name
        latest[watch.name] = {one.labels.get("service", ""): one.values[-1] for one in series}
    reader.close()
    assert latest["node_cpu"][""] == pytest.approx(0.2, abs=0.1)
    assert latest["node_disk_bytes"][""] == pytest.approx(13_000, rel=0.15)
    assert latest["node_network_in"][""] == pytest.approx(5000, rel=0.15)
    assert latest["http_requests_errors"]["checkout"] == pytest.approx(1 / 41, rel=0.1)
    assert latest["http_requests_errors"]["search"] == 0


def test_a_person_keeps_some(
    exporters: PrometheusServer, tmp_path: Path, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "some.yml"
    asked = InitRequest(exporters.url, ["node"], output, keeps_all=False, as_json=False)
    assert init(asked, read=answers("cpu", "1-3 -2")) == 0
    assert [watch.name for watch in load(output).watches] == ["node_cpu", "node_disk_busy"]
    printed = capsys.readouterr().out
    assert 'found "cpu"; valid is 1 to 8' in printed
    assert f"bandwatch check {output}" in printed


def test_nothing_kept_writes_nothing(
    exporters: PrometheusServer, tmp_path: Path, terminal: None
) -> None:
    output = tmp_path / "none.yml"
    asked = InitRequest(exporters.url, ["node"], output, keeps_all=False, as_json=False)
    assert init(asked, read=answers("none")) == 0
    assert not output.exists()


def test_json_shows_all_and_writes_nothing(
    exporters: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bandwatch.yml"
    assert init(request(exporters.url, output, "node", as_json=True)) == 0
    shown = json.loads(capsys.readouterr().out)
    assert not output.exists()
    assert shown["file"] is None
    assert [watch["settings"]["name"] for watch in shown["watches"]] == NODE_WATCHES
    assert shown["watches"][0]["series"] == shown["watches"][0]["series_now"] == 1
    assert shown["watches"][0]["scrape_interval_seconds"] == 15
    assert shown["left_out"] == []


def test_a_file_is_never_overwritten(exporters: PrometheusServer, tmp_path: Path) -> None:
    output = tmp_path / "bandwatch.yml"
    output.write_text("mine")
    with pytest.raises(ConfigError, match="exists already, and is not overwritten; name another"):
        init(request(exporters.url, output))
    assert output.read_text() == "mine"


def test_without_a_terminal_it_says_how_to_go_on(tmp_path: Path) -> None:
    asked = InitRequest("http://127.0.0.1:1", [], tmp_path / "a.yml", False, False)
    with pytest.raises(ConfigError, match="no terminal to ask in: --yes keeps all"):
        init(asked)


def test_a_prometheus_that_does_not_answer_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(BandwatchError, match=f"--prometheus.url: Prometheus at {url} refused"):
        init(request(url, tmp_path / "a.yml"))


def test_what_was_looked_for_is_said(prometheus: PrometheusServer, tmp_path: Path) -> None:
    """That Prometheus has no metric of the last day."""
    with pytest.raises(ConfigError, match="has no metric of the last day: does it scrape anything"):
        init(request(prometheus.url, tmp_path / "a.yml"))


def test_nothing_recognised_names_the_metrics(exporters: PrometheusServer, tmp_path: Path) -> None:
    preset = tmp_path / "queue.yml"
    preset.write_text(
        "watches: [{name: depth, why: The queue., needs: [queue_depth], query: queue_depth}]"
    )
    with pytest.raises(ConfigError) as caught:
        init(request(exporters.url, tmp_path / "a.yml", str(preset)))
    text = str(caught.value)
    assert "queue: queue_depth" in text
    assert "bandwatch check --example" in text


def test_what_fails_is_left_out_with_its_reason(
    exporters: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = tmp_path / "own.yml"
    preset.write_text(
        "watches:\n"
        "  - {name: load, why: The load., needs: [node_load1], query: node_load1}\n"
        "  - {name: broken, why: No PromQL., needs: [node_load1], query: node_load1 +}\n"
        "  - {name: elsewhere, why: No series., needs: [node_load1], query: no_such_metric}\n"
    )
    output = tmp_path / "a.yml"
    assert init(request(exporters.url, output, str(preset))) == 0
    assert [watch.name for watch in load(output).watches] == ["load"]
    printed = capsys.readouterr().out
    assert "left out: broken" in printed
    assert "refused with 400" in printed
    assert "# elsewhere: no series in the last day\n" in output.read_text()


def test_a_password_is_only_in_a_file_of_ones_own(
    exporters: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.yml"
    url = exporters.url.replace("//", "//me:pa$%7Bss@")
    assert init(request(url, output, "node")) == 0
    settings = load(output).prometheus
    assert settings.url == exporters.url
    assert settings.basic_auth is not None and settings.basic_auth.password is not None
    assert settings.basic_auth.username == "me"
    assert settings.basic_auth.password.get_secret_value() == "pa${ss"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert "pa$" not in capsys.readouterr().out


def test_the_command_line_leads_there(
    exporters: PrometheusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a.yml"
    flags = ["--prometheus.url", exporters.url, "--preset", "node", "--preset", "blackbox"]
    assert main(["init", *flags, "--yes", "-o", str(output)]) == 0
    assert [watch.name for watch in load(output).watches][-2:] == [
        "probe_success",
        "probe_duration",
    ]
    assert main(["init", *flags, "--yes", "-o", str(output)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_the_scrape_interval_is_measured(exporters: PrometheusServer) -> None:
    reader = PrometheusReader(PrometheusSettings(url=exporters.url))
    survey = MetricSurvey(reader, int(time.time()))
    assert survey.scrape_interval("node_load1") == 15
    assert survey.scrape_interval("probe_success") == 30
    assert survey.scrape_interval("http_request_duration_seconds_bucket") == 60
    assert survey.scrape_interval("kube_pod_status_phase") == 120
    assert survey.scrape_interval("up") == 120  # the slowest job
    assert survey.scrape_interval("no_such_metric") == 60
    reader.close()


@pytest.mark.parametrize(
    ("seconds", "usual"), [(14.9, 15), (61, 60), (0.2, 1), (45, 45), (7.0, 7), (9000, 3600)]
)
def test_a_measured_interval_is_rounded(seconds: float, usual: int) -> None:
    assert usual_interval(seconds) == usual


def test_a_prometheus_that_has_just_started_is_enough(tmp_path: Path) -> None:
    """Its rates have no value at a whole minute yet."""
    output = tmp_path / "a.yml"
    with PrometheusServer(tmp_path / "fresh", scrape={"self": ["self"]}) as fresh:
        reader = PrometheusReader(PrometheusSettings(url=fresh.url))
        deadline = time.monotonic() + 30
        while not ready(reader):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        reader.close()
        assert init(request(fresh.url, output)) == 0
        now = int(time.time())
        catalogue = read_catalogue(PrometheusSettings(url=fresh.url), now - 3600, now)
    names = [watch.name for watch in load(output).watches]
    assert names[:2] == ["targets_up", "scrape_time"]
    assert "prometheus_samples" in names
    assert {"up", "prometheus_tsdb_head_series"} <= catalogue.names
    assert catalogue.types["prometheus_http_request_duration_seconds"] == "histogram"
    assert catalogue.warnings == ()


def ready(reader: PrometheusReader) -> bool:
    """Whether a rate has a value."""
    now = int(time.time())
    query = "rate(prometheus_tsdb_head_samples_appended_total[1m])"
    return bool(reader.range(query, now, now, 1, max_series=9).observed)
