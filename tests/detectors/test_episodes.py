"""What opens and ends an alarm, and its score meanwhile, drawn by hand and against a slow loop."""

import time

import numpy as np
import pytest

from detectors.episodes import episode_scores, hold_seconds, hold_steps

NAN = np.nan


@pytest.mark.parametrize(
    ("step", "steps"), [(15, 120), (60, 30), (70, 26), (300, 6), (3600, 6), (86_400, 6)]
)
def test_the_hold_is_half_an_hour_and_at_least_six_steps(step: int, steps: int) -> None:
    assert hold_steps(step) == steps and hold_seconds(step) == steps * step >= 1800


def test_an_open_alarm_has_its_highest_score_until_the_hold_is_over() -> None:
    score = np.array([0.5, 1.5, 0.2, 3.0, 0.1, 2.0, *[0.1] * 7, 0.6, 0.3])
    held = [0.5, 1.5, 1.5, 3.0, 3.0, 3.0, *[3.0] * 5, 0.1, 0.1, 0.6, 0.6]
    assert episode_scores(score, 600).tolist() == held


def test_time_passes_without_samples() -> None:
    score = np.array([2.0, NAN, NAN, 0.2, NAN, NAN, NAN, 0.1, NAN])
    np.testing.assert_array_equal(
        episode_scores(score, 600), [2.0, NAN, NAN, 2.0, NAN, NAN, NAN, 0.2, NAN]
    )
    assert episode_scores(np.empty(0), 60).tolist() == []


@pytest.mark.parametrize("step", [15, 60, 300])
def test_a_loop_says_the_same(step: int) -> None:
    rng = np.random.default_rng(step)
    score = np.where(rng.random(3000) < 0.1, NAN, rng.exponential(0.22, 3000))
    steps = hold_steps(step)
    peak = last = -np.inf
    expected = []
    for at, own in enumerate(score):
        if own > 1:
            peak = max(peak, own)
            last = at
        elif at - last >= steps:
            peak = -np.inf
        recent = score[max(0, at - steps + 1) : at + 1]
        calm = np.nanmax(recent) if not np.isnan(own) else NAN
        expected.append(max(peak, calm) if not np.isnan(own) else NAN)
    found = episode_scores(score, step)
    np.testing.assert_array_equal(found, expected)
    assert (found[score > 1] >= score[score > 1]).all()


def test_two_weeks_of_a_minute_take_milliseconds() -> None:
    score = np.random.default_rng(0).exponential(0.2, 20_000)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        episode_scores(score, 15)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.01
