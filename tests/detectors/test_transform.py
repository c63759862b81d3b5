"""The scale on which a series is judged: there and back, and which one is chosen."""

import numpy as np
import pytest

from detectors.api import FloatArray
from detectors.scaling import fit_scale
from detectors.season import DAY
from detectors.transform import LINEAR, LOG, ROOT, Transform, fit_transform
from tests.detectors.clocks import clock_of

STEP = 600
DAYS = 10
RNG_SEEDS = (0, 1, 2)


@pytest.mark.parametrize("power", [LINEAR, ROOT, LOG])
def test_there_and_back(power: float) -> None:
    transform = Transform(np.array([power]), np.array([0.5]))
    values = np.array([[0.0, 1e-3, 1.0, 7.5, 1e9]])
    assert transform.inverse(transform.forward(values)) == pytest.approx(
        values, rel=1e-12, abs=1e-9
    )


def test_below_zero_is_zero_but_on_the_scale_of_the_series() -> None:
    transform = Transform(np.array([LINEAR, ROOT, LOG]), np.array([0.0, 1.0, 1.0]))
    values = np.full((3, 1), -5.0)
    assert transform.inverse(transform.forward(values)).tolist() == [[-5.0], [0.0], [0.0]]
    assert transform.inverse(np.full((3, 1), -1e3)).tolist() == [[-1e3], [0.0], [0.0]]


def test_what_is_not_known_stays_so_and_nothing_overflows() -> None:
    transform = Transform(np.array([LINEAR, ROOT, LOG]), np.array([0.0, 1.0, 1.0]))
    assert np.isnan(transform.inverse(np.full((3, 1), np.nan))).all()
    assert np.isnan(transform.forward(np.full((3, 1), np.nan))).all()
    assert np.isfinite(transform.inverse(np.full((3, 1), 1e6))).all()


def _chosen(values: FloatArray) -> float:
    times = np.arange(values.shape[1]) * STEP
    mask = ~np.isnan(values)
    scale = fit_scale(values, mask)
    return float(fit_transform(values, mask, clock_of(times, STEP), scale).power[0])


def _daily(low: float, high: float) -> FloatArray:
    hour = np.arange(DAYS * DAY // STEP) * STEP % DAY / 3_600
    return (low + (high - low) * (0.5 - 0.5 * np.cos(2 * np.pi * hour / 24)) ** 2)[None]


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_counts_are_judged_by_their_root(seed: int) -> None:
    values = np.random.default_rng(seed).poisson(_daily(10, 500)).astype(float)
    assert _chosen(values) == ROOT


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_noise_that_is_added_leaves_the_scale(seed: int) -> None:
    shape = _daily(20, 200)
    assert _chosen(shape + np.random.default_rng(seed).normal(0, 3, shape.shape)) == LINEAR


@pytest.mark.parametrize("seed", RNG_SEEDS)
def test_noise_that_multiplies_is_judged_by_its_logarithm(seed: int) -> None:
    shape = _daily(1, 200)
    assert _chosen(shape * np.exp(np.random.default_rng(seed).normal(0, 0.3, shape.shape))) == LOG


def test_what_is_negative_or_never_moves_is_judged_as_it_is() -> None:
    shape = _daily(1, 200)
    values = shape * np.exp(np.random.default_rng(0).normal(0, 0.3, shape.shape))
    values[0, 700] = -1.0
    assert _chosen(values) == _chosen(np.full(shape.shape, 7.0)) == LINEAR
    assert _chosen(np.full(shape.shape, np.nan)) == LINEAR, "nothing is known"


def test_what_was_zero_has_no_logarithm() -> None:
    shape = _daily(1, 200)
    values = shape * np.exp(np.random.default_rng(0).normal(0, 0.3, shape.shape))
    values[0, 700] = 0.0
    assert _chosen(values) == ROOT
