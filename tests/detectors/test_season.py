"""Calendar features, profiles and rhythms."""

import numpy as np
import pytest

from detectors.api import FloatArray
from detectors.season import (
    BEAT_SECONDS,
    BEATS,
    DAY,
    KNOT_SECONDS,
    KNOTS,
    MIN_BEAT_SAMPLES,
    RHYTHM_POWER,
    WEEK,
    Rhythm,
    features,
    fit_profile,
    fit_rhythm,
    known_features,
    profile_at,
    rhythm_at,
)


def test_features_repeat_with_the_week_and_stay_within_one() -> None:
    times = np.arange(0, WEEK, 3_600)
    assert np.allclose(features(times), features(times + WEEK), atol=1e-6)
    assert np.abs(features(times)).max() <= 1
    assert features(np.array([DAY // 4]))[0, 0] == pytest.approx(1.0)


def test_unknown_cycles_are_masked() -> None:
    assert known_features(np.array([0, DAY, WEEK])).tolist() == [
        [0] * 6,
        [1, 1, 1, 1, 0, 0],
        [1] * 6,
    ]


@pytest.mark.parametrize(("days", "period"), [(1, 0), (3, DAY), (20, DAY), (21, WEEK)])
def test_period_follows_the_history(days: int, period: int) -> None:
    times = np.arange(0, days * DAY, 600)
    values = np.ones((1, len(times)))
    profile, found = fit_profile(values, np.ones(values.shape, bool), times)
    assert found.tolist() == [period]
    assert profile.shape == (1, KNOTS) and (profile == 1).all()


def test_daily_shape_is_found_despite_an_incident_and_gaps() -> None:
    times = np.arange(0, 9 * DAY, 300)
    shape = np.sin(2 * np.pi * times / DAY)
    values = np.stack([shape, shape])
    values[1, 500:600] = 40
    kept = np.random.default_rng(0).random(values.shape) > 0.1
    profile, _ = fit_profile(values, kept, times)
    error = np.abs(profile_at(profile, times) - shape)
    assert error.max() < 0.08


def test_weekend_differs_when_three_weeks_are_known() -> None:
    times = np.arange(0, 3 * WEEK, 1_800)
    weekend = (times % WEEK) >= 5 * DAY
    values = np.where(weekend, 1.0, 3.0)[None]
    profile, _ = fit_profile(values, np.ones(values.shape, bool), times)
    assert np.array_equal(profile_at(profile, times)[0], values[0])


@pytest.mark.parametrize(
    ("weeks", "away", "learnt"),
    [
        (3, {2: 40.0}, 0.0),
        (3, {0: 40.0, 1: -40.0}, 0.0),
        (3, {0: 5.0, 2: 40.0}, 5.0),
        (4, {0: 5.0, 3: 40.0}, 0.0),
        (4, {0: 5.0, 1: 6.0, 2: 7.0}, 5.0),
    ],
)
def test_a_week_is_what_most_weeks_agree_on(
    weeks: int, away: dict[int, float], learnt: float
) -> None:
    """An afternoon of Saturday, in some of the weeks."""
    times = np.arange(0, weeks * WEEK, 600)
    values = np.zeros((1, len(times)))
    for week, height in away.items():
        values[0, (times >= week * WEEK + 5.5 * DAY) & (times < week * WEEK + 6 * DAY)] = height
    profile, period = fit_profile(values, np.ones(values.shape, bool), times)
    assert period.tolist() == [WEEK]
    assert profile_at(profile, np.array([int(5.75 * DAY)])).tolist() == [[learnt]]
    assert (profile_at(profile, times)[0, times % WEEK < 5 * DAY] == 0).all()


def test_what_a_week_lacks_is_as_on_other_days() -> None:
    times = np.arange(0, 3 * WEEK, 600)
    values = np.where(times % WEEK >= 5 * DAY, 3.0, times % DAY / DAY)[None]
    profile, _ = fit_profile(values, ((times % WEEK < 5 * DAY) | (times > 2 * WEEK))[None], times)
    assert profile_at(profile, np.array([5 * DAY + DAY // 2]))[0, 0] == pytest.approx(
        0.5, abs=0.02
    ), "one weekend only"


def test_a_summer_time_that_ends_with_the_last_week() -> None:
    times = np.arange(0, 4 * WEEK - 1_200, 600)
    local = times + 3_600 * (times < 4 * WEEK - 1_800)
    values = (local % WEEK >= 5 * DAY)[None].astype(float)
    profile, period = fit_profile(values, np.ones(values.shape, bool), local)
    assert period.tolist() == [WEEK] and np.abs(profile_at(profile, local) - values).mean() < 0.01


def test_hourly_samples_meet_their_own_knots() -> None:
    times = np.arange(0, 4 * DAY, 3_600)
    values = (times // 3_600 % 24).astype(float)[None]
    profile, _ = fit_profile(values, np.ones(values.shape, bool), times)
    assert np.array_equal(profile_at(profile, times), values)


def test_profile_is_straight_between_knots_and_around_the_week() -> None:
    profile = np.arange(KNOTS, dtype=np.float32)[None]
    assert profile_at(profile, np.array([KNOT_SECONDS // 2]))[0, 0] == 0.5
    assert profile_at(profile, np.array([WEEK - KNOT_SECONDS // 2]))[0, 0] == (KNOTS - 1) / 2


def _rhythm(
    sizes: FloatArray, period: int = DAY, beats: int = 1, kept: int | None = None
) -> Rhythm:
    """Of |residual| that is so large in each part of the day; all but `kept` samples of the first
    parts are missing."""
    times = np.arange(0, 4 * DAY, 300)
    beat = times % DAY // BEAT_SECONDS
    there = np.ones((1, len(times)), bool)
    if kept is not None:
        for part in range(beats):
            there[0, np.flatnonzero(beat == part)[kept:]] = False
    return fit_rhythm(sizes[beat][None], there, times, np.array([period]))


def test_a_rhythm_is_the_share_of_the_middle_and_not_wholly_believed() -> None:
    sizes = np.ones(BEATS)
    sizes[3] = 4.0
    sizes[7] = 0.5
    found = _rhythm(sizes)[0]
    assert found[3] == pytest.approx(4**RHYTHM_POWER) and found[7] == pytest.approx(
        0.5**RHYTHM_POWER
    )
    assert np.delete(found, [3, 7]).tolist() == [1.0] * (BEATS - 2)


def test_a_rhythm_has_bounds() -> None:
    sizes = np.ones(BEATS)
    sizes[0] = 1e6
    sizes[1] = 1e-6
    assert _rhythm(sizes)[0, :2] == pytest.approx([10**RHYTHM_POWER, 0.3**RHYTHM_POWER])


@pytest.mark.parametrize("sizes", [np.arange(1.0, BEATS + 1), np.zeros(BEATS)])
def test_no_season_or_no_noise_no_rhythm(sizes: FloatArray) -> None:
    assert (_rhythm(sizes, period=DAY if not sizes.any() else 0) == 1).all()


def test_a_part_of_the_day_with_few_samples_has_no_rhythm_of_its_own() -> None:
    sizes = np.ones(BEATS)
    sizes[0] = 4.0
    assert _rhythm(sizes, kept=MIN_BEAT_SAMPLES - 1)[0, 0] == 1.0
    assert _rhythm(sizes, kept=MIN_BEAT_SAMPLES)[0, 0] == pytest.approx(4**RHYTHM_POWER)
    assert (_rhythm(sizes, beats=BEATS, kept=MIN_BEAT_SAMPLES - 1) == 1).all()


def test_a_rhythm_is_straight_between_the_middles_of_its_parts_and_around_the_day() -> None:
    rhythm = np.arange(BEATS, dtype=np.float32)[None]
    middles = np.arange(BEATS) * BEAT_SECONDS + BEAT_SECONDS // 2
    assert rhythm_at(rhythm, middles).tolist() == [list(range(BEATS))]
    assert rhythm_at(rhythm, middles[:2] + BEAT_SECONDS // 4).tolist() == [[0.25, 1.25]]
    assert rhythm_at(rhythm, np.array([0, DAY, 9 * DAY])).tolist() == [
        [(BEATS - 1) / 2] * 3
    ]  # between last and first
