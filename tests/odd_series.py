"""Series that are hard to draw a band around, and incidents that come upon a lively one: always the
same numbers.

A detector learns the first fourteen days and is judged on the four that follow; hours count from
where these begin.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, Detector, FloatArray, SeriesBatch

DAY = 86_400
HOUR = 3_600
FIT_DAYS = 14
LIVE_DAYS = 4
START = 1_760_054_400  # a midnight
BUDGET = 1 / (7 * DAY)
END = 24.0 * LIVE_DAYS  # hours


@dataclass(frozen=True)
class Grid:
    """The times of a history and of the days after it."""

    step: int  # seconds

    @property
    def live(self) -> int:
        """The first column that is judged and not learnt from."""
        return FIT_DAYS * DAY // self.step

    @property
    def steps(self) -> int:
        return (FIT_DAYS + LIVE_DAYS) * DAY // self.step

    @property
    def hours(self) -> FloatArray:
        """[T]"""
        return (np.arange(self.steps) - self.live) * self.step / HOUR

    def during(self, begin: float, end: float) -> slice:
        """The columns from one hour to another."""
        return slice(
            self.live + round(begin * HOUR / self.step), self.live + round(end * HOUR / self.step)
        )


@dataclass(frozen=True)
class Judged:
    """One series in its band; all [T]."""

    grid: Grid
    value: FloatArray
    lower: FloatArray
    expected: FloatArray
    upper: FloatArray
    score: FloatArray

    @property
    def alarm(self) -> BoolArray:
        return np.nan_to_num(self.score) > 1

    def flagged(self, begin: float, end: float) -> float:
        """Share of the samples from one hour to another that are outside the band."""
        part = self.grid.during(begin, end)
        return float(self.alarm[part].sum() / np.isfinite(self.value[part]).sum())

    def first(self, begin: float) -> float:
        """Hours from `begin` to the first alarm after it."""
        part = self.grid.during(begin, LIVE_DAYS * 24)
        return (
            float(self.grid.hours[part][self.alarm[part].argmax()]) - begin
            if self.alarm[part].any()
            else np.inf
        )

    def width(self, begin: float, end: float) -> float:
        """Median width of the band."""
        part = self.grid.during(begin, end)
        return float(np.median((self.upper - self.lower)[part]))


def judged(detector: Detector, grid: Grid, rows: dict[str, FloatArray]) -> dict[str, Judged]:
    """Every row, fitted once and then scored from its beginning, as in service."""
    values = np.stack(list(rows.values()))
    batch = SeriesBatch(values, ~np.isnan(values), START, grid.step)
    scores = detector.fit(batch.steps(0, grid.live), alert_budget=BUDGET).score(batch)
    band = scores.band
    return {
        name: Judged(
            grid, values[i], band.lower[i], band.expected[i], band.upper[i], scores.anomaly[i]
        )
        for i, name in enumerate(rows)
    }


def noise(steps: int, seed: int, memory: float = 0.6) -> FloatArray:
    """[T] normal, of unit spread; each sample remembers the one before."""
    drawn = np.random.default_rng(seed).normal(0, np.sqrt(1 - memory**2), steps)
    for t in range(1, steps):
        drawn[t] += memory * drawn[t - 1]
    return drawn


def daily(hours: FloatArray) -> FloatArray:
    """100 at three in the night, 200 at three in the afternoon."""
    return 100 + 100 * (0.5 - 0.5 * np.cos(2 * np.pi * (hours - 3) / 24)) ** 4


def lively(grid: Grid, seed: int = 1) -> FloatArray:
    """[T] a service with a peak every afternoon and noise of 4."""
    return daily(grid.hours) + 4 * noise(grid.steps, seed)


def flat(grid: Grid) -> FloatArray:
    return np.full(grid.steps, 5.0)


def zero(grid: Grid) -> FloatArray:
    return np.zeros(grid.steps)


def sparse(grid: Grid) -> FloatArray:
    """[T] a sample every 30 steps."""
    return np.where(np.arange(grid.steps) % 30 == 0, lively(grid, 2), np.nan)


def mostly_missing(grid: Grid) -> FloatArray:
    """[T] nine samples of ten are absent, without a pattern."""
    return np.where(np.random.default_rng(3).random(grid.steps) < 0.1, lively(grid, 3), np.nan)


def bursty(grid: Grid, a_day: float = 4, seed: int = 4) -> FloatArray:
    """[T] zero, but for bursts of 60 to 140 that last two to ten minutes, at no fixed time."""
    rng = np.random.default_rng(seed)
    values = np.zeros(grid.steps)
    for begin in np.flatnonzero(rng.random(grid.steps) < a_day * grid.step / DAY):
        values[begin : begin + max(1, round(rng.uniform(120, 600) / grid.step))] = rng.uniform(
            60, 140
        )
    return values


def quantised(grid: Grid) -> FloatArray:
    """[T] whole numbers: six workers, at times one or two more or less."""
    return 6 + np.round(0.8 * noise(grid.steps, 5, memory=0.9))


def counted(grid: Grid) -> FloatArray:
    """[T] whole numbers: two events a step, more or less."""
    return np.random.default_rng(6).poisson(2.0, grid.steps).astype(np.float64)


def counter(grid: Grid) -> FloatArray:
    """[T] a counter of which nobody took the rate: about a thousand more every hour."""
    rate = np.maximum(1000 + 200 * noise(grid.steps, 7), 0.0)
    return np.cumsum(rate) * grid.step / HOUR


def added(values: FloatArray, part: slice, size: float) -> FloatArray:
    """[T] with `size` more in a part."""
    result = values.copy()
    result[part] += size
    return result


def held(values: FloatArray, part: slice, value: float | None = None) -> FloatArray:
    """[T] with one value all through a part: the one given, or the one that it begins with."""
    result = values.copy()
    result[part] = result[part.start] if value is None else value
    return result


def ramped(values: FloatArray, part: slice, size: float) -> FloatArray:
    """[T] that rises steadily by `size` more than usual in a part, and is as before after it."""
    result = values.copy()
    result[part] += np.linspace(0, size, part.stop - part.start)
    return result


def peakless(grid: Grid, day: int, seed: int = 1) -> FloatArray:
    """[T] lively, with the noise but not the peak of one day."""
    result = lively(grid, seed)
    part = grid.during(24 * day + 3, 24 * day + 27)
    result[part] += 100 - daily(grid.hours[part])
    return result


def quiet(grid: Grid) -> dict[str, FloatArray]:
    """What each kind does when all is well."""
    rows = {
        make.__name__: make(grid)
        for make in (flat, zero, sparse, mostly_missing, quantised, counted, counter, lively)
    }
    bursts = {
        "bursty": bursty(grid),
        "seldom": bursty(grid, a_day=1, seed=5),
        "often": bursty(grid, a_day=12, seed=6),
    }
    return rows | bursts


def troubled(grid: Grid) -> dict[str, FloatArray]:
    """What each kind does when something has happened."""
    usual = lively(grid)
    count = counter(grid)
    at = grid.during
    return {
        "flat": held(flat(grid), at(36, 40), 5.5),
        "zero": held(zero(grid), at(36, 40), 1000.0),
        "sparse": added(sparse(grid), at(36, 48), 80),
        "mostly_missing": added(mostly_missing(grid), at(36, 42), 80),
        "bursty": held(bursty(grid), at(50, 50.25), 1000.0),
        "quantised": held(quantised(grid), at(36, 37), 18.0),
        "counted": held(counted(grid), at(36, 37), 40.0),
        "stuck_an_hour": held(usual, at(26.5, 27.5)),
        "stuck": held(usual, at(25.5, 28.5)),
        "shift": added(usual, at(30, 34), 40),
        "drop": added(usual, at(38, 42), -40),
        "ramp": ramped(usual, at(30, 33), 60),
        "peakless": peakless(grid, day=1),
        "regime": added(usual, at(30, END), 60),
        "gap": held(usual, at(24, 44), np.nan),
        "counter": np.where(grid.hours >= 60, count - count[at(60, END)][0], count),
    }
