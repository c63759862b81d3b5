"""Situations that every band must master, as the baseline sees them.

It learns the first days of a series and is judged on those after them; hours count from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from detectors.api import FloatArray, IntArray, SeriesBatch
from detectors.baseline import Baseline

DAY = 86_400
HOUR = 3_600
MONDAY = 1_760_313_600  # a midnight
BUDGET = 1 / (7 * DAY)


@dataclass(frozen=True)
class Grid:
    step: int  # seconds
    learnt: int  # days
    live: int  # days

    @property
    def times(self) -> IntArray:
        """[T] seconds since a Monday."""
        return np.arange((self.learnt + self.live) * DAY // self.step) * self.step

    @property
    def hours(self) -> FloatArray:
        """[T] since the end of what is learnt."""
        return (self.times - self.learnt * DAY) / HOUR

    def noise(self, seed: int) -> FloatArray:
        return np.random.default_rng(seed).normal(size=len(self.times))


MINUTES = Grid(60, 10, 2)
FIVE_MINUTES = Grid(300, 14, 7)


@dataclass(frozen=True)
class Seen:
    """One series in its band; all [T]."""

    grid: Grid
    outside: FloatArray
    lower: FloatArray
    upper: FloatArray

    def share(self, begin: float, end: float) -> float:
        """Of the samples from one hour to another that are outside."""
        return float(self.outside[self._during(begin, end)].mean())

    def width(self, begin: float, end: float) -> float:
        part = self._during(begin, end)
        return float(np.median((self.upper - self.lower)[part]))

    def _during(self, begin: float, end: float) -> FloatArray:
        return np.asarray((self.grid.hours >= begin - 1e-9) & (self.grid.hours < end - 1e-9))


def seen(
    grid: Grid, *rows: FloatArray, holidays: tuple[int, ...] = (), back: int = 99
) -> list[Seen]:
    """Fitted and scored. holidays: days since the first one. back: the day at three o'clock of
    which the clocks go back an hour."""
    day = grid.times // DAY
    offset = np.where(grid.times < back * DAY + HOUR, 2 * HOUR, HOUR)
    batch = SeriesBatch(
        np.stack(rows),
        np.ones((len(rows), len(day)), bool),
        MONDAY,
        grid.step,
        utc_offset=offset - 2 * HOUR if back < 99 else np.array(0),
        holiday=np.isin(day, holidays),
    )
    learnt = batch.steps(0, grid.learnt * DAY // grid.step)
    scores = Baseline().fit(learnt, alert_budget=BUDGET).score(batch)
    outside = np.nan_to_num(scores.anomaly) > 1
    sides = zip(outside, scores.band.lower, scores.band.upper, strict=True)
    return [Seen(grid, *side) for side in sides]


def nightly_job(minutes: int) -> FloatArray:
    """From two o'clock, or a minute later; the run of the last day is missing."""
    rng = np.random.default_rng(minutes)
    values = 20 + MINUTES.noise(0)
    for day in range(MINUTES.learnt + MINUTES.live - 1):
        first = day * 1_440 + 120 + int(rng.integers(0, 2))
        values[first : first + minutes] += 60
    return values


@cache
def of_minutes() -> dict[str, Seen]:
    """One fit serves many tests."""
    away = (MINUTES.hours >= 4) & (MINUTES.hours < 18)
    rows = {"none": nightly_job(0), "short": nightly_job(5), "long": nightly_job(60)}
    rows["return"] = 50 + 2 * MINUTES.noise(4) + 40 * away
    return dict(zip(rows, seen(MINUTES, *rows.values()), strict=True))


@pytest.mark.parametrize(("name", "end"), [("short", 2.2), ("long", 3.1)])
def test_a_regular_job_is_inside_and_widens_its_own_time_only(name: str, end: float) -> None:
    band = of_minutes()[name]
    assert band.share(1.9, end) == 0
    for begin, until in ((0, 1.9), (4, 24)):
        assert band.width(begin, until) < 1.2 * of_minutes()["none"].width(begin, until)


def test_a_long_job_that_is_missing_is_outside() -> None:
    assert of_minutes()["long"].share(26 + 5 / 60, 27) > 0.5


def test_a_deployment_has_no_echo_a_week_later() -> None:
    grid = FIVE_MINUTES
    deployed = grid.times >= 10 * DAY + 10 * HOUR
    (band,) = seen(grid, 50 + 2 * grid.noise(0) + 30 * deployed)
    assert band.share(0, 7 * 24) < 0.001
    assert band.width(0, 7 * 24) < 40


def week(grid: Grid, weekend: float) -> FloatArray:
    """Traffic by day; so much of it is left on Saturdays and Sundays."""
    hour = grid.times % DAY / HOUR
    share = np.where(grid.times // DAY % 7 >= 5, weekend, 1.0)
    return (100 + 900 * np.exp(-(((hour - 14) / 4) ** 2))) * share * (1 + 0.04 * grid.noise(1))


def test_weekends_are_known_from_two_weeks() -> None:
    values = week(FIVE_MINUTES, 0.35)
    outage = (FIVE_MINUTES.hours >= 6 * 24 + 13) & (FIVE_MINUTES.hours < 6 * 24 + 15)
    (band,) = seen(FIVE_MINUTES, np.where(outage, 0.0, values))
    assert band.share(0, 6 * 24) < 0.01
    assert band.share(6 * 24 + 13, 6 * 24 + 15) > 0.9


@pytest.mark.parametrize(("holidays", "inside"), [((16,), True), ((), False)])
def test_a_holiday_counts_as_a_sunday(holidays: tuple[int, ...], inside: bool) -> None:
    """A Wednesday, which the third week spends as a Sunday."""
    values = week(FIVE_MINUTES, 0.35)
    wednesday = FIVE_MINUTES.times // DAY == 16
    values[wednesday] *= 0.35
    (band,) = seen(FIVE_MINUTES, values, holidays=holidays)
    share = band.share(2 * 24 + 9, 2 * 24 + 18)
    assert share < 0.02 if inside else share > 0.5


def test_a_day_moves_with_the_clocks() -> None:
    grid = FIVE_MINUTES
    back = 15
    local = grid.times - HOUR * (grid.times >= back * DAY + HOUR)
    office = (local % DAY >= 8 * HOUR) & (local % DAY < 18 * HOUR)
    (band,) = seen(grid, 20 + 60 * office + grid.noise(2), back=back)
    assert band.share(0, 7 * 24) < 0.01


def _lively(grid: Grid) -> FloatArray:
    return 50 + 2 * grid.noise(3)


def _constant(grid: Grid) -> FloatArray:
    return np.full(len(grid.times), 5.0)


@pytest.mark.parametrize(("before", "after"), [(_lively, _constant), (_constant, _lively)])
def test_a_new_level_is_accepted_after_half_a_day_with_the_spread_that_lies_there(
    before: Callable[[Grid], FloatArray], after: Callable[[Grid], FloatArray]
) -> None:
    grid = FIVE_MINUTES
    values = np.where(grid.hours < 6, before(grid), after(grid))
    spike = (grid.hours >= 60) & (grid.hours < 61)
    values[spike] += 30
    (band,) = seen(grid, values)
    assert band.share(6, 17.9) > 0.9
    assert band.share(18.2, 60) < 0.005
    assert band.share(60, 60.1) == 1, "its band is no wider than what lies there"


def test_a_return_to_the_former_level_is_accepted_within_31_minutes() -> None:
    band = of_minutes()["return"]
    assert band.share(4, 15.9) > 0.9 and band.share(16.1, 18) < 0.01
    assert band.share(18, 18.4) > 0.9
    assert band.share(18 + 32 / 60, 48) < 0.001


def test_a_fall_to_zero_is_outside_and_no_band_reaches_below_it() -> None:
    grid = FIVE_MINUTES
    rate = 60 + 50 * np.sin(2 * np.pi * (grid.times % DAY / HOUR - 8) / 24)
    values = np.random.default_rng(5).poisson(rate).astype(float)
    fallen = [(hour, hour + 0.5) for hour in (26.0, 62.0, 100.0)]
    for begin, end in fallen:
        values[(grid.hours >= begin) & (grid.hours < end)] = 0.0
    (band,) = seen(grid, values)
    assert all(band.share(begin, end) == 1 for begin, end in fallen)
    assert (band.lower >= 0).all()
