"""Scores of one folder against the labels of another, series by series and joined by time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from detectors.accuracy import ForecastError, ForecastErrors, forecast_error, naive_forecast
from detectors.api import Band
from detectors.evaluate import JOIN
from detectors.pages import Pages, pages
from detectors.pointwise import Points, counted, points, precision_recall
from detectors.quality import DAY, WEEKLY, Judged, Quality, judge
from detectors.thresholds import curve
from plugin.commands.backtest.source import Recording, csv_files, numbers, read_file, read_table
from plugin.config.groups import gap
from plugin.errors import BandwatchError
from plugin.series import BoolArray, FloatArray, IntArray

ThresholdChoice = Literal["event-f1", "point-f1"]
BAND = ("lower", "expected", "upper")
SHOWN = 5  # names or times in an error


@dataclass(frozen=True)
class EvaluatedSeries:
    """One series, T rows of SCORES."""

    judged: Judged
    forecast: ForecastError | None  # None where SCORES holds no band
    unjudged: int  # rows of DATA between the first and the last row of SCORES that SCORES lacks


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold that the labels would have had, and the F1 that it reaches on these same
    labels."""

    threshold: float
    f1: float


@dataclass(frozen=True)
class SeriesGroup:
    """All series, or those whose names begin alike."""

    name: str
    series: tuple[EvaluatedSeries, ...]
    quality: Quality
    points: Points  # at the threshold 1
    area: float  # PR-AUC over all samples of the group
    forecast: ForecastErrors | None  # None where no series has a band
    chosen: ChosenThreshold | None
    by_alarm: Pages  # at the threshold 1, when each alarm pages
    by_incident: Pages  # when each incident does, and each series is a group of its own


@dataclass(frozen=True)
class EvaluationReport:
    """The first group is of all series; then one for each beginning of a name that several series
    share."""

    groups: tuple[SeriesGroup, ...]
    alert_budget: float  # alarms per series and second
    choose: ThresholdChoice | None
    without_scores: tuple[str, ...]  # names in DATA that SCORES lacks: not judged
    without_data: tuple[str, ...]  # names in SCORES that DATA lacks: not judged


def evaluate_folder(
    data: Path, scores: Path, alert_budget: float = WEEKLY, choose: ThresholdChoice | None = None
) -> EvaluationReport:
    """Judges the rows of SCORES.

    Raises BandwatchError naming the file, what is wrong, and what is valid.
    """
    for folder, holds in ((data, "time,value,label"), (scores, "time,score")):
        if not folder.is_dir():
            raise BandwatchError(
                f"{folder}: no such folder; it must hold NAME.csv or NAME.csv.gz with {holds}"
            )
    labelled = csv_files(data, "time, value and label")
    scored = csv_files(scores, "time and score")
    both = [name for name in labelled if name in scored]
    if not both:
        raise BandwatchError(
            f"no name is in both folders: {data} holds {_some(list(labelled))}; {scores} holds "
            f"{_some(list(scored))}; a file of scores must have the name of its series"
        )
    series = [evaluated(labelled[name], scored[name], alert_budget) for name in both]
    groups = [_group("all", series, alert_budget, choose)]
    for prefix, part in _by_prefix(series).items():
        groups.append(_group(prefix, part, alert_budget, choose))
    return EvaluationReport(
        tuple(groups),
        alert_budget,
        choose,
        tuple(name for name in labelled if name not in scored),
        tuple(name for name in scored if name not in labelled),
    )


def evaluated(data: Path, scores: Path, alert_budget: float) -> EvaluatedSeries:
    """One series, from its two files."""
    recording = read_file(data)
    table = read_table(scores, ("time", "score"))
    if len(table) == 0:
        raise BandwatchError(
            f"{scores}: no row; it must hold the time and score of each sample to be judged"
        )
    times = numbers(scores, table, "time")
    order = np.argsort(times, kind="stable")
    rows = _rows(recording, times[order], data, scores)
    score = numbers(scores, table, "score")[order]
    label = _labels(recording, data)[rows]
    kind = (
        recording.extra["kind"].fillna("").astype(str).to_numpy()[rows]
        if "kind" in recording.extra
        else None
    )
    observed = ~np.isnan(recording.value[rows])
    judged = Judged(recording.name, score, label, kind, observed, recording.step)
    forecast = None
    if all(name in table for name in BAND):
        lower, expected, upper = (numbers(scores, table, name)[order] for name in BAND)
        forecast = _forecast(
            recording, rows, Band(lower, expected, upper), label == 0, alert_budget
        )
    return EvaluatedSeries(judged, forecast, int(rows[-1] - rows[0]) + 1 - len(rows))


def _rows(recording: Recording, times: FloatArray, data: Path, scores: Path) -> IntArray:
    """[T] the row of DATA at each time of SCORES, both ascending."""
    if np.isnan(times).any():
        raise BandwatchError(
            f"{scores}: {int(np.isnan(times).sum())} rows have no time; valid is unix seconds"
        )
    twice = times[1:][np.diff(times) == 0]
    if len(twice):
        raise BandwatchError(
            f"{scores}: time {twice[0]:.0f} is there more than once; keep one row of each time"
        )
    rows: IntArray = np.minimum(
        np.searchsorted(recording.times, times), len(recording.times) - 1
    ).astype(np.int64)
    strange = times[recording.times[rows] != times]
    if len(strange):
        raise BandwatchError(
            f"{scores}: {len(strange)} of {len(times)} times are not in {data}, the first is "
            f"{strange[0]:.15g}; scores must be those of the rows of their series"
        )
    return rows


def _labels(recording: Recording, path: Path) -> IntArray:
    """[N] 1, 0 or -1; empty = 0."""
    if "label" not in recording.extra:
        found = ", ".join(["time", "value", *map(str, recording.extra)])
        raise BandwatchError(
            f"{path}: no column 'label'; found {found}; valid is time,value,label[,kind] with label"
            " 1 = part of an incident, 0 or nothing, -1 = neither"
        )
    column = recording.extra["label"]
    text = column.where(column.notna(), 0).astype(str).str.strip()
    label = text.map({"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": -1, "-1.0": -1})
    wrong = np.flatnonzero(label.isna())
    if len(wrong):
        raise BandwatchError(
            f"{path}: at time {recording.times[wrong[0]]} label is {column.iloc[wrong[0]]!r}; valid"
            " is 1 = part of an incident, 0 or nothing, -1 = neither"
        )
    return np.asarray(label, np.int64)


def _forecast(
    recording: Recording, rows: IntArray, band: Band, counts: BoolArray, alert_budget: float
) -> ForecastError:
    """Against the value a day before, which may lie before the judged rows."""
    before = np.searchsorted(recording.times, recording.times[rows] - DAY)
    known = recording.times[before] == recording.times[rows] - DAY
    day_before = np.where(known, recording.value[before], np.nan)
    value = recording.value[rows]
    return forecast_error(
        value,
        band,
        naive_forecast(value, day_before),
        counts,
        outside=min(0.5, alert_budget * recording.step),
    )


def _by_prefix(series: Sequence[EvaluatedSeries]) -> dict[str, list[EvaluatedSeries]]:
    """Groups of at least two by the name up to the first `_`; none where that would be one group of
    all."""
    found: dict[str, list[EvaluatedSeries]] = {}
    for each in series:
        prefix, mark, _ = each.judged.name.partition("_")
        if mark:
            found.setdefault(prefix, []).append(each)
    return {prefix: part for prefix, part in found.items() if 1 < len(part) < len(series)}


def _group(
    name: str,
    series: Sequence[EvaluatedSeries],
    alert_budget: float,
    choose: ThresholdChoice | None,
) -> SeriesGroup:
    judged = [each.judged for each in series]
    score, incident = samples(judged)
    errors = [each.forecast for each in series if each.forecast is not None]
    return SeriesGroup(
        name,
        tuple(series),
        judge(judged, alert_budget),
        points(score, incident),
        precision_recall(score, incident).area,
        ForecastErrors.of(errors) if errors else None,
        choose_threshold(judged, choose) if choose else None,
        sum((pages(each.marks) for each in judged), Pages()),
        sum((pages(each.marks, _joined(each.step)) for each in judged), Pages()),
    )


def _joined(step: int) -> int:
    """Samples of quiet that end neither an alarm nor the incident that it is of."""
    return max(JOIN, gap(step) // step - 1)


def samples(judged: Sequence[Judged]) -> tuple[FloatArray, BoolArray]:
    """The samples of all series that count by point: [N] scores, [N] whether part of an
    incident."""
    parts = [counted(each.score, each.label, each.observed) for each in judged]
    return np.concatenate([score for score, _ in parts]), np.concatenate(
        [incident for _, incident in parts]
    )


def choose_threshold(judged: Sequence[Judged], choose: ThresholdChoice) -> ChosenThreshold:
    """The one threshold over these series that is best on their labels; NaN without an incident."""
    if choose == "point-f1":
        return ChosenThreshold(*precision_recall(*samples(judged)).best_f1())
    return ChosenThreshold(
        *curve([each.marks for each in judged], sum(each.days for each in judged)).best_f1()
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (
        f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    )
