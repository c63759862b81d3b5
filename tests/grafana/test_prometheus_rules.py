"""The alert rules for Prometheus, run by the real promtool: what fires when, and what it says."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml

from plugin.board import Snapshot
from plugin.exposition import exposition
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesRecord, SeriesState
from tests.servers import binary
from tests.snapshots import snapshot

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "grafana" / "prometheus").glob("*.rules.yml"))
OURS = 'job="bandwatch",instance="b:8642"'
ONE = 'watch="web",severity="page",metric_name="requests",code="500",job="api"'
OTHER = ONE + ',zone="a"'  # a selector of the labels of ONE finds it, too
UP = {
    f"up{{{OURS}}}": "1x200",
    f"bandwatch_scheduler_heartbeat_timestamp_seconds{{{OURS}}}": "0+60x200",
}
OF_PROCESSES = (
    "BandwatchLeasesNotKept",
    "BandwatchLeasesUnheld",
    "BandwatchBoardStale",
    "BandwatchConnectionsExhausted",
    "BandwatchExecutorUnreachable",
)
Input = Mapping[str, str]


def rules() -> dict[str, dict[str, Any]]:
    groups = [group for path in FILES for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool(folder: Path, series: Input, **tests: Sequence[Mapping[str, Any]]) -> None:
    """Runs the rules over the series, a sample a minute, and compares.

    Prints promtool's account when it differs.
    """
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {
        "rule_files": list(map(str, FILES)),
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": inputs, **tests}],
    }
    (folder / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(
        [binary("promtool"), "test", "rules", folder / "test.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def firing(folder: Path, alert: str, series: Input, minutes: Mapping[int, int]) -> None:
    """Asserts how many alerts of a name fire in each minute."""
    expression = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    promtool(
        folder,
        {**UP, **series},
        promql_expr_test=[
            {
                "expr": expression,
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": "{}", "value": count}],
            }
            for minute, count in minutes.items()
        ],
    )


def summary(
    folder: Path,
    alert: str,
    series: Input,
    minute: int,
    labels: str,
    text: str,
    *,
    score: str = "",
    link: str = "",
) -> None:
    """Asserts the one alert that fires in a minute, with all its labels and annotations."""
    static = rules()[alert]["annotations"]
    said = {
        "summary": text,
        "description": static["description"].replace('{{ printf "%.2f" $value }}', score),
        "runbook_url": static["runbook_url"],
        "dashboard_url": link or static["dashboard_url"],
    }
    alerts = [{"exp_labels": dict(re.findall(r'(\w+)="([^"]*)"', labels)), "exp_annotations": said}]
    promtool(
        folder,
        {**UP, **series},
        alert_rule_test=[{"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": alerts}],
    )


def drawn(minute: int, labels: str = ONE) -> str:
    """The link to the dashboard of a series: its labels as the variable `series` spells them, six
    hours."""
    selector = quote_plus(",".join(sorted(labels.split(","))))
    return (
        f"/d/bandwatch-series-prometheus?var-watch=web&var-series={selector}&time={minute * 60_000}"
        f"&time.window={6 * 3_600_000}"
    )


def test_prometheus_accepts_the_file() -> None:
    subprocess.run([binary("promtool"), "check", "rules", *FILES], check=True, capture_output=True)


def test_the_rules_are_those_of_grafana_under_the_same_names() -> None:
    grafana = yaml.safe_load((ROOT / "grafana/provisioning/alerting/bandwatch.yml").read_text())[
        "groups"
    ][0]
    books = {rule["title"]: rule["annotations"]["runbook_url"] for rule in grafana["rules"]}
    ours = {name: rule["annotations"]["runbook_url"] for name, rule in rules().items()}
    assert {name: book for name, book in ours.items() if name not in OF_PROCESSES} == books
    assert set(OF_PROCESSES) <= ours.keys(), "of what only metrics tell"
    labelled = [name for name, rule in rules().items() if "labels" in rule]
    assert labelled == ["BandwatchUnreachable", "BandwatchReloadRefused", *OF_PROCESSES]


def test_the_rules_link_to_dashboards_that_exist_with_variables_that_they_have() -> None:
    boards = [
        json.loads(path.read_text()) for path in (ROOT / "grafana" / "dashboards").glob("*.json")
    ]
    known = {
        board["uid"]: {variable["name"] for variable in board["templating"]["list"]}
        for board in boards
    }
    for rule in rules().values():
        link = rule["annotations"]["dashboard_url"]
        [uid] = re.findall(r"/d/([a-z-]+)", link)
        assert set(re.findall(r"var-(\w+)=", link)) <= known[uid]


def test_the_rules_read_metrics_that_exist() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    board: dict[str, Snapshot] = {
        "web": snapshot("web", [SeriesRecord(1, "web", Labels(()), SeriesState.OK, 0, 0)], 0)
    }
    exported = set(re.findall(r"^# TYPE (\w+)", exposition(registry, board).decode(), re.MULTILINE))
    read = set(re.findall(r"bandwatch_[a-z_]+", "".join(rule["expr"] for rule in rules().values())))
    assert read <= exported and len(read) == 15


def test_an_anomaly_fires_at_once_and_ends_with_its_alarm(tmp_path: Path) -> None:
    series = {
        f"bandwatch_alert_score{{{ONE}}}": "0.5 1.2 1.4x30 0.5x20",
        f"bandwatch_alert_score{{{OTHER}}}": "1x60",
    }
    firing(tmp_path, "BandwatchAnomaly", series, {0: 0, 1: 1, 2: 1, 32: 1, 33: 0, 50: 0})


def test_an_anomaly_whose_row_goes_ends_while_bandwatch_is_there(tmp_path: Path) -> None:
    firing(
        tmp_path,
        "BandwatchAnomaly",
        {f"bandwatch_alert_score{{{ONE}}}": "1.5x9 stale"},
        {9: 1, 10: 0},
    )


def test_a_scrape_that_fails_ends_nothing_for_an_hour(tmp_path: Path) -> None:
    """Bandwatch is away from minute 10 on; the one that had ended does not come back to life."""
    series = {
        f"bandwatch_alert_score{{{ONE}}}": "1.5x9 stale",
        f"bandwatch_alert_score{{{OTHER}}}": "1.5 0.2x8 stale",
        f"bandwatch_missing{{{ONE}}}": "1x9 stale",
        f"up{{{OURS}}}": "1x9 0x100",
    }
    firing(tmp_path, "BandwatchAnomaly", series, {0: 2, 5: 1, 9: 1, 12: 1, 60: 1, 75: 0})
    firing(tmp_path, "BandwatchMissing", series, {9: 1, 12: 1, 60: 1, 75: 0})
    back = {**series, f"up{{{OURS}}}": "1x9 0x10 1x100"}
    firing(tmp_path, "BandwatchMissing", back, {19: 1, 20: 1, 21: 0})


def test_a_vanished_series_is_handed_over(tmp_path: Path) -> None:
    """It vanishes at minute 5 while it fires, its alarm ends at minute 32, and it comes back at
    minute 40."""
    series = {
        f"bandwatch_alert_score{{{ONE}}}": "1.5x31 0x60",
        f"bandwatch_missing{{{ONE}}}": "0x4 1x34 0x40",
    }
    firing(tmp_path, "BandwatchAnomaly", series, {4: 1, 31: 1, 32: 0})
    firing(tmp_path, "BandwatchMissing", series, {4: 0, 5: 1, 25: 1, 39: 1, 40: 0})


def test_a_stale_model_fires_after_an_hour(tmp_path: Path) -> None:
    series = {
        f'bandwatch_watch_info{{watch="web",severity="page",team="a",{OURS}}}': "1x200",
        f'bandwatch_watch_stale_models{{watch="web",{OURS}}}': "0x9 3x89 0x50",
    }
    firing(tmp_path, "BandwatchStaleModel", series, {10: 0, 69: 0, 70: 1, 99: 1, 100: 0})
    summary(
        tmp_path,
        "BandwatchStaleModel",
        series,
        80,
        f'watch="web",severity="page",team="a",{OURS}',
        "Watch web has models that no refit has checked for three times fit_every: 3",
    )


def test_an_unhealthy_watch_fires_after_five_minutes_with_its_own_labels(tmp_path: Path) -> None:
    """Two instances of Bandwatch may have watches of the same name."""
    second = OURS.replace("b:", "c:")
    series = {
        f'bandwatch_watch_info{{watch="web",severity="page",{OURS}}}': "1x50",
        f'bandwatch_watch_info{{watch="web",severity="ticket",{second}}}': "1x50",
        f'bandwatch_watch_unhealthy{{watch="web",{OURS}}}': "0x4 1x14 0x30",
        f'bandwatch_watch_unhealthy{{watch="web",{second}}}': "0x50",
    }
    firing(tmp_path, "BandwatchUnhealthy", series, {5: 0, 9: 0, 10: 1, 19: 1, 20: 0})
    summary(
        tmp_path,
        "BandwatchUnhealthy",
        series,
        12,
        f'watch="web",severity="page",{OURS}',
        "Watch web is not being scored",
        link="/d/bandwatch-fleet-prometheus?var-watch=web",
    )


@pytest.mark.parametrize(
    ("series", "labels", "text"),
    [
        ({f"up{{{OURS}}}": "1x4 0x30"}, OURS, "Prometheus cannot scrape Bandwatch"),
        ({f"up{{{OURS}}}": "1x4 stale"}, 'job="bandwatch"', "Prometheus cannot scrape Bandwatch"),
        (
            {f"bandwatch_scheduler_heartbeat_timestamp_seconds{{{OURS}}}": "0 60 120 120x30"},
            OURS,
            "The scheduler of Bandwatch has been standing still for 6m 0s",
        ),
    ],
)
def test_bandwatch_unreachable(tmp_path: Path, series: Input, labels: str, text: str) -> None:
    firing(tmp_path, "BandwatchUnreachable", {}, {5: 0, 8: 0})
    firing(tmp_path, "BandwatchUnreachable", series, {4: 0, 6: 0, 8: 1})
    summary(
        tmp_path,
        "BandwatchUnreachable",
        series,
        8,
        labels + ',severity="ticket"',
        text + ": nothing is scored, no new anomaly is seen",
    )


def test_an_incident_fires_while_it_is_open_and_through_an_outage(tmp_path: Path) -> None:
    """The second one has ended before Bandwatch goes away at minute 10."""
    labels = f'watch="shop",severity="page",service="cart",incident="shop-60",{OURS}'
    open = f"bandwatch_incident_score{{{labels}}}"
    series = {
        open: "_ 1.5x8 7.1 stale",
        open.replace("60", "120"): "_ 2x3 stale",
        f"up{{{OURS}}}": "1x10 0x100",
    }
    firing(tmp_path, "BandwatchIncident", series, {0: 0, 1: 2, 4: 2, 5: 1, 10: 1, 60: 1, 85: 0})
    firing(tmp_path, "BandwatchIncident", {open: "_ 1.5x8 7.1 stale"}, {10: 1, 11: 0})


@pytest.mark.parametrize(
    ("minute", "text"),
    [
        (0, "1 series has left its band"),
        (3, "3 series have left their bands"),
        (12, "series have left their bands"),
    ],
)
def test_an_incident_says_how_many_and_how_far(tmp_path: Path, minute: int, text: str) -> None:
    """`job` is a label by which its series are grouped: a scrape adds none."""
    labels = 'watch="shop",severity="page",team="a",job="cart",incident="shop-60"'
    series = {
        f"bandwatch_incident_score{{{labels}}}": "7.125x20",
        f"bandwatch_incident_size{{{labels}}}": "1 2 3x8 stale",
        f"bandwatch_incident_size{{{labels.replace('cart', 'mail')}}}": "9x9",
    }
    static = rules()["BandwatchIncident"]["annotations"]
    said = {
        "summary": f"shop job=cart team=a: {text}, worst score 7.1",
        "description": static["description"].replace("{{ $labels.incident }}", "shop-60"),
        "runbook_url": static["runbook_url"],
        "dashboard_url": "/d/bandwatch-fleet-prometheus?var-watch=shop",
    }
    alerts = [{"exp_labels": dict(re.findall(r'(\w+)="([^"]*)"', labels)), "exp_annotations": said}]
    promtool(
        tmp_path,
        {**UP, **series},
        alert_rule_test=[
            {"eval_time": f"{minute}m", "alertname": "BandwatchIncident", "exp_alerts": alerts}
        ],
    )


@pytest.mark.parametrize(
    ("value", "lower", "upper", "text"),
    [
        ("812", "1020", "1310", ": 812 is below the expected 1020 to 1310"),
        ("0.0512", "0.01", "0.04", ": 0.0512 is above the expected 0.01 to 0.04"),
        ("-5.5", "-3", "+Inf", ": -5.5 is below the expected -3 or more"),
        ("2500000", "-Inf", "1234567", ": 2.5M is above the expected 1.235M or less"),
        ("1100", "1020", "1310", ": 1100 is back within the expected 1020 to 1310"),
        ("stale", "stale", "stale", " was outside its expected range when it was last seen"),
    ],
)
def test_an_anomaly_says_value_range_and_direction(
    tmp_path: Path, value: str, lower: str, upper: str, text: str
) -> None:
    numbers = {"alert_score": "1.25", "value": value, "lower": lower, "upper": upper}
    series = {f"bandwatch_{name}{{{ONE}}}": number for name, number in numbers.items()}
    others = {f"bandwatch_{name}{{{OTHER}}}": "7" for name in ("value", "lower", "upper")}
    summary(
        tmp_path,
        "BandwatchAnomaly",
        {**others, **series},
        0,
        ONE,
        'requests{code="500",job="api"} (watch web)' + text,
        score="1.25",
        link=drawn(0),
    )


@pytest.mark.parametrize(
    ("unit", "numbers", "text"),
    [
        ("reqps", (812, 1020, 1310), "812 req/s is below the expected 1020 req/s to 1310 req/s"),
        ("s", (0.812, 0.1, 0.5), "812ms is above the expected 100ms to 500ms"),
        ("bytes", (3221225472, 0, 1073741824), "3GiB is above the expected 0B to 1GiB"),
        ("percentunit", (0.99, 0, 0.5), "99% is above the expected 0% to 50%"),
        ("percent", (99, 0, 50), "99% is above the expected 0% to 50%"),
        ("ops", (7, 0, 5), "7 ops/s is above the expected 0 ops/s to 5 ops/s"),
        ("reqpm", (7, 0, 5), "7 req/min is above the expected 0 req/min to 5 req/min"),
        ("celsius", (7, 0, 5), "7 celsius is above the expected 0 celsius to 5 celsius"),
        ("short", (7, 0, 5), "7 is above the expected 0 to 5"),
    ],
)
def test_an_anomaly_says_its_numbers_with_their_unit_and_names_labels_of_the_series_alone(
    tmp_path: Path, unit: str, numbers: tuple[float, ...], text: str
) -> None:
    """`team` is a label of the watch; `job` and `instance` of the metric about it are ours."""
    one = ONE.replace(',job="api"', ',team="a"')
    values = dict(zip(("value", "lower", "upper"), numbers, strict=True))
    series = {f"bandwatch_{name}{{{one}}}": str(number) for name, number in values.items()}
    info = f'bandwatch_watch_info{{watch="web",severity="page",team="a",unit="{unit}",{OURS}}}'
    summary(
        tmp_path,
        "BandwatchAnomaly",
        {f"bandwatch_alert_score{{{one}}}": "1.25", info: "1", **series},
        0,
        one,
        f'requests{{code="500"}} (watch web): {text}',
        score="1.25",
        link=drawn(0, one),
    )


@pytest.mark.parametrize("own", ["", ',job="api"', ',job="a|b",instance="[::1]:9100"'])
def test_an_anomaly_finds_what_remote_write_has_sent(tmp_path: Path, own: str) -> None:
    """Without the job and instance that a scrape gives to what has none of its own."""
    sent = f'watch="web",severity="page",metric_name="requests",code="500"{own}'
    target = [each for each in OURS.split(",") if each.partition("=")[0] not in own]
    alert = ",".join([sent, *target])
    series = {f"bandwatch_alert_score{{{alert}}}": "1.25"}
    for name, number in (("value", "812"), ("lower", "1020"), ("upper", "1310")):
        series |= {
            f"bandwatch_{name}{{{sent}}}": number,
            f'bandwatch_{name}{{{sent},zone="a"}}': "7",
        }
    with pytest.raises(AssertionError, match="812 is below the expected 1020 to 1310"):
        summary(tmp_path, "BandwatchAnomaly", series, 0, alert, "?")


def test_a_missing_series_is_named(tmp_path: Path) -> None:
    summary(
        tmp_path,
        "BandwatchMissing",
        {f"bandwatch_missing{{{ONE}}}": "0x4 1"},
        5,
        ONE,
        'requests{code="500",job="api"} (watch web) sends no samples any more',
        link=drawn(5),
    )


def test_a_refused_reload_fires_after_five_minutes_until_one_works(tmp_path: Path) -> None:
    name = f"bandwatch_config_last_reload_successful{{{OURS}}}"
    series = {name: "1x4 0x14 1x30"}
    firing(tmp_path, "BandwatchReloadRefused", series, {5: 0, 9: 0, 10: 1, 18: 1, 20: 0})
    summary(
        tmp_path,
        "BandwatchReloadRefused",
        series,
        12,
        f'severity="ticket",{OURS}',
        "The configuration file of Bandwatch was refused at its last reload",
    )
