"""Two hours ahead, from every sixth hour of the judged half: our forecasts beside those of others.

Every forecaster gives a lower and an upper line around what it expects. How wide they are is made
comparable: in the last quarter of the history, one factor per series and side is chosen so that a
tenth of the samples lies beyond.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from detectors.accuracy import mase, mean_error, pinball
from plugin.commands.backtest.source import Recording
from plugin.commands.backtest.walk import LaneOfSeries, Walk
from tests.benchmarks.quality import ours
from tests.benchmarks.quality.data import DAY, FloatArray, IntArray, Series
from tests.benchmarks.quality.run import Progress, core_seconds, load, pooled

# seconds
AHEAD = 2 * 3600
EVERY = 6 * 3600
CALIBRATED = 0.25  # the last share of the first half
BEYOND = 0.1  # share of the samples beyond each line
UNJUDGED = "no sample to be judged by, or a naive forecast that is never wrong"
NAIVE = "naive"
LAST = "last"
PROPHET = "prophet"
Lines = FloatArray  # [O, H, 3] lower, expected and upper, O origins, H steps ahead


@dataclass(frozen=True)
class Forecasts:
    """Of one method, for some series."""

    method: str
    lines: dict[str, Lines]  # series -> lines at its `origins`
    seconds: float
    failed: tuple[str, ...] = ()  # series
    error: str = ""


@dataclass(frozen=True)
class Compared:
    """All of one method."""

    name: str
    errors: dict[str, "Error"]  # series -> error
    seconds: float  # of one core, all series together
    without: dict[str, str]  # series -> why it has no error


@dataclass(frozen=True)
class Error:
    """Of one method on one series; both in errors of the seasonal naive forecast, lower is
    better."""

    mase: float
    pinball: float  # mean over the .1, .5 and .9 quantiles


def origins(series: Series) -> IntArray:
    """[O] the first sample at or after each sixth hour (UTC), from the midnight on with which
    calibration begins."""
    later = np.flatnonzero(series.times % EVERY < series.step)
    midnights = np.flatnonzero(series.times % DAY < series.step)
    begin = midnights[midnights >= (1 - CALIBRATED) * series.split]
    last = len(series.values) - series.samples(AHEAD)
    return later[(later >= (begin[0] if len(begin) else last)) & (later <= last)]


def compared(
    recordings: Sequence[Recording], detectors: Sequence[str], jobs: int, progress: Progress
) -> list[Compared]:
    """Every method on every series."""
    lanes = ours.work(recordings, jobs)
    tasks: list[tuple[str, Series | LaneOfSeries]] = [
        (name, lane) for name in detectors for lane in lanes
    ]
    tasks += [(name, Series.of(each)) for name in (PROPHET, LAST, NAIVE) for each in recordings]
    parts = pooled(_forecasts, tasks, jobs, progress)
    why = {(part.method, series): part.error for part in parts for series in part.failed}
    lines: dict[str, dict[str, Lines]] = {name: {} for name in (*METHODS, *detectors)}
    for part in parts:
        lines[part.method].update(part.lines)
    errors: dict[str, dict[str, Error]] = {name: {} for name in lines}
    for recording in recordings:
        here = {name: of[recording.name] for name, of in lines.items() if recording.name in of}
        for name, error in judged(recording, here).items():
            errors[name][recording.name] = error
    return [
        Compared(
            name,
            errors[name],
            sum(part.seconds for part in parts if part.method == name),
            {
                each.name: why.get((name, each.name), UNJUDGED)
                for each in recordings
                if each.name not in errors[name]
            },
        )
        for name in lines
    ]


def judged(recording: Recording, lines: dict[str, Lines]) -> dict[str, Error]:
    """Errors over the samples outside incidents for which all methods that forecast at all have a
    forecast."""
    lines = {name: each for name, each in lines.items() if np.isfinite(each[..., 1]).any()}
    if NAIVE not in lines:
        return {}
    series = Series.of(recording)
    at = origins(series)
    ahead = at[:, None] + np.arange(series.samples(AHEAD))  # [O, H]
    value = series.values[ahead]
    label = np.zeros(len(series.values))
    label[recording.slot] = pd.to_numeric(recording.extra["label"], errors="coerce").fillna(0)
    late = ahead >= series.split
    fair = np.isfinite(value) & np.all(
        [np.isfinite(each[..., 1]) for each in lines.values()], axis=0
    )
    quiet = np.where(fair & late & (label[ahead] == 0), value, np.nan)
    past = np.where(fair & ~late, value, np.nan)
    naive = lines[NAIVE][..., 1]
    scale = mean_error(quiet, naive)
    if not scale > 0:
        return {}
    return {
        name: Error(mase(quiet, each[..., 1], naive), _loss(quiet, widened(each, past)) / scale)
        for name, each in lines.items()
    }


def _loss(value: FloatArray, lines: Lines) -> float:
    levels = zip(np.moveaxis(lines, -1, 0), (BEYOND, 0.5, 1 - BEYOND), strict=True)
    return float(np.mean([pinball(value, line, level) for line, level in levels]))


def widened(lines: Lines, past: FloatArray) -> Lines:
    """The lines with their distances from expected scaled so that BEYOND of `past` [O, H] lies
    beyond each."""
    lower, expected, upper = np.moveaxis(lines, -1, 0)
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # a line that touches: its factor comes from the other places
        below = (expected - lower) * _factor((expected - past) / (expected - lower))
        above = (upper - expected) * _factor((past - expected) / (upper - expected))
    return np.stack([expected - below, expected, expected + above], axis=-1)


def _factor(distance: FloatArray) -> float:
    there = distance[np.isfinite(distance)]
    return float(np.quantile(there, 1 - BEYOND)) if len(there) else 1.0


def _forecasts(task: tuple[str, Series | LaneOfSeries]) -> Forecasts:
    method, piece = task
    names = (
        tuple(each.name for each in piece.recordings)
        if isinstance(piece, LaneOfSeries)
        else (piece.name,)
    )
    began = core_seconds()
    try:
        load(method)
        began = core_seconds()
        if isinstance(piece, LaneOfSeries):
            lines = _ours(piece, method)
        else:
            lines = {piece.name: METHODS[method][1](piece)}
        return Forecasts(method, lines, core_seconds() - began)
    except Exception as error:  # of whatever library: shown beside the method
        return Forecasts(
            method, {}, core_seconds() - began, names, f"{type(error).__name__}: {error}"
        )


def seasonal_naive(series: Series) -> Lines:
    """The value a day before, or a week where the history holds two."""
    ahead = origins(series)[:, None] + np.arange(series.samples(AHEAD))
    week = series.split * series.step >= 14 * DAY
    before = ahead - series.samples(7 * DAY if week else DAY)
    return _around(np.where(before >= 0, series.values[before], np.nan))


def last_value(series: Series) -> Lines:
    """The last sample, for all that follows."""
    seen = pd.Series(series.values).ffill().to_numpy(np.float64)
    return _around(np.repeat(seen[origins(series) - 1][:, None], series.samples(AHEAD), axis=1))


def _around(expected: FloatArray) -> Lines:
    return np.stack([expected - 1, expected, expected + 1], axis=-1)


def prophet(series: Series) -> Lines:
    """Fitted every midnight on the two weeks before."""
    from tests.benchmarks.quality.peers.prophet import STEP, fitted, predicted

    at = origins(series)
    steps = np.arange(series.samples(AHEAD))
    window = series.samples(14 * DAY)
    coarse = max(1, STEP // series.step)
    found = np.full((len(at), len(steps), 3), np.nan)
    model = None
    for number, origin in enumerate(at):
        if model is None or series.times[origin] % DAY < series.step:
            model = fitted(series, max(0, origin - window), origin, 1 - 2 * BEYOND)
        asked = np.append(np.arange(0, len(steps), coarse), len(steps))
        found[number] = np.stack(predicted(model, series, origin + asked, origin + steps), axis=-1)
    return found


METHODS: dict[str, tuple[str, Callable[[Series], Lines]]] = {  # name -> (title, function)
    NAIVE: ("seasonal naive", seasonal_naive),
    LAST: ("last value", last_value),
    PROPHET: ("Prophet", prophet),
}


def _ours(lane: LaneOfSeries, name: str) -> dict[str, Lines]:
    """Refitted every midnight by the walk of a backtest, and asked at every origin."""
    walk = Walk(lane, ours.watch(name, lane.step))
    horizon = max(1, round(AHEAD / lane.step))
    at = [
        origins(Series.of(each)) + first
        for each, first in zip(lane.recordings, lane.first, strict=True)
    ]
    lines = [np.full((len(columns), horizon, 3), np.nan) for columns in at]
    seen = 0
    for column in np.unique(np.concatenate(at)):
        if (lane.start + column * lane.step) % DAY < lane.step:
            seen = column - 1  # a sample is left to be scored, so that no batch is empty
            walk._refit(
                np.flatnonzero([len(own) > 0 and own[0] <= column <= own[-1] for own in at]), seen
            )
        for spec, stack in walk._stacks.items():
            batch = walk._batch(stack.ids, seen, column)
            band = stack.fitted.forecast(batch, horizon, stack.carry)
            walk._stacks[spec] = stack.score(batch)[1]
            for row, series in enumerate(stack.ids):
                lines[series][at[series] == column] = np.stack(
                    [band.lower, band.expected, band.upper], -1
                )[row]
        seen = column
    return {each.name: own for each, own in zip(lane.recordings, lines, strict=True)}
