"""What the networks promise beyond the contract: no drift, gaps that widen, small models, warm
starts."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from detectors.api import (
    Band,
    DetectorError,
    FittedDetector,
    FloatArray,
    NotEnoughData,
    SeriesBatch,
)
from detectors.baseline import Baseline
from detectors.check_series import FIT_SAMPLES, synthetic
from detectors.checks import ALERT_BUDGET
from detectors.registry import detector_named
from detectors.stepping import MAX_AGE_STEPS, ages
from detectors.trend import Trend
from detectors.trend_walk import follow

NETWORKS = ("autoencoder", "lstm", "seq2seq", "vae")
NAMES = ("auto", "baseline", *NETWORKS)


@pytest.fixture(scope="module", params=NAMES)
def fitted(request: pytest.FixtureRequest) -> FittedDetector:
    torch.set_num_threads(1)
    return detector_named(request.param, {}).fit(
        synthetic().steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET
    )


def test_band_of_a_long_run_does_not_drift(fitted: FittedDetector) -> None:
    long = synthetic(steps=20_000)
    band = fitted.score(long).band
    width = band.upper - band.lower
    early = width[:, 2_000:4_000].mean(axis=1)
    late = width[:, -2_000:].mean(axis=1)
    assert (np.abs(late / early - 1) < 0.1).all()
    error = np.where(long.observed, long.values, np.nan) - band.expected
    early, late = (
        np.nanmedian(np.abs(part), axis=1) for part in (error[:, 2_000:4_000], error[:, -2_000:])
    )
    assert (np.abs(late / early - 1) < 0.15).all()


def in_spreads(fitted: Any, batch: SeriesBatch, band: Band) -> FloatArray:
    """[S, T] the width of a band without what the time of the day makes of it."""
    trend: Trend = fitted.trend
    view = follow(trend, batch, None)
    scaled = (band.upper - band.lower) / trend.scale[:, None]
    return np.asarray((scaled - view.below - view.above) / view.spread)


def test_band_widens_through_a_gap_and_recovers(fitted: FittedDetector) -> None:
    batch = synthetic()
    observed = batch.observed.copy()
    observed[:, 1_700:1_800] = False
    gone = SeriesBatch(batch.values, observed, batch.start, batch.step)
    width = in_spreads(fitted, gone, fitted.score(gone).band)
    quantum = width[:, 1_701:1_800].max() * 0.01  # rounding
    assert (np.diff(width[:, 1_701:1_800], axis=1) > -quantum).all()
    assert (width[:, 1_799] > width[:, 1_699]).all()
    assert (width[:, 1_799] < 10 * width[:, 1_699]).all()
    assert (width[:, 1_850] < 1.1 * width[:, 1_799]).all()


def test_a_day_without_samples_ends_at_the_trend(fitted: FittedDetector) -> None:
    batch = synthetic()
    observed = batch.observed.copy()
    observed[:, 1_650:1_950] = False  # 25 hours
    gone = SeriesBatch(batch.values, observed, batch.start, batch.step)
    band = fitted.score(gone).band
    trend = Baseline().fit(batch.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET).score(gone).band
    width = (band.upper - band.lower)[:, 1_649:1_950]
    late = slice(1_800, 1_950)
    off = np.abs(band.expected - trend.expected)[:, late] / (trend.upper - trend.lower)[:, late]
    assert off.max() < 0.5
    assert (width[:, -1] > 1.2 * width[:, 0]).all() and (width[:, -1] < 10 * width[:, 0]).all()


def test_forecast_is_the_band_of_a_gap(fitted: FittedDetector) -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    ahead = fitted.forecast(batch, 24)
    later = synthetic().steps(FIT_SAMPLES, FIT_SAMPLES + 24)
    width = in_spreads(fitted, replace(later, observed=np.zeros(later.shape, bool)), ahead)
    assert (np.diff(width, axis=1) >= -0.01 * width[:, 1:]).all()
    truth = synthetic().values[:, FIT_SAMPLES : FIT_SAMPLES + 24]
    inside = (truth >= ahead.lower) & (truth <= ahead.upper) | np.isnan(truth)
    assert inside.mean() > 0.95


def test_a_model_fits_in_its_budget_of_bytes(fitted: FittedDetector) -> None:
    assert sum(array.nbytes for array in fitted.state.values()) / 3 <= 22 * 1024


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_beat_the_baseline_on_noise_with_memory(name: str) -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    control = Baseline().fit(batch, alert_budget=ALERT_BUDGET)
    network = detector_named(name, {}).fit(batch, alert_budget=ALERT_BUDGET)
    assert (network.loss / control.loss).mean() < 0.98


@pytest.mark.parametrize("name", NETWORKS)
def test_a_prior_of_another_spec_is_refused(name: str) -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    small = detector_named(name, {"hidden": 8, "steps": 2}).fit(batch, alert_budget=ALERT_BUDGET)
    with pytest.raises(DetectorError, match="prior"):
        detector_named(name, {}).fit(batch, small.state, alert_budget=ALERT_BUDGET)


def test_baseline_serves_from_eight_samples() -> None:
    values = np.array([[5.0, 6, 5, 7, 6, 5, 6, 7]])
    fitted = Baseline().fit(SeriesBatch(values, values > 0, 0, 60), alert_budget=ALERT_BUDGET)
    band = fitted.score(SeriesBatch(values, values > 0, 480, 60)).band
    assert (band.lower < values).all() and (values < band.upper).all()
    with pytest.raises(NotEnoughData, match="fewer than 8 samples.*the shortest 7") as caught:
        Baseline().fit(
            SeriesBatch(values[:, :7], values[:, :7] > 0, 0, 60), alert_budget=ALERT_BUDGET
        )
    assert caught.value.rows == (0,)


def test_young_rows_in_old_company_are_fitted() -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    observed = batch.observed.copy()
    observed[1, :1_200] = False
    mixed = SeriesBatch(batch.values, observed, batch.start, batch.step)
    fitted = detector_named("lstm", {"steps": 20}).fit(mixed, alert_budget=ALERT_BUDGET)
    assert np.isfinite(fitted.loss).all()


def test_ages_by_hand() -> None:
    seen = np.array([[False, True, False, False, True]])
    age, after = ages(seen, None)
    assert age.tolist() == [[MAX_AGE_STEPS, MAX_AGE_STEPS, 1.0, 2.0, 3.0]]
    assert after.tolist() == [1.0]
    assert ages(seen[:, 2:], np.array([1.0]))[0].tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize("step", [15, 3_600])
@pytest.mark.parametrize("name", NAMES)
def test_any_step_from_a_quarter_of_a_minute_to_an_hour(name: str, step: int) -> None:
    batch = synthetic(rows=2)
    other = SeriesBatch(batch.values, batch.observed, batch.start // 3_600 * 3_600, step)
    fitted = detector_named(name, {}).fit(other.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    band = fitted.forecast(other, 7_200 // step)
    assert np.isfinite(fitted.loss).all() and np.isfinite(band.upper - band.lower).all()
