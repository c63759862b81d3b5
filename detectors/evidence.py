"""What the last samples say together, and how it moves the band of the next one.

Their recent mean follows any new level within minutes, trusted or not: what stands near it is no surprise.

A single sample must be far out to be an alarm. Samples that have lain on one side for a quarter of an hour need not
be: their mean is less noisy than each of them. So the bound on that side comes closer the further the mean has gone,
and stays close for as long as the samples stay away. A value that comes again and again, far longer than it ever did,
moves the bound between itself and what is expected. All of it is made of samples before the one that is judged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FloatArray, SeriesBatch
from detectors.trend import Course

MEAN_SECONDS, MEAN_STEPS = 10 * 60, 6  # time constant of the mean, and at least so many steps
RECENT_SECONDS, RECENT_STEPS = 20 * 60, 8  # of the recent mean, and of that of the forecasts
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
    after: FloatArray  # the mean with the sample itself
    carry: dict[str, NDArray[np.float64]]


def gather(course: Course, batch: SeriesBatch, offset: FloatArray, carry: Arrays | None) -> Evidence:
    """Walks the batch in time order; a gap neither adds to the evidence nor takes from it.

    offset: [S, T] the forecasts, in spreads from the trend.
    """
    rows = len(course.deviation)
    names = ("mean", "recent", "forecast", "below", "above", "repeats", "last")
    cold = {name: np.zeros(rows) for name in names} | {"last": np.full(rows, np.nan)}
    now = {name: np.array(cold[name] if carry is None else carry[name]) for name in names}
    share = _share(MEAN_SECONDS, MEAN_STEPS, course.step)
    mean, after = _mean(np.clip(course.deviation, -CLIP, CLIP), share * course.observed, "mean", now)
    share = _share(RECENT_SECONDS, RECENT_STEPS, course.step)
    recent, _ = _mean(np.clip(course.deviation, -FAR, FAR), share * course.observed, "recent", now)
    _, forecast = _mean(offset, np.full(offset.shape, share), "forecast", now)
    below, above = _peak(-course.deviation, course, "below", now), _peak(course.deviation, course, "above", now)
    repeats, last = _repeats(batch, now)
    return Evidence(mean, recent, forecast, below, above, repeats, last, after, now)


def _share(seconds: int, steps: int, step: int) -> float:
    """What a new sample counts for in a mean with that time constant, which spans at least so many steps."""
    return float(1 - np.exp(-step / max(seconds, steps * step)))


def _mean(values: FloatArray, weight: NDArray[np.floating], name: str, now: dict[str, NDArray[np.float64]],
          ) -> tuple[FloatArray, FloatArray]:
    """Exponentially weighted mean before each of the values [S, T], and with it; `now[name]` is moved on."""
    mean, weights = now[name], np.ascontiguousarray(weight.T)
    means = np.empty((len(weights) + 1, len(mean)))
    means[0] = mean
    for t, value in enumerate(np.ascontiguousarray(values.T)):
        mean = mean + weights[t] * (value - mean)
        means[t + 1] = mean
    now[name] = mean
    return means[:-1].T, means[1:].T


def _peak(distance: FloatArray, course: Course, name: str, now: dict[str, NDArray[np.float64]]) -> FloatArray:
    """[S, T] the largest of the distances before each, fading from sample to sample; `now[name]` is moved on."""
    peak, there = now[name], np.ascontiguousarray(course.observed.T)
    peaks = np.empty(there.shape)
    for t, value in enumerate(np.ascontiguousarray(distance.T)):
        peaks[t] = peak
        faded = peak * np.where(peak > FARTHEST, FADE_FAR, FADE)
        peak = np.where(there[t], np.maximum(faded, value), peak)
    now[name] = peak
    return peaks.T


def _repeats(batch: SeriesBatch, now: dict[str, NDArray[np.float64]]) -> tuple[FloatArray, FloatArray]:
    """How often the last value has come in a row before each sample, and that value; [S, T], NaN = none yet."""
    rows, steps = batch.shape
    there = np.concatenate([np.ones((rows, 1), bool), batch.observed], axis=1)  # the first: what was before the batch
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
