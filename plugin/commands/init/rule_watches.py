"""Watches beside fixed thresholds, and watches for the metrics that recording rules have tagged for
grafana/promql-anomaly-detection."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from plugin.commands.init.candidates import WatchCandidate
from plugin.commands.init.carried import CarriedWatches, watch_name
from plugin.commands.init.conditions import NoThreshold, first_metric, threshold
from plugin.commands.init.rule_file import PrometheusRule, read_rules
from plugin.config import parse_duration

# What the rules of that framework go by. `anomaly_select` is on what they compute themselves.
TAG_NAME = "anomaly_name"
TAG_TYPE = "anomaly_type"
TAG_STRATEGY = "anomaly_strategy"
FRAMEWORK_METRIC = re.compile(r"anomaly:")
# Metrics of each type are never negative: the framework clamps its bands at zero, too.
SETTINGS_BY_TYPE: Mapping[str, Mapping[str, Any]] = {
    "requests": {"valid_range": [0, None]},
    "latency": {"valid_range": [0, None], "direction": "above"},
    "errors": {"valid_range": [0, None], "direction": "above"},
    "resource": {"valid_range": [0, None]},
}
TEMPLATE = "{{"


def rule_watches(path: Path) -> CarriedWatches:
    """A candidate for each rule of a file that has a level to learn. Raises ConfigError."""
    carried = CarriedWatches()
    untagged = []
    for rule in read_rules(path):
        if rule.is_alert:
            _carry_alert(rule, path, carried)
        elif TAG_NAME in rule.labels:
            _carry_tagged(rule, path, carried)
        else:
            untagged.append(rule)
    if untagged:
        carried.omit(str(path), _without_threshold(untagged))
    return carried


def _carry_alert(rule: PrometheusRule, path: Path, carried: CarriedWatches) -> None:
    try:
        condition = threshold(rule.expression)
    except NoThreshold as reason:
        carried.omit(rule.place, f"no watch: {reason}")
        return
    side = ">" if condition.direction == "above" else "<"
    candidate = WatchCandidate(
        preset=f"beside the thresholds of {path.name}",
        name=watch_name(rule.name),
        why=f"The level of the alert {rule.name}; its threshold is {side} {condition.limit}.",
        metric=first_metric(condition.level),
        settings={
            "query": condition.level,
            "direction": condition.direction,
            **_labels(rule, carried),
        },
        labels_of={},
        hold=_hold(rule, carried),
    )
    if _is_added(rule, candidate, carried) and condition.remainder:
        carried.omit(rule.place, f"the condition beside it: {condition.remainder}")


def _carry_tagged(rule: PrometheusRule, path: Path, carried: CarriedWatches) -> None:
    kind = rule.labels.get(TAG_TYPE, "")
    candidate = WatchCandidate(
        preset=f"tagged in {path.name}",
        name=watch_name(rule.labels[TAG_NAME]),
        why=f"{rule.name}; tagged as {kind or 'an anomaly metric'}.",
        metric=first_metric(rule.expression),
        settings={
            "query": rule.expression,
            **_unit(kind, rule.expression),
            **SETTINGS_BY_TYPE.get(kind, {}),
            **_labels(rule, carried, but=(TAG_NAME, TAG_STRATEGY)),
        },
        labels_of={},
    )
    strategy = rule.labels.get(TAG_STRATEGY)
    if _is_added(rule, candidate, carried) and strategy:
        carried.omit(rule.place, f"{TAG_STRATEGY} {strategy}: the detector learns the band itself")


def _is_added(rule: PrometheusRule, candidate: WatchCandidate, carried: CarriedWatches) -> bool:
    """Adds a candidate, unless another one asks the same."""
    duplicate = carried.same_query(candidate)
    if duplicate is None:
        carried.candidates.append(candidate)
    else:
        carried.omit(rule.place, f"no watch: {duplicate.name} asks the same")
    return duplicate is None


def _labels(
    rule: PrometheusRule, carried: CarriedWatches, but: Sequence[str] = ()
) -> dict[str, Any]:
    """The labels whose values are the same for every alert."""
    templates = [name for name, value in rule.labels.items() if TEMPLATE in value]
    for name in templates:
        carried.omit(rule.place, f"label {name}: its value is a template")
    labels = {
        name: value
        for name, value in rule.labels.items()
        if value and name not in templates and name not in but
    }
    return {"labels": labels} if labels else {}


def _hold(rule: PrometheusRule, carried: CarriedWatches) -> int:
    """Seconds that a sample must stay beyond the threshold."""
    if not rule.hold:
        return 0
    try:
        return parse_duration(rule.hold)
    except ValueError as error:
        carried.omit(rule.place, f"for: {error}")
        return 0


def _unit(kind: str, expression: str) -> dict[str, str]:
    if kind == "latency":
        scale = "ms" if "millisecond" in expression else "s" if "second" in expression else ""
        return {"unit": scale} if scale else {}
    is_rate = re.search(r"\bi?rate\s*\(", expression) is not None
    units = {"requests": "reqps", "errors": "cps"} if is_rate else {}
    return {"unit": units[kind]} if kind in units else {}


def _without_threshold(rules: Sequence[PrometheusRule]) -> str:
    framework = sum(FRAMEWORK_METRIC.match(rule.name) is not None for rule in rules)
    parts = []
    if framework:
        parts.append(f"{_counted(framework, 'rule')} about bands, which the detector learns")
    if framework < len(rules):
        count = len(rules) - framework
        parts.append(f"{_counted(count, 'recording rule')} without a threshold")
    return "; ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
