"""Flat, sparse, bursty, quantised, all-zero and stuck series have a sane band; a lively one has it
through incidents.

Hours count from the end of the history. The budget is one alarm a week, so four quiet days have
none.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detectors.api import FloatArray, SeriesBatch
from detectors.baseline import Baseline
from detectors.vae import VAE
from tests import odd_series as odd
from tests.odd_series import END, Grid, Judged, judged, quiet, troubled

GRIDS = pytest.mark.parametrize("step", [60, 300])
_judged: dict[tuple[int, Callable[[Grid], dict[str, FloatArray]]], dict[str, Judged]] = {}


def of(step: int, rows: Callable[[Grid], dict[str, FloatArray]]) -> dict[str, Judged]:
    """All rows at once; one fit serves many tests."""
    if (step, rows) not in _judged:
        grid = Grid(step)
        _judged[step, rows] = judged(Baseline(), grid, rows(grid))
    return _judged[step, rows]


@GRIDS
@pytest.mark.parametrize("name", quiet(Grid(3_600)))
def test_no_alarm_in_four_quiet_days(step: int, name: str) -> None:
    series = of(step, quiet)[name]
    assert series.flagged(0, END) == 0
    live = slice(series.grid.live, None)
    assert np.isfinite(series.upper[live]).all() and (series.lower < series.upper)[live].all()


@GRIDS
@pytest.mark.parametrize(
    ("name", "widest"),
    [
        ("flat", 0.03),
        ("zero", 1e-5),
        ("lively", 80.0),
        ("sparse", 90.0),
        ("mostly_missing", 80.0),
        ("quantised", 15.0),
        ("counted", 25.0),
        ("bursty", 600.0),
    ],
)
def test_the_band_is_no_wider_than_its_series_needs(step: int, name: str, widest: float) -> None:
    assert of(step, quiet)[name].width(0, END) < widest


@GRIDS
@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("flat", 36, 40),
        ("zero", 36, 40),
        ("sparse", 36, 48),
        ("mostly_missing", 36, 42),
        ("bursty", 50, 50.25),
        ("quantised", 36, 37),
        ("counted", 36, 37),
        ("shift", 30, 34),
        ("drop", 38, 42),
    ],
)
def test_a_clear_change_is_seen_within_three_samples_and_for_as_long_as_it_lasts(
    step: int, name: str, begin: float, end: float
) -> None:
    series = of(step, troubled)[name]
    assert series.flagged(begin, end) > 0.95 and series.flagged(0, begin) == 0
    changed = series.alarm[series.grid.during(begin, end)][
        np.isfinite(series.value[series.grid.during(begin, end)])
    ]
    assert changed[:3].any()
    assert (
        series.flagged(end + (4 if name == "mostly_missing" else 1), END) == 0
    )  # it remembers samples, not hours


@GRIDS
def test_a_missing_peak_is_flagged_while_much_is_missing(step: int) -> None:
    series = of(step, troubled)["peakless"]
    assert series.flagged(35.5, 42.5) > 0.95  # half of the peak and more
    assert (series.expected - series.value)[
        series.grid.during(36, 42)
    ].min() > 30  # it shows what should be there
    assert series.flagged(52, END) == 0


@GRIDS
def test_a_ramp_is_seen_before_it_is_over(step: int) -> None:
    series = of(step, troubled)["ramp"]
    assert series.first(30) < 1.5 and series.flagged(31.5, 33) > 0.9
    assert series.flagged(34, END) == 0


@pytest.mark.parametrize(
    ("step", "name", "begin", "end"),
    [(60, "stuck_an_hour", 26.5, 27.5), (60, "stuck", 25.5, 28.5), (300, "stuck", 25.5, 28.5)],
)
def test_a_stuck_value_is_flagged_until_it_moves_again(
    step: int, name: str, begin: float, end: float
) -> None:
    """Within half an hour at a minute; twenty samples are the least, so at five minutes an hour is
    too short."""
    series = of(step, troubled)[name]
    assert series.first(begin) <= 22 * step / 3_600
    assert series.flagged(begin + series.first(begin) + 0.01, end - 2 * step / 3_600) > 0.9
    assert series.flagged(0, begin) == 0 and series.flagged(end, END) == 0


@GRIDS
def test_a_new_regime_is_flagged_for_half_a_day_and_then_accepted(step: int) -> None:
    series = of(step, troubled)["regime"]
    assert series.flagged(30, 40) > 0.98
    assert series.flagged(43, END) == 0
    assert (
        abs((series.value - series.expected)[series.grid.during(66, END)]).mean() < 5
    )  # the noise alone


@GRIDS
def test_a_counter_of_which_nobody_took_the_rate_alarms_when_it_starts_anew(step: int) -> None:
    series = of(step, troubled)["counter"]
    assert series.flagged(0, 60) == 0 and series.flagged(60, 66) == 1
    assert series.flagged(73, END) == 0


@GRIDS
def test_the_band_widens_in_a_long_gap_and_no_storm_follows(step: int) -> None:
    series = of(step, troubled)["gap"]
    assert np.isnan(series.score[series.grid.during(24, 44)]).all()
    assert series.width(40, 44) > 1.5 * series.width(0, 24)
    assert series.flagged(44, END) == 0
    assert series.width(47, END) < 1.2 * series.width(0, 24)


@GRIDS
def test_the_clock_may_change(step: int) -> None:
    """The day of a service that lives by local time begins an hour earlier from the second day
    on."""
    grid = Grid(step)
    summer = grid.hours >= 24
    values = (odd.daily(grid.hours + summer) + 4 * odd.noise(grid.steps, 1))[None]
    batch = SeriesBatch(values, np.ones(values.shape, bool), odd.START, step)
    local = replace(batch, utc_offset=np.where(summer, 3_600, 0))
    knows, does_not = (
        Baseline().fit(each.steps(0, grid.live), alert_budget=odd.BUDGET).score(each).anomaly
        for each in (local, batch)
    )
    assert (knows[:, grid.live :] <= 1).all()
    after = grid.during(24, 48)
    assert knows[:, after].mean() < 0.8 * does_not[:, after].mean()


def test_bursts_that_alarmed_at_first_are_learnt_all_the_same() -> None:
    """Past alarms are left out of a calibration; if that hid habitual bursts from it, they would
    alarm for ever."""
    grid = Grid(300)
    values = odd.bursty(grid)[None]
    batch = SeriesBatch(
        values, np.ones(values.shape, bool), odd.START, grid.step, alarmed=values > 0
    )
    anomaly = (
        Baseline().fit(batch.steps(0, grid.live), alert_budget=odd.BUDGET).score(batch).anomaly
    )
    assert (anomaly[:, grid.live :] <= 1).all()


def test_a_network_keeps_them_too() -> None:
    grid = Grid(300)
    rows = {name: troubled(grid)[name] for name in ("bursty", "shift")}
    series = judged(VAE(steps=60), grid, rows)
    assert series["bursty"].flagged(0, 50) == 0 and series["bursty"].flagged(50, 50.25) == 1
    assert series["shift"].flagged(30, 34) > 0.9
    assert series["shift"].flagged(0, 30) == 0 and series["shift"].flagged(35, END) == 0
    assert series["bursty"].flagged(51, END) == 0
