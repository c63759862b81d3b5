"""What the last samples say together, and how it moves the band of the next one.

Their recent mean follows any new level within minutes, trusted or not: what stands near it is no surprise.

A single sample must be far out to be an alarm. Samples that have lain on one side for a quarter of an hour need not
be: their mean is less noisy than each of them. So the bound on that side comes closer the further the mean has gone,
and stays close for as long as the samples stay away. A value that comes again and again, far longer than it ever did,
moves the bound between itself and what is expected. All of it is made of samples before the one that is judged. One
that is not usable says nothing here: it is as a gap, so that what follows planned work is judged by what was before.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, BoolArray, FloatArray, SeriesBatch
from detectors.regime import share
from detectors.stepping import OLDEST, ages
from detectors.trend import Course

MEAN_SECONDS, MEAN_STEPS = 10 * 60, 6  # time constant of the mean, and at least so many steps
RECENT_SECONDS, RECENT_STEPS = 20 * 60, 8  # of the recent mean
FORECAST_SECONDS, FORECAST_STEPS = 60 * 60, 8  # of the mean of the forecasts
CLIP = 6.0  # spreads that one sample may count for in the mean
FAR = 12.0  # and in the recent mean
FADE = 0.93  # of a peak from sample to sample
FARTHEST, FADE_FAR = 30.0, 0.5  # that of a peak of so many spreads
ONSET, HOLD = 6.0, 4.0  # powers by which the bound comes closer before the mean has reached its limit, and after
CLOSEST = 0.05  # share of the recent peak that the bound may come down to
FIRST = 0.85  # and that it has when the mean reaches its limit


@dataclass(frozen=True)
class Evidence:
    """Before each sample, [S, T]; in spreads of the trend where nothing else is said."""

    mean: FloatArray  # of the last deviations, each clipped
    recent: FloatArray  # the same over a little longer, hardly clipped
    forecast: FloatArray  # mean of the last forecasts with the one of the sample: not led by single samples
    below: FloatArray  # how far out the last samples have been on that side, fading
    above: FloatArray
    repeats: FloatArray  # how many times in a row the last value has come
    last: FloatArray  # that value, in units of the series; NaN = none yet
    gap: FloatArray  # steps since the last sample, 1 = the one just before
    after: FloatArray  # the mean with the sample itself
    carry: dict[str, NDArray[np.float64]]


def gather(course: Course, batch: SeriesBatch, offset: FloatArray, carry: Arrays | None) -> Evidence:
    """Walks the batch in time order; a gap neither adds to the evidence nor takes from it, nor what is not usable.

    What lay away from a level is no evidence against the one that was accepted instead: there it begins anew.

    offset: [S, T] the forecasts, in spreads from the trend.
    """
    rows = len(course.deviation)
    names = ("mean", "recent", "forecast", "below", "above", "repeats", "last", "gap")
    cold = {name: np.zeros(rows) for name in names} | {"last": np.full(rows, np.nan), "gap": np.full(rows, OLDEST)}
    now = {name: np.array(cold[name] if carry is None else carry[name]) for name in names}
    there = batch.observed & batch.usable
    (mean, recent, _), (after, _, forecast) = _means(course, there, offset, now)
    below, above = _peaks(course, there, now)
    repeats, last = _repeats(batch, there, now)
    gap, now["gap"] = ages(there, now["gap"])
    return Evidence(mean, recent, forecast, below, above, repeats, last, gap, after, now)


def _means(course: Course, there: BoolArray, offset: FloatArray, now: dict[str, NDArray[np.float64]],
           ) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """The means `mean`, `recent` and `forecast` before each sample, and with it, [S, T]; `now` is moved on."""
    short = share(MEAN_SECONDS, course.step, MEAN_STEPS)
    long = share(RECENT_SECONDS, course.step, RECENT_STEPS)
    slow = share(FORECAST_SECONDS, course.step, FORECAST_STEPS)
    values = _stacked(np.clip(course.deviation, -CLIP, CLIP), np.clip(course.deviation, -FAR, FAR), offset)
    weights = _stacked(short * there, long * there, np.full(offset.shape, slow))
    means = np.empty((len(values) + 1, values.shape[1]))
    mean: FloatArray = np.concatenate([now["mean"], now["recent"], now["forecast"]])
    means[0] = mean
    for t in range(len(values)):
        mean = mean + weights[t] * (values[t] - mean)
        if t in course.accepted:
            mean = mean * ~np.concatenate([course.accepted[t], course.accepted[t], np.zeros(len(offset), bool)])
        means[t + 1] = mean
    now["mean"], now["recent"], now["forecast"] = np.split(mean, 3)
    return tuple(np.split(means[:-1].T, 3)), tuple(np.split(means[1:].T, 3))


def _peaks(course: Course, there: BoolArray, now: dict[str, NDArray[np.float64]]) -> list[FloatArray]:
    """How far out the samples before each have been below and above, fading, [S, T]; `now` is moved on."""
    out, both = _stacked(-course.deviation, course.deviation), _stacked(there, there)
    peaks = np.empty((len(out) + 1, out.shape[1]))
    peak: FloatArray = np.concatenate([now["below"], now["above"]])
    peaks[0] = peak
    for t in range(len(out)):
        faded = peak * np.where(peak > FARTHEST, FADE_FAR, FADE)  # a burst is measured by its own height
        peak = np.where(both[t] > 0, np.maximum(faded, out[t]), peak)
        if t in course.accepted:
            peak = peak * ~np.tile(course.accepted[t], 2)
        peaks[t + 1] = peak
    now["below"], now["above"] = np.split(peak, 2)
    return np.split(peaks[:-1].T, 2)


def _stacked(*arrays: NDArray[Any]) -> FloatArray:
    """[T, N S] N arrays [S, T] side by side, in order of time."""
    return np.concatenate([array.T for array in arrays], axis=1, dtype=np.float64)


def _repeats(batch: SeriesBatch, usable: BoolArray, now: dict[str, NDArray[np.float64]],
             ) -> tuple[FloatArray, FloatArray]:
    """How often the last value has come in a row before each sample, and that value; [S, T], NaN = none yet."""
    rows, steps = batch.shape
    there = np.concatenate([np.ones((rows, 1), bool), usable], axis=1)  # the first: what was before the batch
    values = np.where(there, np.concatenate([now["last"][:, None], batch.values], axis=1), np.nan)
    column = np.arange(steps + 1)
    latest = np.maximum.accumulate(np.where(there, column, 0), axis=1)  # [S, T + 1] column of the last sample
    last = np.take_along_axis(values, latest, 1)
    changed = there.copy()
    changed[:, 1:] &= last[:, 1:] != last[:, :-1]
    number = np.cumsum(there, axis=1)  # of the sample
    since = np.maximum.accumulate(np.where(changed, number, 0), axis=1)
    count = number - since + np.where(since == 1, now["repeats"][:, None], 1.0)
    now.update(repeats=count[:, -1], last=last[:, -1])
    return count[:, :-1], last[:, :-1]


def closer(evidence: Evidence, side: int, lasting: FloatArray) -> FloatArray:
    """[S, T] how far out a sample may be on a side (-1 below, 1 above), as far as the mean has a say; spreads.

    lasting: [S] where the mean itself is an alarm.
    """
    limit = lasting[:, None]
    share = np.maximum(side * evidence.mean / limit, 1e-3)
    recent = np.maximum(evidence.above if side > 0 else evidence.below, limit)
    power = np.where(share < 1, share**-ONSET, np.maximum(share**-HOLD, CLOSEST / FIRST))
    bound: FloatArray = FIRST * recent * power
    return bound
