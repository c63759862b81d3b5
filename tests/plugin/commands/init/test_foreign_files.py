"""Rule files of Prometheus and configurations of vmanomaly: what is carried over, and what is
said."""

from pathlib import Path

import pytest

from plugin.commands.init.carried import CarriedWatches
from plugin.commands.init.rule_watches import rule_watches
from plugin.commands.init.vmanomaly import vmanomaly_watches
from plugin.commands.init.vmanomaly_settings import watch_setting
from plugin.config.watch_from_settings import invalid_watch_settings
from plugin.errors import ConfigError

FILES = Path(__file__).parent / "testdata"


def said(carried: CarriedWatches) -> dict[str, str]:
    """What is not carried, by its place in the file."""
    return {item.place.removeprefix(f"{FILES}/"): item.reason for item in carried.omissions}


def assert_valid(carried: CarriedWatches) -> None:
    settings = [{"name": one.name, **one.settings} for one in carried.candidates]
    assert list(invalid_watch_settings(settings)) == []


def test_a_threshold_becomes_a_watch_of_its_level() -> None:
    carried = rule_watches(FILES / "alerts.yml")
    errors, requests = carried.candidates
    assert (errors.name, errors.metric, errors.hold) == (
        "HighErrorShare",
        "http_requests_total",
        600,
    )
    assert errors.settings["query"].startswith("sum by (job) (rate(http_requests_total{code=")
    assert errors.settings["query"].endswith("[5m]))")
    assert errors.settings["direction"] == "above"
    assert errors.settings["labels"] == {"severity": "critical", "team": "web"}
    assert "its threshold is > 0.05" in errors.why
    assert requests.settings == {
        "query": "sum(rate(http_requests_total[5m]))",
        "direction": "below",
    }
    assert_valid(carried)


def test_what_a_rule_says_and_no_watch_carries_is_told_with_its_line() -> None:
    assert said(rule_watches(FILES / "alerts.yml")) == {
        "alerts.yml:4: alert HighErrorShare": "label instance: its value is a template",
        "alerts.yml:12: alert VeryHighErrorShare": "no watch: HighErrorShare asks the same",
        "alerts.yml:14: alert FewRequests": "the condition beside it: on () hour() < 22",
        "alerts.yml:17: alert TargetDown": ("no watch: `==` asks for a state, not for a level"),
        "alerts.yml:19: alert DiskFull": (
            "no watch: `predict_linear` has no level that could be learnt"
        ),
        "alerts.yml:21: alert TooLong": (
            "no watch: `or` joins several conditions: write a rule for each"
        ),
        "alerts.yml": "1 recording rule without a threshold",
    }


def test_tagged_metrics_become_watches() -> None:
    carried = rule_watches(FILES / "tagged.yml")
    requests, latency = carried.candidates
    assert requests.name == "web_requests"
    assert requests.settings == {
        "query": "sum by (job) (rate(http_requests_total[5m]))",
        "unit": "reqps",
        "valid_range": [0, None],
        "labels": {"anomaly_type": "requests", "team": "web"},
    }
    assert (latency.settings["unit"], latency.settings["direction"]) == ("s", "above")
    assert_valid(carried)
    reasons = list(said(carried).values())
    assert reasons == [
        "anomaly_strategy adaptive: the detector learns the band itself",
        "no watch: web_requests asks the same",
        "no watch: a query stands on both sides of the comparison",
        "1 rule about bands, which the detector learns",
    ]


def test_a_rule_of_kubernetes_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "rule.yml"
    path.write_text(
        "kind: PrometheusRule\nspec:\n  groups:\n  - rules:\n    - {alert: A, expr: x > 1}\n"
    )
    assert [one.name for one in rule_watches(path).candidates] == ["A"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("watches: []", "a.yml:1: found nothing; valid is a rule file with groups"),
        ("groups:\n- name: a\n", "a.yml:2: groups[0]: found nothing; valid is a list of rules"),
        ("groups:\n- rules:\n  - {alert: A}", "a.yml:3: groups[0].rules[0]: "),
        ("groups: [", "a.yml:"),
    ],
)
def test_a_file_without_rules_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        rule_watches(path)
    assert message in str(caught.value)


def test_a_file_that_is_not_there_is_named_with_its_flag() -> None:
    with pytest.raises(ConfigError, match=r"--from-rules nowhere.yml: No such file"):
        rule_watches(Path("nowhere.yml"))
    with pytest.raises(ConfigError, match=r"--from-vmanomaly nowhere.yml: No such file"):
        vmanomaly_watches(Path("nowhere.yml"))


def test_queries_of_vmanomaly_become_watches() -> None:
    carried = vmanomaly_watches(FILES / "vmanomaly.yml")
    settings = {one.name: dict(one.settings) for one in carried.candidates}
    assert settings == {
        "errors": {
            "query": 'sum(rate(http_requests_total{code=~"5.."}[5m])) by (service)',
            "step": "2m",
            "valid_range": [0.0, None],
            "timezone": "Europe/Kyiv",
            "direction": "above",
            "min_deviation": 0.01,
            "min_relative_deviation": 0.25,
        },
        "cpu": {
            "query": "avg by (instance) (rate(node_cpu_seconds_total[5m]))",
            "step": "30s",
            "min_relative_deviation": 0.1,
        },
        "old_format": {
            "query": "node_load1",
            "step": "30s",
            "valid_range": [0.0, None],
            "timezone": "Europe/Kyiv",
        },
    }
    assert_valid(carried)


def test_what_vmanomaly_says_and_no_watch_carries_is_told_with_its_line() -> None:
    told = said(vmanomaly_watches(FILES / "vmanomaly.yml"))
    assert told["vmanomaly.yml:21: models.prophet.detection_direction"] == (
        "for errors the model zscore says it otherwise"
    )
    assert told["vmanomaly.yml:22: models.prophet.min_rel_dev_from_expected"] == (
        "`min_relative_deviation` holds for both sides: the smaller one is taken"
    )
    assert {place.partition(": ")[2] for place in told} >= {
        "settings",
        "schedulers",
        "writer",
        "reader.datasource_url",
        "reader.bearer_token",
        "reader.tenant_id",
        "reader.queries.errors.max_points_per_query",
        "models.zscore.class",
        "models.zscore.z_threshold",
        "models.zscore.clip_predictions",
        "models.prophet.class",
    }
    assert not any("VMANOMALY" in text for item in told.items() for text in item)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reader: {class: vlogs, queries: {a: b}}", "valid is vm: Prometheus reads no logs"),
        ("models: {}", "reader: found nothing; valid is a mapping"),
        ("reader: {queries: {a: {step: 1m}}}", "reader.queries.a: found nothing; valid is an exp"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.yml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        vmanomaly_watches(path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("step", "often", "valid is a duration"),
        ("data_range", [1], "valid is a pair such as"),
        ("data_range", [0, "much"], "could not convert"),
        ("detection_direction", "up", "valid is both, above_expected, below_expected"),
        ("min_dev_from_expected", [1, 2, 3], "valid is a number, or a pair"),
        ("min_dev_from_expected", True, "valid is a number"),
    ],
)
def test_a_value_that_means_nothing_is_told(key: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        watch_setting(key, value, "both")
