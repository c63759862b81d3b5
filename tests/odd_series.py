"""Series that are hard to draw a band around, and the incidents that come upon a lively one: made, never random."""

from dataclasses import dataclass

import numpy as np

from detectors.api import FloatArray, SeriesBatch

DAY, HOUR = 86_400, 3_600
FIT_DAYS, LIVE_DAYS = 14, 4  # learnt from, then judged
START = 1_760_054_400  # a midnight


@dataclass(frozen=True)
class Grid:
    """The regular times of a history and of the days after it."""

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
        """[T] since the judged days began."""
        return (np.arange(self.steps) - self.live) * self.step / HOUR

    def during(self, begin: float, end: float) -> slice:
        """The columns from `begin` to `end`, in hours since the judged days began."""
        return slice(self.live + round(begin * HOUR / self.step), self.live + round(end * HOUR / self.step))

    def batch(self, *rows: FloatArray) -> SeriesBatch:
        values = np.stack(rows)
        return SeriesBatch(values, ~np.isnan(values), START, self.step)


def noise(steps: int, seed: int, memory: float = 0.6) -> FloatArray:
    """[T] normal noise of unit spread of which each sample remembers the one before."""
    drawn = np.random.default_rng(seed).normal(0, np.sqrt(1 - memory**2), steps)
    for t in range(1, steps):
        drawn[t] += memory * drawn[t - 1]
    return drawn


def lively(grid: Grid, seed: int = 1) -> FloatArray:
    """[T] a service with a daily peak in its afternoon: 100 at night, 200 at the peak, noise of 4."""
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * (grid.hours - 3) / 24)
    return 100 + 100 * wave**2 + 4 * noise(grid.steps, seed)


def sparse(grid: Grid) -> FloatArray:
    """[T] a sample every 30 steps."""
    return np.where(np.arange(grid.steps) % 30 == 0, lively(grid, 2), np.nan)


def mostly_missing(grid: Grid) -> FloatArray:
    """[T] nine samples of ten are absent, without a pattern."""
    return np.where(np.random.default_rng(3).random(grid.steps) < 0.1, lively(grid, 3), np.nan)


def bursty(grid: Grid) -> FloatArray:
    """[T] zero, but for bursts of 60 to 140 that last some minutes, about four a day at no fixed time."""
    rng = np.random.default_rng(4)
    values = np.zeros(grid.steps)
    for begin in np.flatnonzero(rng.random(grid.steps) < 4 * grid.step / DAY):
        values[begin:begin + max(1, round(rng.uniform(120, 600) / grid.step))] = rng.uniform(60, 140)
    return values


def quantised(grid: Grid) -> FloatArray:
    """[T] whole numbers: six workers, now and then one more or less."""
    return 6 + np.round(0.8 * noise(grid.steps, 5, memory=0.9))


def counted(grid: Grid) -> FloatArray:
    """[T] few whole numbers of events a step."""
    return np.random.default_rng(6).poisson(2.0, grid.steps).astype(np.float64)


def ramp(grid: Grid) -> FloatArray:
    """[T] a counter that nobody took the rate of: it grows by about a thousand an hour."""
    rate = np.maximum(1000 + 200 * noise(grid.steps, 7), 0.0)
    return np.cumsum(rate) * grid.step / HOUR
