"""Robust centre, scale and resolution."""

import numpy as np
import pytest

from detectors.scaling import fit_scale, quantile


def _all(values: np.ndarray) -> np.ndarray:
    return np.ones(values.shape, bool)


def test_quantile_skips_what_is_not_kept() -> None:
    values = np.array([[1.0, 2.0, 3.0, 99.0], [4.0, 99.0, 99.0, 99.0], [99.0] * 4])
    kept = values < 99
    assert quantile(values, kept, 0.5).tolist()[:2] == [2.0, 4.0]
    assert quantile(values, kept, 0.75)[0] == 2.5
    assert np.isnan(quantile(values, kept, 0.5)[2])


def test_normal_noise_has_its_sigma_despite_outliers() -> None:
    values = np.random.default_rng(0).normal(50, 3, (1, 20_000))
    values[0, ::50] = 1e6
    scale = fit_scale(values, _all(values))
    assert scale.scale[0] == pytest.approx(3, rel=0.05)
    assert scale.centre[0] == pytest.approx(50, rel=0.01)
    assert scale.resolution[0] == 0


@pytest.mark.parametrize(("level", "expected"), [(5.0, 5e-3), (0.0, 1e-6), (-200.0, 0.2)])
def test_constant_series_get_a_share_of_their_level(level: float, expected: float) -> None:
    values = np.full((1, 50), level)
    scale = fit_scale(values, _all(values))
    assert scale.scale[0] == pytest.approx(expected)
    assert scale.resolution[0] == pytest.approx(expected)


def test_sparse_series_are_scaled_by_their_bursts() -> None:
    values = np.zeros((1, 1000))
    values[0, ::100] = 50.0
    scale = fit_scale(values, _all(values))
    assert scale.scale[0] == pytest.approx(0.5)  # mean distance from the median
    assert scale.resolution[0] == 50.0


def test_whole_numbers_have_resolution_one() -> None:
    values = np.random.default_rng(1).poisson(20, (1, 500)).astype(float)
    assert fit_scale(values, _all(values)).resolution[0] == 1.0


def test_empty_row_is_finite() -> None:
    scale = fit_scale(np.full((1, 4), np.nan), np.zeros((1, 4), bool))
    assert np.isfinite(scale.centre).all() and (scale.scale > 0).all()
