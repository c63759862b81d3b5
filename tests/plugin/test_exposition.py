"""The metrics as a Prometheus would read them."""

import json
import math
import shutil
import subprocess
import threading
import time
import urllib.request
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from plugin.board import Snapshot, WatchHealth
from plugin.config import Watch
from plugin.exposition import CONTENT_TYPE, SCORE_METRICS, exposition
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesRecord, SeriesState
from tests.cpu import within
from tests.servers import PrometheusServer
from tests.snapshots import snapshot as made

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
NAN = math.nan
INF = math.inf


def snapshot(
    labels: list[dict[str, str]],
    states: list[SeriesState],
    value: list[float],
    upper: list[float],
    watch: str = "web",
) -> Snapshot:
    n = len(labels)
    series = [
        SeriesRecord(i, watch, Labels.of(each), state, 0, 600)
        for i, (each, state) in enumerate(zip(labels, states, strict=True))
    ]
    return made(
        Watch(name=watch, query="up", labels={"team": "a"}),
        series,
        600,
        value=np.array(value),
        expected=np.full(n, 1.5),
        lower=np.full(n, -INF),
        upper=np.array(upper),
        score=np.full(n, 0.25),
    )


def scrape(*snapshots: Snapshot, registry: CollectorRegistry | None = None) -> dict[str, Metric]:
    text = exposition(
        registry or CollectorRegistry(), {each.watch: each for each in snapshots}
    ).decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def test_scores_keep_every_label_and_get_their_watch() -> None:
    tricky = 'quote " backslash \\ newline \n é'
    families = scrape(
        snapshot(
            [
                {"__name__": "up", "job": tricky},
                {"watch": "casio", "metric_name": "m", "team": "b", "größe": "1"},
            ],
            [SeriesState.OK, SeriesState.WARMING_UP],
            [1e300, NAN],
            [INF, 0.1],
        )
    )
    assert [sample.labels for sample in families["bandwatch_anomaly_score"].samples] == [
        {
            "watch": "web",
            "severity": "ticket",
            "team": "a",
            "metric_name": "up",
            "job": tricky,
            "instance": "",
        },
        {
            "watch": "web",
            "severity": "ticket",
            "team": "a",
            "label_watch": "casio",
            "label_metric_name": "m",
            "label_team": "b",
            "U__gr_f6__df_e": "1",
            "instance": "",
            "job": "",
        },
    ]
    assert [sample.value for sample in families["bandwatch_value"].samples] == [1e300]
    assert [sample.value for sample in families["bandwatch_upper"].samples] == [INF, 0.1]
    assert [sample.value for sample in families["bandwatch_lower"].samples] == [-INF, -INF]
    assert [sample.value for sample in families["bandwatch_expected"].samples] == [1.5, 1.5]
    assert {family.type for name, family in families.items() if name.startswith("bandwatch_")} == {
        "gauge"
    }


def test_labels_that_prometheus_sets_on_alerts_make_way() -> None:
    """A rule that fires for two series of ALERTS would put its own name in the place of theirs, and
    fail."""
    families = scrape(
        snapshot(
            [{"__name__": "ALERTS", "alertname": name, "alertstate": "firing"} for name in "ab"],
            [SeriesState.OK] * 2,
            [1, 1],
            [2, 2],
        )
    )
    for name in ("bandwatch_value", "bandwatch_alert_score", "bandwatch_missing"):
        told = [sample.labels for sample in families[name].samples]
        assert [labels["label_alertname"] for labels in told] == ["a", "b"]
        assert not any({"alertname", "alertstate"} & labels.keys() for labels in told)


def test_a_scrape_adds_no_label_of_its_own_to_a_series(tmp_path: Path) -> None:
    """The `job` and `instance` of Bandwatch are not those of a sum."""
    text = exposition(
        CollectorRegistry(),
        {"web": snapshot([{"job": "api"}, {"zone": "a"}], [SeriesState.OK] * 2, [1, 2], [3, 3])},
    )

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        target = f"127.0.0.1:{page.server_port}"
        job = {
            "job_name": "bandwatch",
            "honor_labels": True,
            "static_configs": [{"targets": [target]}],
        }
        with PrometheusServer(tmp_path, settings={"scrape_configs": [job]}) as prometheus:
            for _ in range(100):
                if found := _series_of(prometheus.url, "bandwatch_value"):
                    break
                time.sleep(0.1)
            [info] = _series_of(prometheus.url, "bandwatch_watch_info")
        page.shutdown()
    shared = {"__name__": "bandwatch_value", "watch": "web", "severity": "ticket", "team": "a"}
    assert sorted(found, key=len) == [{**shared, "job": "api"}, {**shared, "zone": "a"}]
    assert (info["job"], info["instance"]) == ("bandwatch", target)


def _series_of(url: str, name: str) -> list[dict[str, str]]:
    with urllib.request.urlopen(f"{url}/api/v1/query?query={name}", timeout=5) as answer:
        return [series["metric"] for series in json.load(answer)["data"]["result"]]


def test_own_labels_of_a_watch_leave_those_of_the_scrape_alone() -> None:
    own = {"job": "payments", "instance": "blue", "unit": "crew", "team": "a"}
    families = scrape(made(Watch(name="web", query="up", labels=own, unit="s"), [], 600))
    [info] = families["bandwatch_watch_info"].samples
    assert info.labels == {
        "watch": "web",
        "severity": "ticket",
        "team": "a",
        "unit": "s",
        "watch_unit": "crew",
        "watch_job": "payments",
        "watch_instance": "blue",
    }


def test_a_vanished_series_vanishes_and_is_counted() -> None:
    families = scrape(
        snapshot(
            [{"a": str(i)} for i in range(4)],
            [SeriesState.OK, SeriesState.MISSING, SeriesState.STALE, SeriesState.OK],
            [1, 2, 3, 4],
            [0, 0, 0, 0],
        )
    )
    assert [sample.labels["a"] for sample in families["bandwatch_value"].samples] == ["0", "3"]
    assert {s.labels["state"]: s.value for s in families["bandwatch_series"].samples} == {
        "ok": 2,
        "missing": 1,
        "stale": 1,
        "warming_up": 0,
        "learning": 0,
        "maintenance": 0,
    }


def test_a_series_that_is_learning_has_scores_and_nothing_for_alert_rules() -> None:
    records = [
        SeriesRecord(n, "web", Labels.of({"a": str(n)}), state, 0, 0)
        for n, state in enumerate((SeriesState.LEARNING, SeriesState.MISSING))
    ]
    families = scrape(
        made(
            "web",
            records,
            100,
            alert_score=np.full(2, np.nan),
            learning=np.ones(2, bool),
            missing=np.array([False, True]),
        )
    )
    assert [sample.labels["a"] for sample in families["bandwatch_anomaly_score"].samples] == ["0"]
    assert families["bandwatch_alert_score"].samples == families["bandwatch_missing"].samples == []
    counts = {s.labels["state"]: s.value for s in families["bandwatch_series"].samples}
    assert (counts["learning"], counts["missing"], counts["ok"]) == (1, 1, 0)


def test_in_maintenance_scores_are_exported_and_nothing_is_missing() -> None:
    records = [
        SeriesRecord(n, "web", Labels.of({"a": str(n)}), SeriesState.MAINTENANCE, 0, 0)
        for n in (1, 2)
    ]
    families = scrape(
        made("web", records, 100, missing=np.array([False, True]), muted=np.ones(2, bool))
    )
    assert [sample.labels["a"] for sample in families["bandwatch_value"].samples] == ["1"]
    for name in ("bandwatch_missing", "bandwatch_alert_score"):
        assert [sample.value for sample in families[name].samples] == [0, 0]


def test_a_watch_is_unhealthy_when_it_fails_and_when_it_is_late() -> None:
    # more than three steps and five minutes
    now = int(time.time())
    late = 400
    delayed = Watch(name="delayed", query="up", offset=late)
    families = scrape(
        made("fine", [], now),
        made("failing", [], now, outlook=WatchHealth.FAILING),
        made("late", [], now - late),
        made(delayed, [], now - late),
    )
    assert {
        sample.labels["watch"]: sample.value
        for sample in families["bandwatch_watch_unhealthy"].samples
    } == {"delayed": 0, "failing": 1, "fine": 0, "late": 1}


def test_a_watch_tells_its_labels_and_its_unit() -> None:
    plain = Watch(name="plain", query="up", labels={"severity": "page"})
    timed = Watch(name="timed", query="up", unit="s", labels={"unit": "checkout"})
    families = scrape(made(plain, [], 600), made(timed, [], 600))
    assert [sample.labels for sample in families["bandwatch_watch_info"].samples] == [
        {"watch": "plain", "severity": "page"},
        {"watch": "timed", "unit": "s", "watch_unit": "checkout", "severity": "ticket"},
    ]


def test_what_remote_write_sends_is_left_out() -> None:
    shown = {"web": snapshot([{"a": "1"}], [SeriesState.OK], [1], [2])}
    whole, rest = (
        exposition(CollectorRegistry(), shown, scores=scores).decode() for scores in (True, False)
    )
    sent = [name for name, _, _ in SCORE_METRICS]
    assert all(f"\n{name}{{" in whole and name not in rest for name in sent) and len(sent) == 5
    assert [
        line for line in whole.splitlines() if not any(name in line for name in sent)
    ] == rest.splitlines()
    assert "\nbandwatch_alert_score{" in rest and "\nbandwatch_missing{" in rest


def test_watches_share_a_family() -> None:
    families = scrape(
        snapshot([{"a": "1"}], [SeriesState.OK], [1], [2], "b"),
        snapshot([{"a": "1"}], [SeriesState.OK], [1], [2], "a"),
    )
    assert [sample.labels["watch"] for sample in families["bandwatch_value"].samples] == ["a", "b"]


def test_two_instances_fit_in_one_process_and_hide_created_times() -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    first, _ = (Metrics(registry) for registry in registries)
    first.fits.labels("web", "success").inc()
    first.http_duration.labels("/metrics").observe(0.1)
    families = scrape(registry=registries[0])
    assert not [name for name in families if name.endswith("_created")]
    assert families["bandwatch_fits"].samples[0].value == 1
    assert scrape(registry=registries[1])["bandwatch_fits"].samples == []


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on the path")
def test_promtool_accepts_it() -> None:
    registry = CollectorRegistry()
    Metrics(registry).fits.labels("web", "success").inc()
    text = exposition(registry, {"web": snapshot([{"a": '\\"\n'}], [SeriesState.OK], [1], [INF])})
    check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert (check.returncode, check.stdout + check.stderr) == (0, b"")


def test_ten_thousand_series_are_quick() -> None:
    n = 10_000
    labels = [
        {"__name__": "cpu", "instance": f"host-{i}:9100", "job": "node", "mode": "idle"}
        for i in range(n)
    ]
    many = snapshot(
        labels, [SeriesState.OK] * n, list(np.random.default_rng(0).normal(size=n)), [1.0] * n
    )
    # 0.08 s on a quiet machine; prometheus_client takes 0.9 s
    text = within(0.6, lambda: exposition(CollectorRegistry(), {"web": many}))
    assert text.count(b"\n") > 5 * n


def test_every_metric_is_documented() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    families = {
        **{family.name: family.type for family in registry.collect()},
        **{name: family.type for name, family in scrape(snapshot([], [], [], [])).items()},
    }
    text = DOCS.read_text(encoding="utf-8")
    for name, kind in families.items():
        if name.startswith("bandwatch_"):
            full = name + {"counter": "_total", "info": "_info"}.get(kind, "")
            assert any(line.startswith(f"| `{full}` | {kind} |") for line in text.splitlines()), (
                full,
                kind,
            )
    documented = [
        line.split("`")[1].removesuffix("_total")
        for line in text.splitlines()
        if line.startswith("| `bandwatch_")
    ]
    assert set(documented) <= set(families)


def test_models_that_are_old_or_drifted_are_told_by_watch() -> None:
    shown = snapshot(
        [{"n": "1"}, {"n": "2"}, {"n": "3"}], [SeriesState.OK] * 3, [1, 1, 1], [2, 2, 2]
    )
    shown = replace(
        shown, model_time=np.array([0, 500, 300]), drifted=np.array([True, False, True])
    )
    none = snapshot([{"n": "1"}], [SeriesState.WARMING_UP], [1], [2], watch="young")
    families = scrape(shown, replace(none, model_time=np.array([0])))
    told = {
        name: {
            sample.labels["watch"]: sample.value
            for sample in families[f"bandwatch_watch_{name}"].samples
        }
        for name in ("oldest_model_timestamp_seconds", "drifted_models")
    }
    assert told == {
        "oldest_model_timestamp_seconds": {"web": 300},
        "drifted_models": {"web": 2, "young": 0},
    }
