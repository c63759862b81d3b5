"""`bandwatch status`, `incidents`, `series`, `watches` and `changes` against the application as it
is served."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin.board import Board
from plugin.cli import main
from plugin.config.groups import groups
from plugin.store import Store
from plugin.version import VERSION
from tests.plugin.commands.test_client import listening
from tests.plugin.web.conftest import Service
from tests.plugin.web.test_explanations import NOW, filled

START = "2026-11-21T02:20:00Z"


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    store = Store.open(tmp_path)
    board = Board()
    filled(store, board, 3, 2)
    service = Service(store, board, clock=lambda: NOW + 5.0)
    store.incidents.adopt(groups(service.watches().values())["web"])
    monkeypatch.setattr("time.time", lambda: NOW + 5.0)

    def command(*arguments: str, status: int = 0) -> str:
        assert main(arguments) == status, capsys.readouterr().err
        return capsys.readouterr().out

    with listening(service.app()) as url:
        monkeypatch.setenv("BANDWATCH_URL", url)
        yield command
    store.close()


def table(text: str) -> list[list[str]]:
    """The cells of the lines that have columns."""
    return [[cell.strip() for cell in line.split("   ")] for line in text.splitlines() if line]


def test_status(run: Any) -> None:
    lines = run("status").splitlines()
    assert lines[0].startswith(f"Bandwatch {VERSION} at http://127.0.0.1:")
    assert lines[0].endswith(": 1 incident is open")
    assert any(line.startswith("web-") and START in line for line in lines)
    [watch] = [line for line in lines if line.startswith("web ")]
    assert watch.rstrip().endswith(", too early to judge")
    answer = json.loads(run("status", "--json"))
    assert [row["state"] for row in answer["open_incidents"]] == ["open"]
    assert {row["watch"] for row in answer["watches"]} >= {"web"}
    assert next(csv.DictReader(io.StringIO(run("status", "--csv"))))["watch"]


def test_incidents(run: Any) -> None:
    [row] = json.loads(run("incidents", "--json", "--open", "--watch", "web"))
    assert row["incident"].startswith("web-") and row["changes"] == ""
    [cells] = [
        cells for cells in table(run("incidents", "--since", "1h")) if row["incident"] in cells
    ]
    assert row["alarm_state"] in cells
    assert json.loads(run("incidents", "--end", "2026-11-20T00:00:00Z", "--json")) == []
    [cells] = csv.DictReader(io.StringIO(run("incidents", "--csv")))
    assert cells["incident"] == row["incident"] and cells["size"] == "2"


def test_series_come_by_score(run: Any) -> None:
    rows = json.loads(run("series", "--json"))
    scores = [row["score"] for row in rows]
    assert len(rows) == 3 and scores == sorted(scores, reverse=True)
    text = run("series", "--limit", "1")
    assert rows[0]["series"] in text and rows[2]["series"] not in text
    assert "These are the 1 with the highest scores: --limit shows more" in text
    assert "1.45 s" in text and "1.09 to 1.19 s" in text
    assert json.loads(run("series", "--state", "missing", "--json")) == []
    assert len(list(csv.DictReader(io.StringIO(run("series", "--csv"))))) == 3


def test_watches(run: Any) -> None:
    assert any(line.startswith("web ") for line in run("watches").splitlines())
    [row] = json.loads(run("watches", "--watch", "web", "--json"))
    assert row["series"] == 3


def test_what_the_service_refuses_is_told(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["series", "--watch", "wep"]) == 1
    assert "there is no watch `wep`; the nearest is `web`" in capsys.readouterr().err


def test_changes(run: Any) -> None:
    add = ("changes", "add", "v1.42", "--time", "2026-11-21T02:18:00Z", "--label", "pod=0")
    said = run(*add, "--link", "https://ci")
    name = said.split(":")[0].removeprefix("change ")
    assert said == f"change {name}: v1.42 at 2026-11-21T02:18:00Z\n"
    assert "was there already" in run(*add, "--link", "https://ci")
    assert '{pod="0"}' in run("changes", "list")
    [row] = json.loads(run("changes", "list", "--json", "--match", '{pod="0"}'))
    assert row["id"] == name
    assert "began 2 min after v1.42" in run("incidents")
    assert "\n  began 2 min after v1.42\n" in run("explain", 'ms{pod="0"}')
    assert "began" not in run("explain", 'ms{pod="1"}'), "its label says that it is about another"
    assert run("changes", "remove", name) == f"change {name}: v1.42 is removed\n"
    assert json.loads(run("changes", "list", "--json")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "x", "--link", "ftp://x"), "`link`: valid is an address"),
        (("remove", "a/b"), "there is no change `a/b`"),
        (("remove", "none"), "there is no change `none`"),
    ],
)
def test_a_change_that_is_refused(
    run: Any, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["changes", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_explanations_as_data(run: Any) -> None:
    [row] = json.loads(run("explain", 'ms{pod="0"}', "--json"))
    assert row["kind"] and row["changes"] == ""
