"""The path that all our detectors share: trend -> model -> limits, and back from arrays to bands."""

from dataclasses import dataclass, fields
from functools import cached_property
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
    IntArray,
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
REFIT_SECONDS, REFIT_STEPS = 4 * 86_400, 2_000  # what a refit walks through, and at least so many steps
MEMORY_SECONDS = 10 * 86_400  # in which a refit forgets all but a third of the limits that were
FEW = 32  # samples; with fewer after that, limits come from all that there are
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
class History:
    """What is learnt from: a batch, seen against its own trend."""

    batch: SeriesBatch
    trend: Trend
    course: Course
    before: Arrays | None = None  # the state of the models that these series have had until lately

    @property
    def until(self) -> int:
        """Unix seconds at which it ends."""
        return self.batch.start + self.batch.shape[1] * self.batch.step

    @cached_property
    def kept(self) -> BoolArray:
        """[S, T] the trusted samples after the first share; of a row that has few, all."""
        trusted = self.batch.observed & self.batch.usable
        rank = np.cumsum(trusted, axis=1)
        late = trusted & (rank > SETTLE * rank[:, -1:])
        return np.where(late.sum(axis=1, keepdims=True) < FEW, trusted, late)

    @cached_property
    def calm(self) -> BoolArray:
        """[S, T] those that are kept and not around a past alarm; all, where too few would be left."""
        calm = self.kept & ~_around(self.batch.alarmed, max(2, AROUND_SECONDS // self.batch.step))
        most = calm.sum(axis=1, keepdims=True) >= LEAST_CALM * self.kept.sum(axis=1, keepdims=True)
        return np.where(most, calm, self.kept)  # what alarms all the time is how the series is

    @cached_property
    def late(self) -> BoolArray:
        """[S, T] the calm ones among the held-out samples: the loss by which models are compared."""
        return held_out(self.batch) & self.calm


@dataclass(frozen=True)
class Fitted:
    """A fitted stack of S models; implements `FittedDetector`."""

    model: Predictor
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
        unsure = np.clip(width / self.calibration.width[:, None], 1 + GAP_DOUBT * (evidence.gap - 1), MOST_DOUBT)
        doubt = np.where(evidence.gap > 1, np.sqrt(unsure), 1.0)  # while samples come, the spread is that of the trend
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


def restore(model: Predictor, state: Arrays, device: str) -> Fitted:
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
    history = prepared(batch, model.least, prior)
    weights = model.train(history.course, history.batch, prior, device, progress)
    said = model.predict(weights, history.course, None, device)
    fitted = completed(model, weights, said, history, alert_budget=alert_budget, device=device)
    if progress:
        progress(1.0)
    return fitted


def prepared(batch: SeriesBatch, least: int, prior: Arrays | None = None) -> History:
    """The trend, and the history seen against it; refuses rows that have fewer than `least` trusted samples.

    Where the prior is the model that these series have had until lately, the trend is learnt from the whole batch, and
    everything else from its last days: what was before, the limits of the prior remember.
    """
    require(batch, least)
    trend = fit_trend(batch, batch.observed & batch.usable)
    end, steps = batch.start + batch.shape[1] * batch.step, batch.shape[1]
    lately = prior is not None and "until" in prior and bool((end - prior["until"] <= REFIT_SECONDS // 2).all())
    before = prior if lately else None
    if before is not None:
        batch = batch.steps(max(0, steps - max(REFIT_SECONDS // batch.step, REFIT_STEPS)), steps)
    return History(batch, trend, follow(trend, batch, None), before)


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
    return Fitted(model, history.trend, weights, calibration, device, carried(course, evidence, own_after))


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


def _around(flags: BoolArray, steps: int) -> BoolArray:
    """[S, T] True within so many steps of a flag."""
    counts = np.pad(np.cumsum(flags, axis=1), ((0, 0), (steps + 1, steps)), mode="edge")
    counts[:, :steps + 1] = 0
    return np.asarray(counts[:, 2 * steps + 1:] > counts[:, :-2 * steps - 1])
