"""The series that `detectors.checks` fits and scores."""

import numpy as np

from detectors.api import SeriesBatch

STEP = 300
START = 1_760_000_100 // STEP * STEP
FIT_SAMPLES = 1_600  # that a detector is fitted on
ALL_SAMPLES = 2_000


def synthetic(rows: int = 3, steps: int = ALL_SAMPLES, seed: int = 7) -> SeriesBatch:
    """Quiet daily shapes with noise of their own, a few gaps, a holiday, and some samples not to be
    learnt from."""
    rng = np.random.default_rng(seed)
    times = START + STEP * np.arange(steps)
    day = np.sin(2 * np.pi * times / 86_400 + np.arange(rows)[:, None])
    noise = rng.normal(size=(rows, steps))
    noise[:, 1:] += 0.6 * noise[:, :-1]
    values = (10.0 ** np.arange(rows))[:, None] * (50 + 10 * day + noise)
    observed = rng.random((rows, steps)) > 0.02
    observed[:, steps // 2 : steps // 2 + 20] = False
    usable = np.ones((rows, steps), bool)
    usable[:, steps // 3 : steps // 3 + 10] = False
    holiday = times // 86_400 == times[steps // 2] // 86_400
    values = np.where(observed, values, np.nan)
    return SeriesBatch(values, observed, START, STEP, usable, holiday=holiday)


def odd_series() -> SeriesBatch:
    """Flat, all zero, rare bursts, whole numbers, huge counters, one incident in a flat line,
    nearly all missing."""
    rng = np.random.default_rng(3)
    rows = [
        np.full(ALL_SAMPLES, 5.0),
        np.zeros(ALL_SAMPLES),
        np.where(rng.random(ALL_SAMPLES) < 0.01, 7.0, 0.0),
        rng.poisson(3, ALL_SAMPLES) * 1.0,
        1e15 + rng.normal(0, 1e3, ALL_SAMPLES),
        np.where(np.arange(ALL_SAMPLES) // 50 == 10, 9.0, 5.0),
        rng.normal(0, 1e-9, ALL_SAMPLES),
    ]
    values = np.stack(rows)
    observed = np.ones(values.shape, bool)
    observed[3] = rng.random(ALL_SAMPLES) < 0.3
    return SeriesBatch(np.where(observed, values, np.nan), observed, START, STEP)
