"""The path that all our detectors share: trend -> model -> limits, and from arrays to bands."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors import bands
from detectors.api import (
    Arrays,
    Band,
    FittedDetector,
    FloatArray,
    IntArray,
    Progress,
    Scores,
    SeriesBatch,
)
from detectors.history import History, prepare_history
from detectors.limits import Limits, fit_limits
from detectors.model import Model, Prediction, Predictor
from detectors.recent_stats import RecentStats, recent_stats
from detectors.scaling import quantile
from detectors.state_arrays import from_arrays, to_arrays
from detectors.trend import Trend
from detectors.trend_view import TrendView
from detectors.trend_walk import follow

MEMORY_SECONDS = 10 * 86_400  # in which a refit forgets all but a third of the old limits
MAX_VARIANCE_FACTOR = 25.0  # square of the factor by which a band may widen in a gap
VARIANCE_PER_STEP = 0.01  # by which that square grows at least: the level is a random walk
MODEL_PREFIX = "model."  # of the arrays of the model, in a state and in a carry


class TrendDetector:
    """What all detectors on this path have in common.

    The base class of the dataclass of hyper-parameters, which is the model.
    """

    takes_covariates: ClassVar[bool] = False

    @property
    def warm_up(self) -> int:
        return 512

    def fit(
        self: Model,
        batch: SeriesBatch,
        prior: Arrays | None = None,
        *,
        alert_budget: float,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> FittedDetector:
        """See `Detector.fit`."""
        return fit(self, batch, prior, alert_budget=alert_budget, device=device, progress=progress)

    def restore(self: Predictor, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state)


@dataclass(frozen=True)
class Calibration:
    """What was measured on the history with the trained model; all [S]."""

    limits: Limits
    width: FloatArray  # the width that the model usually has; a greater one widens the band
    loss: FloatArray  # pinball loss on the held-out samples, in units of the robust scale
    until: IntArray  # unix seconds at which that history ended
    budget: FloatArray  # alarms per second that the limits were set for

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        return {
            **to_arrays(self.limits),
            "width": self.width,
            "loss": self.loss,
            "until": self.until,
            "budget": self.budget,
        }

    @classmethod
    def restore(cls, state: Arrays) -> "Calibration":
        return cls(
            limits=from_arrays(Limits, state),
            width=state["width"],
            loss=state["loss"],
            until=state["until"],
            budget=state["budget"],
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted stack of S models; implements `FittedDetector`."""

    model: Predictor
    trend: Trend
    weights: Arrays
    calibration: Calibration
    after: Arrays | None = None  # the carry at the end of the history; None = restored
    recent_bands: Band | None = None  # see `FittedDetector.recent_bands`; None = restored

    @property
    def state(self) -> Arrays:
        return {**self.trend.state, **_with_prefix(self.weights), **self.calibration.state}

    @property
    def loss(self) -> FloatArray:
        return self.calibration.loss

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`."""
        view = follow(self.trend, batch, carry)
        model_carry = None if carry is None else own_arrays(carry)
        offset, width, model_after = self.model.predict(self.weights, view, model_carry)
        stats = recent_stats(view, batch, offset, carry)
        band = self.band(view, offset, width, stats)
        anomaly = bands.rescore(batch.values, batch.observed, band)
        return Scores(anomaly, band, detector_state(view, stats, model_after))

    def band(
        self, view: TrendView, offset: FloatArray, width: FloatArray, stats: RecentStats
    ) -> Band:
        """[S, T] of a view; offset and width [S, T]: what the model predicts of it."""
        trend = self.trend
        variance = np.clip(
            width / self.calibration.width[:, None],
            1 + VARIANCE_PER_STEP * (stats.gap - 1),
            MAX_VARIANCE_FACTOR,
        )
        # As long as samples come, the spread is that of the trend, however unsure the model is.
        widening = np.where(stats.gap > 1, np.sqrt(variance), 1.0)
        last = (trend.scale_values(stats.last) - view.expected) / view.spread
        spreads = bands.bounds(offset, widening, stats, last, self.calibration.limits)
        band = Band(
            lower=trend.unscaled(view.expected + view.spread * spreads.lower - view.below),
            expected=trend.unscaled(view.expected + view.spread * spreads.expected),
            upper=trend.unscaled(view.expected + view.spread * spreads.upper + view.above),
        )
        return bands.keep_above(bands.round_band(band, trend.resolution), trend.lowest)

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`."""
        return forecast(self, batch, horizon, carry)


def _with_prefix(arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {MODEL_PREFIX + name: array for name, array in arrays.items()}


def own_arrays(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The arrays of the model in a state or a carry, by the names that the model gave them."""
    return {
        name.removeprefix(MODEL_PREFIX): array
        for name, array in arrays.items()
        if name.startswith(MODEL_PREFIX)
    }


def restore(model: Predictor, state: Arrays) -> Fitted:
    """The inverse of `Fitted.state`."""
    return Fitted(model, Trend.restore(state), own_arrays(state), Calibration.restore(state))


def forecast(
    fitted: FittedDetector, batch: SeriesBatch, horizon: int, carry: Arrays | None = None
) -> Band:
    """The band [S, H] of a future without samples. It widens as the band does in a gap.

    The offset of local time at the end of the batch is used throughout. If it changes within the
    horizon, score a batch without samples instead.
    """
    rows, steps = batch.shape
    future = SeriesBatch(
        values=np.full((rows, horizon), np.nan),
        observed=np.zeros((rows, horizon), bool),
        start=batch.start + steps * batch.step,
        step=batch.step,
        utc_offset=np.full(horizon, batch.utc_offset[-1] if steps else 0),
    )
    return fitted.score(future, fitted.score(batch, carry).carry).band


def fit(
    model: Model,
    batch: SeriesBatch,
    prior: Arrays | None,
    *,
    alert_budget: float,
    device: str,
    progress: Progress | None,
) -> Fitted:
    """What `Detector.fit` does for a model."""
    history = prepare_history(batch, model.least, prior)
    weights = model.train(history.view, history.batch, prior, device, progress)
    prediction = model.predict(weights, history.view, None)
    fitted = calibrate(model, weights, prediction, history, alert_budget=alert_budget)
    if progress:
        progress(1.0)
    return fitted


def calibrate(
    model: Predictor,
    weights: Arrays,
    prediction: Prediction,
    history: History,
    *,
    alert_budget: float,
) -> Fitted:
    """A trained model with its limits, set on the history as the service would have scored it.

    prediction: what the model predicts of the history, from a cold start.
    """
    offset, width, model_after = prediction
    view = history.view
    stats = recent_stats(view, history.batch, offset, None)
    median_width = np.nan_to_num(quantile(width, history.quiet_mask, 0.5), nan=1.0)
    limits = fit_limits(
        view.deviation,
        stats,
        history.train_mask,
        history.quiet_mask,
        alert_budget,
        history.batch.step,
    )
    calibration = Calibration(
        limits=_remember_limits(limits, history, alert_budget),
        width=np.maximum(median_width, 1e-6),
        loss=held_out_loss(history, offset),
        until=np.full(len(offset), history.until),
        budget=np.full(len(offset), alert_budget),
    )
    fitted = Fitted(
        model=model,
        trend=history.trend,
        weights=weights,
        calibration=calibration,
        after=detector_state(view, stats, model_after),
    )
    return replace(fitted, recent_bands=fitted.band(view, offset, width, stats))


def _remember_limits(limits: Limits, history: History, alert_budget: float) -> Limits:
    """The geometric mean of the new limits and, fading, the old ones: one bad week must not move
    them at once."""
    prior = history.prior_state
    if prior is None:
        return limits
    memory = np.exp((prior["until"] - history.until) / MEMORY_SECONDS)
    share = np.where(prior["budget"] == alert_budget, memory, 0.0)
    # A new level begins anew: it may be of quite another kind.
    for accepted in history.view.acceptances.values():
        share = np.where(accepted, 0.0, share)
    means = dict[str, NDArray[Any]]()
    for key, array in to_arrays(limits).items():
        weight = share.reshape(-1, *[1] * (array.ndim - 1))  # [S, 1, ...]
        means[key] = array ** (1 - weight) * prior[key] ** weight
    return from_arrays(Limits, means)


def held_out_loss(history: History, offset: FloatArray) -> FloatArray:
    """[S] pinball loss of forecasts [S, T] on the quiet held-out samples, in units of the robust
    scale of the series itself: whatever the transform, losses compare."""
    view = history.view
    trend = history.trend
    expected = trend.unscaled(view.expected + view.spread * offset)
    residual = np.where(view.observed, history.batch.values, 0.0) - expected
    return bands.pinball(residual / trend.unit[:, None], history.holdout_mask)


def detector_state(
    view: TrendView, stats: RecentStats, model_after: Arrays
) -> dict[str, NDArray[Any]]:
    """All that the next call of `score` needs."""
    return {**view.carry, **stats.carry, **_with_prefix(model_after)}
