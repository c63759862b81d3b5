"""What a backtest tells: alarms one by one, the share of time outside, what a history teaches."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from plugin.commands.backtest import results_report
from plugin.commands.backtest.run import SeriesResult, backtest
from plugin.commands.backtest.source import Recording, read_folder, recorded
from plugin.config import Calendar, Watch
from plugin.domain.times import DAY

STEP = 600
START = 1_767_225_600  # Thursday, 1 January 2026
WATCH = Watch(
    name="backtest",
    query="recorded",
    detector="baseline",
    forecast=0,
    alert_budget=1 / (3 * DAY),
    calendar=Calendar(country="DE", subdivision="BE"),
)


def recording(name: str, values: np.ndarray, start: int = START) -> Recording:
    times = start + STEP * np.arange(len(values))
    return recorded(name, STEP, times, values, pd.DataFrame(index=range(len(values))))


def calm(days: float) -> np.ndarray:
    times = STEP * np.arange(int(days * DAY / STEP))
    noise = np.random.default_rng(0).normal(size=len(times))
    return np.asarray(100 + 20 * np.sin(2 * np.pi * times / DAY) + noise)


def with_two_alarms() -> np.ndarray:
    values = calm(12)
    values[1200:1206] += 40  # for 50 minutes
    values[1500] = np.nan
    values[1501] -= 60
    return values


def with_a_new_level(days: float, column: int) -> np.ndarray:
    values = calm(days)
    values[column:] += 80
    return values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest")


@pytest.fixture(scope="module")
def results(folder: Path) -> Mapping[str, SeriesResult]:
    """Of one backtest of all series."""
    odd = {
        "constant": np.ones(300),
        "empty": np.full(300, np.nan),
        "ended": np.where(np.arange(300) < 150, 1.0, np.nan),
        "begun": np.where(np.arange(300) < 150, np.nan, 1.0),
        "three": np.arange(3.0),
        "one": np.array([1.0, np.nan, np.nan]),
        "last": np.r_[np.full(299, np.nan), 1.0],
    }
    series = {
        "two": with_two_alarms(),
        "level": with_a_new_level(10, 1000),
        "long": calm(26),
        **odd,
    }
    first_day = np.r_[calm(0.8), calm(0.15) + 80, calm(0.5)]
    recordings = [
        *(recording(name, values) for name, values in series.items()),
        recording("first_day", first_day, START + DAY),  # is fitted when its own half begins
    ]
    found = backtest(recordings, WATCH, folder, plot=True, jobs=1)
    return {result.name: result for result in found}


def test_each_alarm_is_listed_with_its_words(
    results: Mapping[str, SeriesResult], folder: Path
) -> None:
    listed = pd.read_csv(folder / "alarms.csv")
    listed = listed[listed["series"] == "two"].reset_index(drop=True)
    assert results["two"].alarms == len(results["two"].alarm_list) == len(listed) == 2
    assert listed["start"].tolist() == ["2026-01-09T08:00:00Z", "2026-01-11T10:10:00Z"]
    assert (listed["end"] >= ["2026-01-09T08:50:00Z", "2026-01-11T10:10:00Z"]).all()
    assert listed["seconds"][0] >= 3000 and (listed["peak"] > 1).all()
    assert listed["expected"].str.fullmatch(r"expected [\d.]+ to [\d.]+").all()
    assert listed["words"][1].startswith(f"{listed['value'][1]} at 10:10 UTC; expected ")
    assert listed["words"].str.contains("; outside for ").all()


def test_what_is_outside_and_what_was_promised(
    results: Mapping[str, SeriesResult], folder: Path
) -> None:
    table = pd.read_csv(folder / "two.csv")
    result = results["two"]
    score = table["score"].dropna()
    assert result.outside_share == pytest.approx((score > 1).mean())
    assert 0.005 < result.outside_share < 0.03
    assert result.days == 6 and result.promised_alarms == pytest.approx(2)


def test_counted_and_listed_alarms_are_the_same(results: Mapping[str, SeriesResult]) -> None:
    assert all(result.alarms == len(result.alarm_list) for result in results.values())


def test_a_series_does_not_alert_on_its_first_day(results: Mapping[str, SeriesResult]) -> None:
    assert results["first_day"].outside_share > 0.1 and results["first_day"].alarms == 0


def test_an_accepted_level_ends_its_alarm(results: Mapping[str, SeriesResult]) -> None:
    assert results["level"].alarms == 1 and results["level"].alarm_list[0].seconds < 16 * 3600


def test_what_the_history_teaches_is_said(
    results: Mapping[str, SeriesResult], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two weekends lie in twelve days from a Thursday on, and three of each weekday in 26 days;
    New Year's Day is the only holiday in January."""
    two = {"two": results["two"], "long": results["long"]}
    results_report.show(list(two.values()), WATCH, folder)
    text = capsys.readouterr().out
    assert "a history teaches the shape of the day: known\n" in text
    assert "a history teaches weekends: known\n" in text
    assert "teaches each weekday: known for 1 of 2 series, for all from 22 January on\n" in text
    assert "teaches holidays: known from " in text


def test_odd_series_are_told_of_and_drawn(
    results: Mapping[str, SeriesResult], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("constant", "empty", "ended", "begun", "three", "one", "last"):
        results_report.show([results[name]], WATCH, folder)
        assert "would have alerted 0 times" in capsys.readouterr().out
        assert (folder / f"{name}.png").exists()


def test_the_output_of_a_backtest_can_be_its_source(
    results: Mapping[str, SeriesResult], folder: Path, tmp_path: Path
) -> None:
    again = {found.name: found for found in read_folder(folder)}
    assert again.keys() <= results.keys() - {"alarms"}
    backtest([again["first_day"]], WATCH, tmp_path, jobs=1)
    table = pd.read_csv(tmp_path / "first_day.csv")
    assert [*table] == ["time", "value", "expected", "lower", "upper", "score"]
    assert (tmp_path / "alarms.csv").read_text().count("\n") == 1
