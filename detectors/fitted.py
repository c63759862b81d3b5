"""The path that all our detectors share: trend -> model -> limits, and back from arrays to bands."""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol

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
from detectors.bands import Limits
from detectors.evidence import Evidence, gather
from detectors.history import History, prepared
from detectors.scaling import quantile
from detectors.trend import Course, Trend, follow

MEMORY_SECONDS = 10 * 86_400  # in which a refit forgets all but a third of the limits that were
MOST_DOUBT = 25.0  # square of the factor by which a band may widen in a gap
GAP_DOUBT = 0.01  # that it widens by with every step, as a random walk does
OWN = "model."  # prefix of what belongs to the model in a state and in a carry


Said = tuple[FloatArray, FloatArray, Arrays]  # offset and width [S, T], and what the next call needs to go on


class Predictor(Protocol):
    """What a fitted detector adds to the trend. Weights and carry are arrays with leading axis S."""

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None, device: str) -> Said:
        """The forecast [S, T] as an offset from the trend, and its width, both in spreads of the trend. Those of t
        are made of samples before t. Also what the next call needs to go on."""


class Model(Predictor, Protocol):
    """A predictor that can be learnt."""

    least: ClassVar[int]  # trusted samples that a series must have

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """The weights, learnt from a course without its held-out samples, starting from those of a prior state."""


class Standard:
    """What every detector on this path does alike, for the dataclass of hyper-parameters that is the model."""

    @property
    def warm_up(self) -> int:
        return 512

    def fit(self: Model, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`."""
        return fit(self, batch, prior, alert_budget=alert_budget, device=device, progress=progress)

    def restore(self: Predictor, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state, device)


@dataclass(frozen=True)
class Calibration:
    """What the history said once the model was there; all [S]."""

    limits: Limits
    width: FloatArray  # the width that the model usually has; a wider one is doubt
    loss: FloatArray  # pinball loss on the held-out samples, in units of the robust scale
    until: IntArray  # unix seconds at which that history ended
    budget: FloatArray  # alarms per second that the limits were set for

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        limits = {item.name: getattr(self.limits, item.name) for item in fields(Limits)}
        return {**limits, "width": self.width, "loss": self.loss, "until": self.until, "budget": self.budget}

    @classmethod
    def restore(cls, state: Arrays) -> "Calibration":
        return cls(Limits(**{item.name: state[item.name] for item in fields(Limits)}), state["width"], state["loss"],
                   state["until"], state["budget"])


@dataclass(frozen=True)
class Fitted:
    """A fitted stack of S models; implements `FittedDetector`."""

    model: Predictor
    trend: Trend
    weights: Arrays
    calibration: Calibration
    device: str = "cpu"
    after: Arrays | None = None  # the carry at the end of the history; None = restored
    hindsight: Band | None = None  # of the last columns of the history, as a cold `score` has it; None = restored

    @property
    def state(self) -> Arrays:
        own = {OWN + name: array for name, array in self.weights.items()}
        return {**self.trend.state, **own, **self.calibration.state}

    @property
    def loss(self) -> FloatArray:
        return self.calibration.loss

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`."""
        course = follow(self.trend, batch, carry)
        offset, width, own_after = self.model.predict(self.weights, course, None if carry is None else own(carry),
                                                      self.device)
        evidence = gather(course, batch, offset, carry)
        band = self.band(course, offset, width, evidence)
        return Scores(bands.rescore(batch.values, batch.observed, band), band, carried(course, evidence, own_after))

    def band(self, course: Course, offset: FloatArray, width: FloatArray, evidence: Evidence) -> Band:
        """[S, T] of a course; offset and width [S, T]: what the model predicts of it."""
        trend = self.trend
        unsure = np.clip(width / self.calibration.width[:, None], 1 + GAP_DOUBT * (evidence.gap - 1), MOST_DOUBT)
        doubt = np.where(evidence.gap > 1, np.sqrt(unsure), 1.0)  # while samples come, the spread is that of the trend
        centre = (course.expected * trend.scale[:, None]) + trend.centre[:, None]
        unit = course.spread * trend.scale[:, None]
        spreads = bands.bounds(offset, doubt, evidence, (evidence.last - centre) / unit, self.calibration.limits)
        return bands.rounded(Band(*(centre + unit * bound for bound in (spreads.lower, spreads.expected,
                                                                        spreads.upper))), trend.resolution)

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`."""
        return forecast(self, batch, horizon, carry)


def own(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """What belongs to the model in a state or a carry, by the names that the model gave."""
    return {name.removeprefix(OWN): array for name, array in arrays.items() if name.startswith(OWN)}


def restore(model: Predictor, state: Arrays, device: str) -> Fitted:
    """The inverse of `Fitted.state`."""
    return Fitted(model, Trend.restore(state), own(state), Calibration.restore(state), device)


def forecast(fitted: FittedDetector, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
    """The band of a future that nobody has observed: [S, H]. It widens as the band does in a gap.

    Local time goes on as it ends. Where it changes within the horizon, score a batch without samples instead.
    """
    rows, steps = batch.shape
    offsets = np.full(horizon, batch.utc_offset[-1] if steps else 0)
    future = SeriesBatch(np.full((rows, horizon), np.nan), np.zeros((rows, horizon), bool),
                         start=batch.start + steps * batch.step, step=batch.step, utc_offset=offsets)
    return fitted.score(future, fitted.score(batch, carry).carry).band


def fit(model: Model, batch: SeriesBatch, prior: Arrays | None, *, alert_budget: float, device: str,
        progress: Progress | None) -> Fitted:
    """What `Detector.fit` does for a model."""
    history = prepared(batch, model.least, prior)
    weights = model.train(history.course, history.batch, prior, device, progress)
    said = model.predict(weights, history.course, None, device)
    fitted = completed(model, weights, said, history, alert_budget=alert_budget, device=device)
    if progress:
        progress(1.0)
    return fitted


def completed(model: Predictor, weights: Arrays, said: Said, history: History, *, alert_budget: float,
              device: str) -> Fitted:
    """A trained model with its limits, set on the history as the service would have scored it.

    said: what the model predicts of the history.
    """
    offset, width, own_after = said
    course, step = history.course, history.batch.step
    evidence = gather(course, history.batch, offset, None)
    kept, calm = history.kept, history.calm
    usual = np.maximum(np.nan_to_num(quantile(width, calm, 0.5), nan=1.0), 1e-6)
    limits = _remembering(bands.calibrate(course.deviation, evidence, kept, calm, alert_budget, step), history,
                          alert_budget)
    rows = len(usual)
    calibration = Calibration(limits, usual, held_out_loss(history, offset), np.full(rows, history.until),
                              np.full(rows, alert_budget))
    fitted = Fitted(model, history.trend, weights, calibration, device, carried(course, evidence, own_after))
    return replace(fitted, hindsight=fitted.band(course, offset, width, evidence))


def _remembering(limits: Limits, history: History, alert_budget: float) -> Limits:
    """Limits that one bad week does not move at once: the geometric mean of the new and, fading, the old ones."""
    before = history.before
    if before is None:
        return limits
    share = np.where(before["budget"] == alert_budget, np.exp((before["until"] - history.until) / MEMORY_SECONDS), 0.0)
    means = {item.name: getattr(limits, item.name) ** (1 - _of_rows(share, before[item.name]))
             * before[item.name] ** _of_rows(share, before[item.name]) for item in fields(Limits)}
    return Limits(**means)


def _of_rows(share: FloatArray, array: NDArray[Any]) -> FloatArray:
    """[S, 1, ...] a share of each row, as many axes as the array has."""
    return share.reshape(-1, *[1] * (array.ndim - 1))


def held_out_loss(history: History, offset: FloatArray) -> FloatArray:
    """[S] pinball loss of forecasts [S, T] on the calm held-out samples, in units of the robust scale."""
    course = history.course
    return bands.pinball((course.deviation - offset) * course.spread, history.late)


def carried(course: Course, evidence: Evidence, own_after: Arrays) -> dict[str, NDArray[Any]]:
    """All that the next call of `score` needs."""
    return {**course.carry, **evidence.carry, **{OWN + name: array for name, array in own_after.items()}}
