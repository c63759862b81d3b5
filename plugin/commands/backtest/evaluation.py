"""Judges the scores of one folder by the labels of another; series are joined by name, rows by
time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from detectors.accuracy import ForecastError, ForecastErrors, forecast_error, naive_forecast
from detectors.api import Band
from detectors.pages import Pages, pages
from detectors.pointwise import Points, labelled_samples, points, precision_recall
from detectors.quality import DAY, WEEKLY_BUDGET, JudgedSeries, Quality, judge
from detectors.thresholds import curve
from plugin.commands.backtest.recording import Recording
from plugin.commands.backtest.source import csv_files, numbers, read_file, read_table
from plugin.errors import BandwatchError
from plugin.series import BoolArray, FloatArray, IntArray

ThresholdChoice = Literal["event-f1", "point-f1"]
BAND_COLUMNS = ("lower", "expected", "upper")
MAX_NAMES = 5  # in an error


@dataclass(frozen=True)
class EvaluatedSeries:
    """One series, T rows of SCORES."""

    judged: JudgedSeries
    forecast: ForecastError | None  # None where SCORES holds no band
    unjudged: int  # rows of DATA between the first and the last row of SCORES that SCORES lacks


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold with the best F1 on some labels, and its F1 on these same labels."""

    threshold: float
    f1: float


@dataclass(frozen=True)
class SeriesGroup:
    """All series, or those whose names start alike."""

    name: str
    series: tuple[EvaluatedSeries, ...]
    quality: Quality
    points: Points  # at the threshold 1
    area: float  # PR-AUC over all samples of the group
    forecast: ForecastErrors | None  # None where no series has a band
    chosen: ChosenThreshold | None
    # At the threshold 1, a page for each alarm. A group of one series has an incident for each.
    pages: Pages


@dataclass(frozen=True)
class EvaluationReport:
    """The first group has all series; then comes one for each prefix of a name that several
    series share."""

    groups: tuple[SeriesGroup, ...]
    alert_budget: float  # alarms per series and second
    choose: ThresholdChoice | None
    without_scores: tuple[str, ...]  # names in DATA that SCORES lacks: not judged
    without_data: tuple[str, ...]  # names in SCORES that DATA lacks: not judged


def evaluate_folder(
    data: Path,
    scores: Path,
    alert_budget: float = WEEKLY_BUDGET,
    choose: ThresholdChoice | None = None,
) -> EvaluationReport:
    """Judges the rows of `scores` by those of `data`; alert_budget: alarms per series and second.

    Raises BandwatchError with the file, what is wrong, and what is valid.
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
    series = [evaluate_series(labelled[name], scored[name], alert_budget) for name in both]
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


def evaluate_series(data: Path, scores: Path, alert_budget: float) -> EvaluatedSeries:
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
    judged = JudgedSeries(
        recording.name, score, label, kind, observed, recording.step, recording.times[rows]
    )
    forecast = None
    if all(name in table for name in BAND_COLUMNS):
        lower, expected, upper = (numbers(scores, table, name)[order] for name in BAND_COLUMNS)
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
    repeated = times[1:][np.diff(times) == 0]
    if len(repeated):
        raise BandwatchError(
            f"{scores}: time {repeated[0]:.0f} is there more than once; keep one row of each time"
        )
    rows: IntArray = np.minimum(
        np.searchsorted(recording.times, times), len(recording.times) - 1
    ).astype(np.int64)
    unknown = times[recording.times[rows] != times]
    if len(unknown):
        raise BandwatchError(
            f"{scores}: {len(unknown)} of {len(times)} times are not in {data}, the first is "
            f"{unknown[0]:.15g}; scores must be those of the rows of their series"
        )
    return rows


def _labels(recording: Recording, path: Path) -> IntArray:
    """[N] 1, 0 or -1; empty = 0."""
    if "label" not in recording.extra:
        columns = ", ".join(["time", "value", *map(str, recording.extra)])
        raise BandwatchError(
            f"{path}: no column 'label'; found {columns}; valid is time,value,label[,kind] with"
            " label 1 = part of an incident, 0 or nothing, -1 = neither"
        )
    column = recording.extra["label"]
    text = column.where(column.notna(), 0).astype(str).str.strip()
    label = text.map({"": 0, "0": 0, "0.0": 0, "1": 1, "1.0": 1, "-1": -1, "-1.0": -1})
    invalid_rows = np.flatnonzero(label.isna())
    if len(invalid_rows):
        row = invalid_rows[0]
        raise BandwatchError(
            f"{path}: at time {recording.times[row]} label is {column.iloc[row]!r}; valid"
            " is 1 = part of an incident, 0 or nothing, -1 = neither"
        )
    return np.asarray(label, np.int64)


def _forecast(
    recording: Recording, rows: IntArray, band: Band, counts: BoolArray, alert_budget: float
) -> ForecastError:
    """The errors of the band, compared with those of the value a day before.

    counts: [T] whether a row counts. The day before may lie before the judged rows.
    """
    day_before_rows = np.searchsorted(recording.times, recording.times[rows] - DAY)
    is_recorded = recording.times[day_before_rows] == recording.times[rows] - DAY
    day_before = np.where(is_recorded, recording.value[day_before_rows], np.nan)
    value = recording.value[rows]
    return forecast_error(
        value,
        band,
        naive_forecast(value, day_before),
        counts,
        outside_share=min(0.5, alert_budget * recording.step),
    )


def _by_prefix(series: Sequence[EvaluatedSeries]) -> dict[str, list[EvaluatedSeries]]:
    """Groups of two or more by the name up to the first `_`; none where all would be one group."""
    groups: dict[str, list[EvaluatedSeries]] = {}
    for evaluated in series:
        prefix, underscore, _ = evaluated.judged.name.partition("_")
        if underscore:
            groups.setdefault(prefix, []).append(evaluated)
    return {prefix: group for prefix, group in groups.items() if 1 < len(group) < len(series)}


def _group(
    name: str,
    series: Sequence[EvaluatedSeries],
    alert_budget: float,
    choose: ThresholdChoice | None,
) -> SeriesGroup:
    judged = [evaluated.judged for evaluated in series]
    score, incident = samples(judged)
    errors = [evaluated.forecast for evaluated in series if evaluated.forecast is not None]
    return SeriesGroup(
        name=name,
        series=tuple(series),
        quality=judge(judged, alert_budget),
        points=points(score, incident),
        area=precision_recall(score, incident).area,
        forecast=ForecastErrors.of(errors) if errors else None,
        chosen=choose_threshold(judged, choose) if choose else None,
        pages=sum((pages(labelled.marks) for labelled in judged), Pages()),
    )


def samples(judged: Sequence[JudgedSeries]) -> tuple[FloatArray, BoolArray]:
    """The samples of all series that count by point: [N] scores, [N] whether part of an
    incident."""
    parts = [
        labelled_samples(labelled.score, labelled.label, labelled.observed) for labelled in judged
    ]
    return np.concatenate([score for score, _ in parts]), np.concatenate(
        [incident for _, incident in parts]
    )


def choose_threshold(judged: Sequence[JudgedSeries], choose: ThresholdChoice) -> ChosenThreshold:
    """The one threshold with the best F1 on the labels of these series; NaN without an incident."""
    if choose == "point-f1":
        return ChosenThreshold(*precision_recall(*samples(judged)).best_f1())
    return ChosenThreshold(
        *curve(
            [labelled.marks for labelled in judged], sum(labelled.days for labelled in judged)
        ).best_f1()
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMES]) + (
        f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    )
