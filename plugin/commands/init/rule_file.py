"""Reads files with alerting and recording rules of Prometheus."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plugin.commands.init.carried import read_foreign_document
from plugin.config.problems import InvalidValue, type_name
from plugin.config.problems import Path as Place
from plugin.config.yaml_lines import Document

FLAG = "--from-rules"


@dataclass(frozen=True)
class PrometheusRule:
    """One rule."""

    name: str  # of the alert, or of the metric that it records
    is_alert: bool
    expression: str
    labels: Mapping[str, str]
    hold: str  # `for`, as it is written; "" = at once
    place: str  # `rules.yml:12: alert HighErrors`


def read_rules(path: Path) -> list[PrometheusRule]:
    """The rules of a file, or of a `PrometheusRule` of Kubernetes. Raises ConfigError with a line
    for each mistake."""
    document = read_foreign_document(path, FLAG)
    data = document.data
    trail: Place = ()
    if isinstance(data, dict) and isinstance(data.get("spec"), dict):
        data = data["spec"]
        trail = ("spec",)
    groups = data.get("groups") if isinstance(data, dict) else None
    if not isinstance(groups, list):
        document.add_problem((), InvalidValue(type_name(groups), "a rule file with groups"))
        raise document.error(str(path))
    rules = list(_rules(document, groups, (*trail, "groups"), str(path)))
    if document.problems:
        raise document.error(str(path))
    return rules


def _rules(
    document: Document, groups: list[Any], trail: Place, file: str
) -> Iterator[PrometheusRule]:
    for number, group in enumerate(groups):
        rules = group.get("rules") if isinstance(group, dict) else None
        group_path: Place = (*trail, number)
        if not isinstance(rules, list):
            document.add_problem(group_path, InvalidValue(type_name(rules), "a list of rules"))
            continue
        for position, rule in enumerate(rules):
            path: Place = (*group_path, "rules", position)
            name = _name(rule)
            if not name or not isinstance(rule.get("expr"), str | int | float):
                valid = "a rule with expr, and alert or record"
                document.add_problem(path, InvalidValue(type_name(rule), valid))
                continue
            yield _rule(rule, name, f"{file}:{document.line(path)}")


def _name(rule: object) -> str:
    if not isinstance(rule, dict):
        return ""
    return str(rule.get("alert") or rule.get("record") or "")


def _rule(rule: dict[str, Any], name: str, position: str) -> PrometheusRule:
    is_alert = bool(rule.get("alert"))
    labels = rule.get("labels")
    return PrometheusRule(
        name=name,
        is_alert=is_alert,
        expression=str(rule["expr"]),
        labels={key: str(value) for key, value in labels.items()}
        if isinstance(labels, dict)
        else {},
        hold=str(rule.get("for") or ""),
        place=f"{position}: {'alert' if is_alert else 'record'} {name}",
    )
