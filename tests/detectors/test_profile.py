"""The shape of the week, from coarse to fine."""

import numpy as np
import pytest

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.profile import (
    PROFILE_COLUMNS,
    WEEK_KNOTS,
    Profile,
    fit_profile,
    jitter_at,
    profile_at,
)
from detectors.season import DAY, WEEK
from detectors.votes import KNOTS
from tests.detectors.clocks import SATURDAY, clock_of

HOUR = 3_600


def _fit(
    values: FloatArray, times: IntArray, mask: BoolArray | None = None
) -> tuple[Profile, IntArray]:
    mask = np.ones(values.shape, bool) if mask is None else mask
    return fit_profile(values, mask, clock_of(times, int(times[1] - times[0])))


def _at(profile: Profile, times: IntArray, step: int = 300) -> FloatArray:
    return profile_at(profile, clock_of(times, step))[0]


def _times(days: float, step: int = 300) -> IntArray:
    return np.arange(0, int(days * DAY), step)


def _off(times: IntArray) -> BoolArray:
    return np.isin(times // DAY % 7, (2, 3))


@pytest.mark.parametrize(("days", "period"), [(1, 0), (2, DAY), (20, DAY)])
def test_a_day_is_known_from_two(days: int, period: int) -> None:
    times = _times(days, 600)
    profile, found = _fit(np.ones((1, len(times))), times)
    assert found.tolist() == [period] and profile.shape == (1, PROFILE_COLUMNS)
    assert (_at(profile, times, 600) == 1).all()


@pytest.mark.parametrize(("days", "period"), [(13, DAY), (14, WEEK)])
def test_weekends_are_known_from_two_weeks(days: int, period: int) -> None:
    times = _times(days, 1_800)
    shape = np.where(_off(times), 1.0, 3.0 + times % DAY // HOUR)
    profile, found = _fit(shape[None], times)
    assert found.tolist() == [period]
    assert np.abs(_at(profile, times, 1_800) - shape).max() < 0.01 or days < 14


def test_a_shape_is_found_despite_an_incident_and_gaps() -> None:
    times = _times(9)
    shape = np.sin(2 * np.pi * times / DAY)
    values = np.stack([shape, shape])
    values[1, 500:600] = 40
    kept = np.random.default_rng(0).random(values.shape) > 0.1
    profile, _ = _fit(values, times, kept)
    assert np.abs(profile_at(profile, clock_of(times, 300)) - shape).max() < 0.08


def test_a_deployment_is_no_part_of_the_shape() -> None:
    times = _times(10)
    values = np.sin(2 * np.pi * times / DAY) + 10.0 * (times > 6 * DAY + 10 * HOUR)
    profile, _ = _fit(values[None], times)
    shape = _at(profile, times[:288])
    assert np.ptp(shape) < 2.5, "it has no step at ten o'clock"
    assert shape.mean() == pytest.approx(10, abs=0.5), "it lies at the level of the last days"


@pytest.mark.parametrize(
    ("away", "learnt"),
    [
        ({3: 40.0}, 0.0),
        ({0: 40.0, 1: -40.0}, 0.0),
        ({0: 5.0, 3: 40.0}, 0.0),
        ({0: 5.0, 1: 5.0, 2: 5.0}, 5.0),  # of four votes and that of zero, three
        ({0: 5.0, 1: 5.5, 2: 6.0, 3: 6.5}, 5.5),  # of two in the middle, the nearer one
    ],
)
def test_a_weekday_is_what_most_of_its_days_agree_on(away: dict[int, float], learnt: float) -> None:
    """An afternoon of Saturday, in some of four weeks."""
    times = _times(28, 600)
    values = np.zeros((1, len(times)))
    for week, height in away.items():
        noon = week * WEEK + SATURDAY + DAY // 2
        values[0, (times >= noon) & (times < noon + 6 * HOUR)] = height
    profile, _ = _fit(values, times)
    assert _at(profile, np.array([SATURDAY + 15 * HOUR]), 600).tolist() == [learnt]
    assert (_at(profile, times[~_off(times)], 600) == 0).all()


def test_what_noise_makes_of_a_weekday_is_not_believed() -> None:
    times = _times(21)
    values = np.random.default_rng(0).normal(0, 1, (20, len(times)))
    profile, _ = _fit(values, times)
    week = profile[:, :WEEK_KNOTS].reshape(20, 7, KNOTS)
    assert (week == week[:, :1]).mean() > 0.98
    assert (profile[:, WEEK_KNOTS:] == 0).mean() > 0.98


def test_bursts_at_no_fixed_time_are_no_shape() -> None:
    rng = np.random.default_rng(6)
    times = _times(14, 60)
    values = np.zeros((1, len(times)))
    for first in np.flatnonzero(rng.random(len(times)) < 12 / 1440):
        values[0, first : first + 6] = 100.0
    profile, _ = _fit(values, times)
    assert (profile == 0).mean() > 0.995


@pytest.mark.parametrize("step", [60, 300, 600])
def test_a_job_is_a_detail_of_its_own_slots(step: int) -> None:
    times = _times(10, step)
    job = (times % DAY >= 2 * HOUR) & (times % DAY < 2 * HOUR + 600)
    values = np.random.default_rng(0).normal(0, 1, (1, len(times))) + 30.0 * job
    found = _at(_fit(values, times)[0], times, step)
    assert found[job].min() > 27 and np.abs(found[~job]).max() < 3


def test_hourly_samples_meet_their_own_knots() -> None:
    times = _times(4, HOUR)
    values = (times // HOUR % 24).astype(float)[None]
    assert np.array_equal(_at(_fit(values, times)[0], times, HOUR), values[0])


def test_an_edge_is_wide_within_the_jitter_and_only_there() -> None:
    profile = np.zeros((1, PROFILE_COLUMNS), np.float32)
    profile[0, WEEK_KNOTS + 24 : WEEK_KNOTS + 26] = 30.0  # two o'clock, on working days
    times = np.arange(0, DAY, 60)
    below, above = (side[0] for side in jitter_at(profile, clock_of(times, 60)))
    minutes = times // 60
    before, after = ((minutes >= first) & (minutes < first + 2) for first in (118, 130))
    assert (above == np.where(before | after, 30.0, 0.0)).all()
    inside = ((minutes >= 120) & (minutes < 122)) | ((minutes >= 128) & (minutes < 130))
    assert (below == np.where(inside, 30.0, 0.0)).all()


def test_a_day_of_another_kind_begins_at_midnight() -> None:
    profile = np.zeros((1, PROFILE_COLUMNS), np.float32)
    profile[0, 2 * KNOTS : 4 * KNOTS] = 8.0
    times = SATURDAY + np.array([-60, 0, 2 * DAY - 60, 2 * DAY])
    assert _at(profile, times, 60).tolist() == [0.0, 8.0, 8.0, 0.0]


def test_a_profile_is_straight_between_the_middles_of_its_half_hours() -> None:
    profile = np.zeros((1, PROFILE_COLUMNS), np.float32)
    profile[0, :KNOTS] = np.arange(KNOTS)
    at = np.array([1_800, 1_800 + 900, 1_800 + 1_800]) - 150  # a sample lies in its middle
    assert _at(profile, at).tolist() == [0.5, 1.0, 1.5]


def test_a_summer_time_that_ends_leaves_the_weekends() -> None:
    times = _times(21, 600)
    local = times + 3_600 * (times < 20 * DAY)
    values = _off(local)[None] * 9.0
    profile, period = fit_profile(values, np.ones(values.shape, bool), clock_of(local, 600))
    assert period.tolist() == [WEEK] and np.abs(_at(profile, local, 600) - values).mean() < 0.05
