"""`bandwatch rules`: the shipped rules with the addresses of a configuration, read by promtool."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.cli import main
from plugin.cli.rules import KINDS
from plugin.commands.rules import RULE_FILES
from tests.servers import binary

ROOT = Path(__file__).parents[3]
CONFIG = "prometheus: {url: 'http://127.0.0.1:9090'}\nwatches: [{name: up, query: up}]\n"
WEB = "web: {external_url: 'https://bands.example.org/b', grafana_url: 'https://g.example.org/'}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bandwatch.yml"
    path.write_text(CONFIG + WEB)
    return path


def annotations(text: str) -> list[dict[str, str]]:
    parsed: dict[str, Any] = yaml.safe_load(text)
    return [rule["annotations"] for group in parsed["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("kind", KINDS)
def test_runbooks_lead_to_the_service(
    kind: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", kind, str(file)]) == 0
    text = capsys.readouterr().out
    shipped = (ROOT / "grafana" / RULE_FILES[kind]).read_text()
    assert len(annotations(text)) == len(annotations(shipped))
    for annotation in annotations(text):
        address = annotation["runbook_url"]
        assert address.startswith("https://bands.example.org/b/docs/runbooks/")
        assert (ROOT / address.removeprefix("https://bands.example.org/b/")).exists()
    assert "github.com" not in text


def test_dashboards_lead_to_grafana(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "prometheus", "--config.file", str(file)]) == 0
    text = capsys.readouterr().out
    addresses = [annotation["dashboard_url"] for annotation in annotations(text)]
    assert all(re.search(r"(^|-\}\} )https://g.example.org/d/bandwatch-", a) for a in addresses)
    path = tmp_path / "bandwatch.rules.yml"
    path.write_text(text)
    subprocess.run([binary("promtool"), "check", "rules", path], check=True, capture_output=True)


def test_without_an_address_it_says_what_to_set(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(CONFIG)
    assert main(["rules", "grafana", str(file)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "web.external_url is not set" in err


def test_the_files_are_a_link_to_what_is_shipped() -> None:
    assert (ROOT / "plugin" / "grafana").resolve() == ROOT / "grafana"
    assert set(RULE_FILES) == set(KINDS)
