"""Two folders joined by time: what is judged, what is said of the rest, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from plugin.cli import main
from plugin.commands.backtest.evaluation import evaluate_folder
from plugin.domain.times import HOUR
from plugin.errors import BandwatchError

# one sample an hour
DAY = 24


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return folder(tmp_path / "data")


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    return folder(tmp_path / "scores")


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def write(path: Path, columns: str, *rows: tuple[object, ...]) -> None:
    path.write_text("\n".join([columns, *(",".join(map(str, row)) for row in rows)]) + "\n")


def series(
    data: Path,
    scores: Path,
    name: str,
    incident: range = range(100, 104),
    seen: int = 101,
    kind: str = "",
) -> None:
    """Eight days, the second half judged; one incident seen at one sample, and one false alarm at
    sample 170."""
    rows = [
        (t * HOUR, t % DAY, int(t in incident), kind if t in incident else "")
        for t in range(8 * DAY)
    ]
    write(
        data / f"{name}.csv",
        "time,value,label" + ",kind" * bool(kind),
        *(row[: 4 if kind else 3] for row in rows),
    )
    write(
        scores / f"{name}.csv",
        "time,score",
        *((t * HOUR, 3 if t == seen else 2 if t == 170 else 0) for t in range(4 * DAY, 8 * DAY)),
    )


def test_the_rows_of_scores_are_judged(data: Path, scores: Path) -> None:
    series(data, scores, "a")
    (group,) = evaluate_folder(data, scores).groups
    assert (group.name, group.quality.series, group.quality.days) == ("all", 1, 4)
    events = group.quality.own.events
    assert (events.incidents, events.caught, events.alarms, events.false_alarms) == (1, 1, 2, 1)
    assert group.quality.recall_at[0.1] == 1 and group.quality.threshold_at[0.1] == 2
    assert (group.points.precision, group.points.recall) == (0.5, 0.25)
    assert group.area == pytest.approx(1 / 4 * 1 + 3 / 4 * 4 / 96)
    assert group.forecast is None and group.chosen is None


def test_order_and_missing_scores_do_not_matter(data: Path, scores: Path) -> None:
    series(data, scores, "a")
    lines = (scores / "a.csv").read_text().splitlines()
    (scores / "a.csv").write_text(
        "\n".join([lines[0], f"{4 * DAY * HOUR},", *reversed(lines[2:])]) + "\n"
    )
    quality = evaluate_folder(data, scores).groups[0].quality
    assert quality.own.events.caught == 1 and quality.unscored == 1


def test_kinds_are_judged_by_their_own_definition(data: Path, scores: Path) -> None:
    series(data, scores, "a", kind="ramp", seen=102)  # beyond half of its four samples
    kind = evaluate_folder(data, scores).groups[0].quality.by_kind["ramp"]
    assert (kind.incidents, kind.recall, kind.coverage) == (1, 0, 0.5)  # the alarm is open still


def test_groups_are_by_what_names_begin_with(data: Path, scores: Path) -> None:
    for name in ("web_1", "web_2", "db_1", "db_2", "lonely_1", "plain"):
        series(data, scores, name)
    assert [
        (group.name, group.quality.series) for group in evaluate_folder(data, scores).groups
    ] == [("all", 6), ("db", 2), ("web", 2)]


def test_one_common_beginning_is_no_group(data: Path, scores: Path) -> None:
    for name in ("web_1", "web_2"):
        series(data, scores, name)
    assert [group.name for group in evaluate_folder(data, scores).groups] == ["all"]


def test_the_band_is_judged_against_the_day_before(data: Path, scores: Path) -> None:
    value = np.arange(8 * DAY, dtype=float)  # a day apart by 24
    label = [(t == 100) * 1 for t in range(8 * DAY)]
    write(
        data / "a.csv",
        "time,value,label",
        *((t * HOUR, value[t], label[t]) for t in range(8 * DAY)),
    )
    write(
        scores / "a.csv",
        "time,score,expected,lower,upper",
        *((t * HOUR, 0, t - 6, t - 12, t + (12 if t % 2 else -1)) for t in range(4 * DAY, 8 * DAY)),
    )
    report = evaluate_folder(data, scores)
    error = report.groups[0].series[0].forecast
    assert error is not None and error.samples == 95 and error.mase == 6 / 24
    assert error.coverage == pytest.approx(48 / 95)
    assert report.groups[0].forecast is not None and report.groups[0].forecast.nearer == 1


@pytest.mark.parametrize(("choose", "f1"), [("event-f1", 1), ("point-f1", 0.4)])
def test_a_threshold_is_chosen(data: Path, scores: Path, choose: str, f1: float) -> None:
    series(data, scores, "a")
    found = evaluate_folder(data, scores, choose=choose).groups[0].chosen  # type: ignore[arg-type]
    assert found is not None and found.threshold == 2 and found.f1 == pytest.approx(f1)


def test_what_is_not_judged_is_said(
    data: Path, scores: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        series(data, scores, name)
    (scores / "b.csv").unlink()
    (data / "c.csv").unlink()
    lines = (scores / "a.csv").read_text().splitlines()
    (scores / "a.csv").write_text("\n".join(lines[:50] + lines[52:]) + "\n")
    assert main(["evaluate", str(data), str(scores)]) == 0
    said = capsys.readouterr().out
    assert "1 series, 3.9 series-days, 1 incidents; 0 samples without a score" in said
    assert "not judged: 2 rows of DATA that SCORES lacks" in said
    assert "no scores for 1 of DATA: b\n" in said and "no data for 1 of SCORES: c\n" in said


@pytest.mark.parametrize("kind", ["", "shift"])
def test_tables(data: Path, scores: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    series(data, scores, "a", kind=kind)
    assert (
        main(
            [
                "evaluate",
                str(data),
                str(scores),
                "--choose-threshold",
                "event-f1",
                "--alert-budget",
                "1/d",
            ]
        )
        == 0
    )
    said = capsys.readouterr().out
    titles = ["on call", "by event", "calibration", "by point", "threshold with the best event-f1"]
    assert [title for title in titles if title not in said] == [] and "promised 1/d" in said
    assert ("by kind of injected incident" in said) is bool(kind) and "as a forecast" not in said


def test_series_without_an_incident_have_a_calibration(
    data: Path, scores: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series(data, scores, "a", incident=range(0))
    assert main(["evaluate", str(data), str(scores)]) == 0
    said = capsys.readouterr().out
    assert "calibration" in said and "on call" not in said and "by point" not in said
    assert evaluate_folder(data, scores).groups[0].quality.calibration.ratio == pytest.approx(
        2 / (4 / 7)
    )


def test_json(data: Path, scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series(data, scores, "a")
    assert (
        main(["evaluate", str(data), str(scores), "--json", "--choose-threshold", "point-f1"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["groups"][0]["recall_at"] == {"0.05": 1, "0.1": 1, "0.3": 1, "1": 1}
    assert (
        told["groups"][0]["own"]["precision"] == 0.5
        and told["groups"][0]["calibration"]["ratio"] is None
    )
    assert told["groups"][0]["points"]["recall"] == 0.25 and told["groups"][0]["forecast"] is None
    assert told["series"][0]["name"] == "a" and told["series"][0]["chosen"]["threshold"] == 2
    assert math.isclose(told["alert_budget_per_day"], 1 / 7) and told["without_scores"] == []


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "data/a.csv",
            "time,value\n0,1\n1,1\n2,1\n",
            "data/a.csv: no column 'label'; found time, value; valid is",
        ),
        (
            "data/a.csv",
            "time,value,label\n0,1,\n1,1,yes\n2,1,0\n",
            "data/a.csv: at time 1 label is 'yes'; valid is 1",
        ),
        (
            "scores/a.csv",
            "time,anomaly\n0,1\n",
            "scores/a.csv: no column 'score'; found time, anomaly; valid",
        ),
        ("scores/a.csv", "time,score\n", "scores/a.csv: no row"),
        ("scores/a.csv", "time,score\n0,1\n0,2\n", "scores/a.csv: time 0 is there more than once"),
        ("scores/a.csv", "time,score\n0,1\n,2\n", "scores/a.csv: 1 rows have no time"),
        ("scores/a.csv", "time,score\n0,1\n1,high\n", "scores/a.csv: line 3: score is 'high'"),
        (
            "scores/a.csv",
            "time,score\n0,1\n60,1\n99,1\n",
            "2 of 3 times are not in .*data/a.csv, the first is 60",
        ),
        (
            "scores/b.csv",
            "time,score\n0,1\n",
            "no name is in both folders: .*data holds a; .*scores holds b",
        ),
    ],
)
def test_what_is_wrong_is_named(
    data: Path, scores: Path, file: str, text: str, message: str
) -> None:
    write(data / "a.csv", "time,value,label", (0, 1, 0), (1, 1, 0.0), (2, 1, -1))
    (data.parent / file).write_text(text)
    if not list(scores.iterdir()):
        write(scores / "a.csv", "time,score", (0, 1), (1, 1))
    with pytest.raises(BandwatchError, match=message):
        evaluate_folder(data, scores)


def test_folders_must_be_there_and_hold_something(data: Path, scores: Path, tmp_path: Path) -> None:
    with pytest.raises(
        BandwatchError, match="nowhere: no such folder; it must hold NAME.csv or NAME.csv.gz with"
    ):
        evaluate_folder(data, tmp_path / "nowhere")
    with pytest.raises(
        BandwatchError, match="data: no .csv or .csv.gz file; each must have the columns"
    ):
        evaluate_folder(data, scores)
