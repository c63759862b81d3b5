"""The report for programs."""

import csv
import io
import json
from pathlib import Path

import pytest

from plugin.cli import main
from tests.plugin.commands.report.test_report import url  # noqa: F401
from tests.plugin.web.conftest import END, service  # noqa: F401


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: float(END + 60))


def test_as_json_it_has_all_figures(
    url: str,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "week.html"
    assert main(["report", "--url", url, "--json", "--html", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert path.exists()
    assert report["days"] == 7 and report["timeEnd"] == (END + 60) * 1000
    by_name = {line["watch"]: line for line in report["watches"]}
    assert by_name["web"]["alarms"] == 3 and sum(by_name["web"]["alarms_per_day"]) == 3
    assert by_name["node"]["state"] == "failing"
    [noisiest] = report["noisy"]
    assert noisiest["alarms"] == 3 and noisiest["suggestion"].startswith("`min_deviation: 5`")
    assert "points" not in noisiest
    assert report["absent"] and report["notes"]


def test_as_csv_it_has_a_row_for_each_watch(
    url: str,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", "--url", url, "--csv"]) == 0
    rows = {row["watch"]: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert rows["web"]["alarms"] == "3" and float(rows["web"]["promised"]) == pytest.approx(
        3, rel=0.5
    )
    assert rows["node"]["state"] == "failing"
