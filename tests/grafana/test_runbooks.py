"""The runbooks: each has its parts, and each metric, rule and panel in them exists."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [*BOOKS, ROOT / "docs" / "alerting.md"]
PARTS = ["Look here first", "Likely causes", "What to do", "When to ignore it", "If you do nothing"]
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


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
