"""The runbooks of the alerts: every command, query and page in them exists."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.cli import parser
from plugin.web.alert import FIELDS
from plugin.web.parameter_readers import STATES
from plugin.web.routes import ROUTES

ROOT = Path(__file__).parents[2]
BOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [*BOOKS, ROOT / "docs" / "alerting.md"]
PARTS = ["Look here first", "Likely causes", "What to do", "When to ignore it", "If you do nothing"]
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def requests(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Path and parameters of every curl in a page."""
    for command in re.findall(r"curl [^`\n]*", text):
        [(path, query)] = re.findall(
            r"(?:\$B|localhost:8642|prometheus:9090)(/[\w/.-]*)(?:\?([^\"\s]*))?", command
        )
        pairs = [*query.split("&"), *re.findall(r"-d (\S+)", command)]
        yield path, dict(pair.split("=", 1) for pair in pairs if pair)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_a_runbook_is_short_and_has_every_part(path: Path) -> None:
    text = path.read_text()
    assert 40 <= len(text.splitlines()) <= 80
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [heading.split(",")[0] for heading in headings] == PARTS
    assert f"](runbooks/{path.name})" in (ROOT / "docs" / "alerting.md").read_text()
    title = text.splitlines()[0].removeprefix("# ")
    alert = (
        title if title.startswith("Bandwatch") else "BandwatchAnomaly"
    )  # a page may be of no alert in particular
    assert f"amtool silence add alertname={alert} " in text


@every_page
def test_what_is_asked_of_bandwatch_exists(path: Path) -> None:
    known = {route.path: {parameter.name for parameter in route.parameters} for route in ROUTES}
    for address, parameters in requests(path.read_text()):
        assert address in known and set(parameters) <= known[address], address
        if "field" in parameters:
            assert parameters["field"] in FIELDS[parameters.get("by", "series")]
        assert parameters.get("state", "missing") in STATES


@every_page
def test_every_metric_rule_and_dashboard_exists(path: Path) -> None:
    text = path.read_text()
    metrics = set(
        re.findall(r"`(bandwatch_\w+|process_\w+)", (ROOT / "docs" / "metrics.md").read_text())
    )
    assert set(re.findall(r"\bbandwatch_\w+", text)) <= metrics
    rules = "".join(
        each.read_text() for each in sorted((ROOT / "grafana/prometheus").glob("*.rules.yml"))
    )
    assert set(re.findall(r"\bBandwatch[A-Z]\w+", text)) <= set(re.findall(r"alert: (\w+)", rules))
    boards = [
        json.loads(board.read_text()) for board in (ROOT / "grafana/dashboards").glob("*.json")
    ]
    titles = {panel["title"] for board in boards for panel in board["panels"]} | {
        board["uid"] for board in boards
    }
    assert set(re.findall(r"panel \*([^*]+)\*", text)) <= titles
    assert set(re.findall(r"`(bandwatch-[a-z-]+)`", text)) <= titles


@every_page
def test_every_command_exists(path: Path) -> None:
    for line in re.findall(r"`bandwatch ([^`]+)`", path.read_text()):
        command = parser()
        for word in line.split():
            below = [
                action.choices
                for action in command._actions
                if isinstance(action, argparse._SubParsersAction)
            ]
            if not below:
                break
            command = below[0][word]
        flags = {flag for action in command._actions for flag in action.option_strings}
        assert set(re.findall(r"--[\w.-]+", line)) <= flags, line
