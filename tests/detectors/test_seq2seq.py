"""A forecast of many steps, against what one would draw by hand."""

import numpy as np
import pytest
import torch

from detectors.api import FittedDetector, SeriesBatch
from detectors.checks import ALERT_BUDGET
from detectors.seq2seq import Seq2Seq

# 24 steps = 2 h
STEP = 300
DAY = 288
FIT = 12 * 288
AHEAD = 24


def _series(rows: int = 4) -> SeriesBatch:
    """A day, and noise with memory."""
    rng = np.random.default_rng(5)
    steps = FIT + 2 * DAY
    column = np.arange(steps)
    noise = rng.normal(size=(rows, steps))
    for t in range(1, steps):
        noise[:, t] += 0.9 * noise[:, t - 1]
    values = 100 + 20 * np.sin(2 * np.pi * column / DAY) + noise
    return SeriesBatch(values, np.ones(values.shape, bool), 1_760_054_400, STEP)


@pytest.fixture(scope="module")
def fitted() -> FittedDetector:
    torch.set_num_threads(1)
    return Seq2Seq(horizon=AHEAD).fit(_series().steps(0, FIT), alert_budget=ALERT_BUDGET)


def test_two_hours_ahead_it_beats_the_day_before(fitted: FittedDetector) -> None:
    batch = _series()
    ours = []
    naive = []
    for origin in range(FIT, FIT + 2 * DAY - AHEAD, 2 * AHEAD):
        truth = batch.values[:, origin : origin + AHEAD]
        ours.append(
            np.abs(fitted.forecast(batch.steps(0, origin), AHEAD).expected - truth).mean(axis=1)
        )
        naive.append(
            np.abs(batch.values[:, origin - DAY : origin - DAY + AHEAD] - truth).mean(axis=1)
        )
    assert np.mean(ours) < 0.85 * np.mean(naive)


def test_a_forecast_begins_near_the_last_samples_and_ends_at_the_trend(
    fitted: FittedDetector,
) -> None:
    batch = _series()
    values = batch.values.copy()
    values[:, FIT - 6 : FIT] += 3.0
    moved = SeriesBatch(values, batch.observed, batch.start, STEP).steps(0, FIT)
    gain = (
        fitted.forecast(moved, 4 * AHEAD).expected
        - fitted.forecast(batch.steps(0, FIT), 4 * AHEAD).expected
    )
    assert np.median(gain[:, 0]) > 1.5
    assert np.median(gain[:, -1]) < 0.5 * np.median(gain[:, 0])
