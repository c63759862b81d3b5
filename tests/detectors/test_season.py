"""Calendar features and profiles."""

import numpy as np
import pytest

from detectors.season import DAY, KNOT, KNOTS, WEEK, features, fit_profile, known_features, profile_at


def test_features_repeat_with_the_week_and_stay_within_one() -> None:
    times = np.arange(0, WEEK, 3_600)
    assert np.allclose(features(times), features(times + WEEK), atol=1e-6)
    assert np.abs(features(times)).max() <= 1
    assert features(np.array([DAY // 4]))[0, 0] == pytest.approx(1.0)


def test_unknown_cycles_are_masked() -> None:
    assert known_features(np.array([0, DAY, WEEK])).tolist() == [[0] * 6, [1, 1, 1, 1, 0, 0], [1] * 6]


@pytest.mark.parametrize(("days", "period"), [(1, 0), (3, DAY), (15, WEEK)])
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


def test_weekend_differs_when_two_weeks_are_known() -> None:
    times = np.arange(0, 3 * WEEK, 1_800)
    weekend = (times % WEEK) >= 5 * DAY
    values = np.where(weekend, 1.0, 3.0)[None]
    profile, _ = fit_profile(values, np.ones(values.shape, bool), times)
    assert np.array_equal(profile_at(profile, times)[0], values[0])


def test_hourly_samples_meet_their_own_knots() -> None:
    times = np.arange(0, 4 * DAY, 3_600)
    values = (times // 3_600 % 24).astype(float)[None]
    profile, _ = fit_profile(values, np.ones(values.shape, bool), times)
    assert np.array_equal(profile_at(profile, times), values)


def test_profile_is_straight_between_knots_and_around_the_week() -> None:
    profile = np.arange(KNOTS, dtype=np.float32)[None]
    assert profile_at(profile, np.array([KNOT // 2]))[0, 0] == 0.5
    assert profile_at(profile, np.array([WEEK - KNOT // 2]))[0, 0] == (KNOTS - 1) / 2
