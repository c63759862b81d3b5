"""The path that all our detectors share: trend -> model -> calibration, and back from arrays to bands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors import bands
from detectors.api import Arrays, Band, BoolArray, FittedDetector, FloatArray, NotEnoughData, Scores, SeriesBatch
from detectors.scaling import quantile
from detectors.trend import Course, Trend, fit_trend, follow

HELD_OUT = 0.25  # the last share of each series' samples: calibration, and nothing else
FEW = 32  # held-out samples; with fewer, a series is calibrated on all that it has
RUN_UP = 1024  # steps before the held-out part in which the trend settles
OWN = "model."  # prefix of what belongs to the model in a state and in a carry


class Model(Protocol):
    """What a detector adds to the trend. Weights and carry are arrays with leading axis S."""

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Offset and factor [S, T], in spreads of the trend: expected = trend + offset * spread, spread = factor *
        spread. Those of t are made of samples before t. Also what the next call needs to go on."""


@dataclass(frozen=True)
class Calibration:
    """What the held-out samples said."""

    reach: FloatArray  # [S, 2] half-width below and above, in spreads
    narrowest: FloatArray  # [S] the least factor by which a model may scale the spread of the trend
    loss: FloatArray  # [S] pinball loss in units of the robust scale


@dataclass(frozen=True)
class Fitted:
    """A fitted stack of S models; implements `FittedDetector`."""

    model: Model
    trend: Trend
    weights: Arrays
    calibration: Calibration
    device: str = "cpu"

    @property
    def state(self) -> Arrays:
        own = {OWN + name: array for name, array in self.weights.items()}
        return {**self.trend.state, **own, "reach": self.calibration.reach,
                "narrowest": self.calibration.narrowest, "loss": self.calibration.loss}

    @property
    def loss(self) -> FloatArray:
        return self.calibration.loss

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`."""
        expected, unit, factor, after = predict(self, batch, carry)
        factor = np.maximum(factor, self.calibration.narrowest[:, None])
        band = bands.band(expected, unit * factor, self.calibration.reach, self.trend.resolution)
        return Scores(bands.rescore(batch.values, batch.observed, band), band, after)

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`."""
        return forecast(self, batch, horizon, carry)


def own(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """What belongs to the model in a state or a carry, by the names that the model gave."""
    return {name.removeprefix(OWN): array for name, array in arrays.items() if name.startswith(OWN)}


def restore(model: Model, state: Arrays, device: str) -> Fitted:
    """The inverse of `Fitted.state`."""
    calibration = Calibration(state["reach"], state["narrowest"], state["loss"])
    return Fitted(model, Trend.restore(state), own(state), calibration, device)


def predict(fitted: Fitted, batch: SeriesBatch, carry: Arrays | None,
            ) -> tuple[FloatArray, FloatArray, FloatArray, Arrays]:
    """Expected and spread of the trend [S, T] in units of the series, the model's factor on it, and the next carry."""
    trend = fitted.trend
    course = follow(trend, batch, carry)
    before = None if carry is None else own(carry)
    offset, factor, own_after = fitted.model.predict(fitted.weights, course, before, fitted.device)
    expected = course.expected + offset * course.spread
    after: dict[str, NDArray[Any]] = {**course.carry, **{OWN + name: array for name, array in own_after.items()}}
    scale, centre = trend.scale[:, None], trend.centre[:, None]
    return expected * scale + centre, course.spread * scale, factor, after


def forecast(fitted: FittedDetector, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
    """The band of a future that nobody has observed: [S, H]. It widens as the band does in a gap."""
    rows, steps = batch.shape
    offsets = np.full(horizon, batch.utc_offset[-1] if steps else 0)
    future = SeriesBatch(np.full((rows, horizon), np.nan), np.zeros((rows, horizon), bool),
                         start=batch.start + steps * batch.step, step=batch.step, utc_offset=offsets)
    return fitted.score(future, fitted.score(batch, carry).carry).band


def held_out(batch: SeriesBatch, share: float = HELD_OUT) -> BoolArray:
    """[S, T] True at the last `share` of the trusted samples of each series."""
    trusted = batch.observed & batch.usable
    rank = np.cumsum(trusted, axis=1)
    late: BoolArray = trusted & (rank > np.ceil((1 - share) * rank[:, -1:]))
    return late


def require(batch: SeriesBatch, least: int) -> None:
    """Refuses the rows that have fewer than `least` trusted samples."""
    counts = (batch.observed & batch.usable).sum(axis=1)
    short = np.flatnonzero(counts < least)
    if len(short):
        raise NotEnoughData(f"{len(short)} of {len(counts)} series have fewer than {least} samples to learn from: row "
                            f"{short[0]} has {counts[short[0]]}; wait, or lengthen the fit window", short.tolist())


def trend_of(batch: SeriesBatch) -> Trend:
    """The trend, from everything that is not held out."""
    return fit_trend(batch, batch.observed & batch.usable & ~held_out(batch))


def calibrated(fitted: Fitted, batch: SeriesBatch, alert_budget: float) -> Fitted:
    """Scores the batch as the service would, and sets the reach by the residuals of the held-out part.

    Only the end of the batch is run through, after a run-up in which the trend settles. A row with fewer than
    `FEW` held-out samples there is run through whole and takes all that it has: a wide band beats none.
    """
    kept = held_out(batch)
    begin = max(0, int((1 - HELD_OUT) * batch.shape[1]) - RUN_UP)
    late = kept[:, begin:].sum(axis=1) >= FEW
    kept[~late] = (batch.observed & batch.usable)[~late]
    probability = bands.sample_probability(alert_budget, batch.step)
    reach, narrowest, loss = np.ones((len(late), 2)), np.zeros(len(late)), np.full(len(late), np.nan)
    for rows, first in ((late, begin), (~late, 0)):
        if rows.any():
            some = restore(fitted.model, {name: array[rows] for name, array in fitted.state.items()}, fitted.device)
            part = _calibration(some, batch.rows(rows).steps(first, batch.shape[1]), kept[rows, first:], probability)
            reach[rows], narrowest[rows], loss[rows] = part.reach, part.narrowest, part.loss
    return replace(fitted, calibration=Calibration(reach, narrowest, loss))


def _calibration(fitted: Fitted, batch: SeriesBatch, kept: BoolArray, probability: float) -> Calibration:
    expected, unit, factor, _ = predict(fitted, batch, None)
    residual = np.where(kept, batch.values, 0.0) - np.where(kept, expected, 0.0)
    narrowest = np.nan_to_num(0.5 * quantile(np.abs(residual / unit), kept, 0.9))  # a forecast too sure of itself
    reach = bands.calibrate(residual / (unit * np.maximum(factor, narrowest[:, None])), kept, probability)
    return Calibration(reach, narrowest, bands.pinball(residual / fitted.trend.scale[:, None], kept))


def uncalibrated(model: Model, trend: Trend, weights: Mapping[str, NDArray[Any]], device: str) -> Fitted:
    """A stack on its way to `calibrated`."""
    rows = len(trend.scale)
    return Fitted(model, trend, weights, Calibration(np.ones((rows, 2)), np.zeros(rows), np.full(rows, np.nan)), device)
