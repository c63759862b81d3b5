"""The path that all our detectors share: trend -> model -> limits, and back from arrays to bands."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from detectors import bands
from detectors.api import (
    Arrays,
    Band,
    BoolArray,
    FittedDetector,
    FloatArray,
    NotEnoughData,
    Progress,
    Scores,
    SeriesBatch,
)
from detectors.bands import Limits
from detectors.evidence import Evidence, gather
from detectors.scaling import quantile
from detectors.trend import Course, Trend, fit_trend, follow

HELD_OUT = 0.25  # the last share of each series' samples: the loss by which models are compared
SETTLE = 0.25  # the first share of a history, in which level and spread are still finding their place
AROUND_SECONDS = 20 * 60  # of a past alarm on which no limit is based
LEAST_CALM = 0.6  # share of the samples that must be left for that
FEW = 32  # samples; with fewer after that, limits come from all that there are
MOST_DOUBT = 25.0
OWN = "model."  # prefix of what belongs to the model in a state and in a carry


class Model(Protocol):
    """What a detector adds to the trend. Weights and carry are arrays with leading axis S."""

    least: ClassVar[int]  # trusted samples that a series must have

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """The weights, learnt from a course without its held-out samples, starting from those of a prior state."""

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """The forecast [S, T] as an offset from the trend, and its width, both in spreads of the trend. Those of t
        are made of samples before t. Also what the next call needs to go on."""


@dataclass(frozen=True)
class Calibration:
    """What the history said once the model was there; all [S]."""

    limits: Limits
    width: FloatArray  # the width that the model usually has; a wider one is doubt
    loss: FloatArray  # pinball loss on the held-out samples, in units of the robust scale

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        limits = {item.name: getattr(self.limits, item.name) for item in fields(Limits)}
        return {**limits, "width": self.width, "loss": self.loss}

    @classmethod
    def restore(cls, state: Arrays) -> "Calibration":
        return cls(Limits(**{item.name: state[item.name] for item in fields(Limits)}), state["width"], state["loss"])


@dataclass(frozen=True)
class Fitted:
    """A fitted stack of S models; implements `FittedDetector`."""

    model: Model
    trend: Trend
    weights: Arrays
    calibration: Calibration
    device: str = "cpu"
    after: Arrays | None = None  # the carry at the end of the history; None = restored

    @property
    def state(self) -> Arrays:
        own = {OWN + name: array for name, array in self.weights.items()}
        return {**self.trend.state, **own, **self.calibration.state}

    @property
    def loss(self) -> FloatArray:
        return self.calibration.loss

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`."""
        trend = self.trend
        course = follow(trend, batch, carry)
        offset, width, own_after = self.model.predict(self.weights, course, None if carry is None else own(carry),
                                                      self.device)
        evidence = gather(course, batch, offset, carry)
        doubt = np.sqrt(np.clip(width / self.calibration.width[:, None], 1.0, MOST_DOUBT))
        centre = (course.expected * trend.scale[:, None]) + trend.centre[:, None]
        unit = course.spread * trend.scale[:, None]
        spreads = bands.bounds(offset, doubt, evidence, (evidence.last - centre) / unit, self.calibration.limits)
        band = bands.rounded(Band(*(centre + unit * bound for bound in (spreads.lower, spreads.expected,
                                                                        spreads.upper))), trend.resolution)
        return Scores(bands.rescore(batch.values, batch.observed, band), band, carried(course, evidence, own_after))

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`."""
        return forecast(self, batch, horizon, carry)


def own(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """What belongs to the model in a state or a carry, by the names that the model gave."""
    return {name.removeprefix(OWN): array for name, array in arrays.items() if name.startswith(OWN)}


def restore(model: Model, state: Arrays, device: str) -> Fitted:
    """The inverse of `Fitted.state`."""
    return Fitted(model, Trend.restore(state), own(state), Calibration.restore(state), device)


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


def fit(model: Model, batch: SeriesBatch, prior: Arrays | None, *, alert_budget: float, device: str,
        progress: Progress | None) -> Fitted:
    """What `Detector.fit` does for a model."""
    trend, course = prepared(batch, model.least)
    weights = model.train(course, batch, prior, device, progress)
    fitted = completed(model, weights, trend, course, batch, alert_budget, device)
    if progress:
        progress(1.0)
    return fitted


def prepared(batch: SeriesBatch, least: int) -> tuple[Trend, Course]:
    """The trend, and the history seen against it; refuses rows that have fewer than `least` trusted samples."""
    require(batch, least)
    trend = fit_trend(batch, batch.observed & batch.usable)
    return trend, follow(trend, batch, None)


def completed(model: Model, weights: Mapping[str, NDArray[Any]], trend: Trend, course: Course, batch: SeriesBatch,
              alert_budget: float, device: str) -> Fitted:
    """A trained model with its limits, set on the history as the service would have scored it."""
    offset, width, own_after = model.predict(weights, course, None, device)
    evidence = gather(course, batch, offset, None)
    kept = _settled(batch)
    calm = _calm(batch, kept)
    usual = np.maximum(np.nan_to_num(quantile(width, calm, 0.5), nan=1.0), 1e-6)
    limits = bands.calibrate(course.deviation, evidence, kept, calm, alert_budget, batch.step)
    loss = bands.pinball((course.deviation - offset) * course.spread, held_out(batch) & calm)
    return Fitted(model, trend, weights, Calibration(limits, usual, loss), device,
                  carried(course, evidence, own_after))


def carried(course: Course, evidence: Evidence, own_after: Arrays) -> dict[str, NDArray[Any]]:
    """All that the next call of `score` needs."""
    return {**course.carry, **evidence.carry, **{OWN + name: array for name, array in own_after.items()}}


def _settled(batch: SeriesBatch) -> BoolArray:
    """[S, T] the trusted samples after the first share; of a row that has few, all."""
    trusted = batch.observed & batch.usable
    rank = np.cumsum(trusted, axis=1)
    late = trusted & (rank > SETTLE * rank[:, -1:])
    return np.where(late.sum(axis=1, keepdims=True) < FEW, trusted, late)


def _calm(batch: SeriesBatch, kept: BoolArray) -> BoolArray:
    """[S, T] those that are kept and not around a past alarm; all, where too few would be left."""
    calm = kept & ~_around(batch.alarmed, max(2, AROUND_SECONDS // batch.step))
    most = calm.sum(axis=1, keepdims=True) >= LEAST_CALM * kept.sum(axis=1, keepdims=True)
    return np.where(most, calm, kept)  # what alarms all the time is how the series is


def _around(flags: BoolArray, steps: int) -> BoolArray:
    """[S, T] True within so many steps of a flag."""
    counts = np.pad(np.cumsum(flags, axis=1), ((0, 0), (steps + 1, steps)), mode="edge")
    counts[:, :steps + 1] = 0
    return np.asarray(counts[:, 2 * steps + 1:] > counts[:, :-2 * steps - 1])
