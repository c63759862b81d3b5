"""Season, slow level and slow spread: what they follow and what they do not."""

import numpy as np
import pytest

from detectors.api import SeriesBatch
from detectors.trend import Course, fit_trend, follow

STEP = 300
HOUR = 3_600 // STEP


def _batch(values: np.ndarray) -> SeriesBatch:
    return SeriesBatch(values, ~np.isnan(values), 0, STEP)


def _noise(steps: int = 4_000) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (1, steps))


def _course(values: np.ndarray) -> Course:
    batch = _batch(values)
    quiet = _batch(_noise())
    return follow(fit_trend(quiet, quiet.observed), batch, None)


def test_spread_is_the_sigma_of_normal_noise() -> None:
    course = _course(_noise())
    trend_scale = np.subtract(*np.quantile(_noise(), (0.75, 0.25))) / 1.349
    assert np.median(course.spread) * trend_scale == pytest.approx(1.0, rel=0.1)
    assert np.median(np.abs(course.deviation)) == pytest.approx(0.67, rel=0.1)


def test_an_incident_of_two_hours_hardly_moves_the_level() -> None:
    values = _noise()
    values[0, 2_000:2_000 + 2 * HOUR] += 50
    course = _course(values)
    assert course.expected[0, 2_000 + 2 * HOUR] - course.expected[0, 2_000] < 3.0


def test_a_new_regime_is_accepted_within_a_day() -> None:
    values = _noise()
    values[0, 2_000:] += 50
    course = _course(values)
    assert course.expected[0, 2_000 + 4 * HOUR] < 25
    assert course.expected[0, 2_000 + 24 * HOUR] > 45


def test_gaps_and_unusable_samples_steer_nothing() -> None:
    values = _noise()
    wild = values.copy()
    wild[0, 1_000:1_100] = 1e6
    usable = np.ones(values.shape, bool)
    usable[0, 1_000:1_100] = False
    quiet = _batch(values)
    trend = fit_trend(quiet, quiet.observed)
    courses = []
    for observed in (usable, np.ones(values.shape, bool)):
        courses.append(follow(trend, SeriesBatch(wild, observed, 0, STEP, usable), None))
    assert np.array_equal(courses[0].expected, courses[1].expected)
    assert np.array_equal(courses[0].spread, courses[1].spread)
    assert (courses[0].deviation[0, 1_000:1_100] == 0).all()
    assert (courses[1].deviation[0, 1_000:1_100] > 1e3).all()  # scored all the same


@pytest.mark.parametrize("level", [0.0, 7.0, -1e12])
def test_a_flat_line_has_a_positive_spread(level: float) -> None:
    batch = _batch(np.full((1, 500), level))
    course = follow(fit_trend(batch, batch.observed), batch, None)
    assert (course.spread > 0).all() and (course.deviation == 0).all()
