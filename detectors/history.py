"""What is learnt from: a batch seen against its own trend, and which of its samples are for what."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectors.api import Arrays, BoolArray, NotEnoughData, SeriesBatch
from detectors.trend import Course, Trend, fit_trend, follow

HELD_OUT = 0.25  # the last share of each series' samples: the loss by which models are compared
SETTLE = 0.25  # the first share of a history, in which level and spread are still finding their place
AROUND_SECONDS = 20 * 60  # of a past alarm on which no limit is based
LEAST_CALM = 0.6  # share of the samples that must be left for that
REFIT_SECONDS, REFIT_STEPS = 4 * 86_400, 2_000  # what a refit walks through, and at least so many steps
FEW = 32  # samples; with fewer after that, limits come from all that there are


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
        calm = self.kept & ~around(self.batch.alarmed, max(2, AROUND_SECONDS // self.batch.step))
        most = calm.sum(axis=1, keepdims=True) >= LEAST_CALM * self.kept.sum(axis=1, keepdims=True)
        return np.where(most, calm, self.kept)  # what alarms all the time is how the series is

    @cached_property
    def late(self) -> BoolArray:
        """[S, T] the calm ones among the held-out samples: the loss by which models are compared."""
        return held_out(self.batch) & self.calm


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


def around(flags: BoolArray, steps: int) -> BoolArray:
    """[S, T] True within so many steps of a flag."""
    counts = np.pad(np.cumsum(flags, axis=1), ((0, 0), (steps + 1, steps)), mode="edge")
    counts[:, :steps + 1] = 0
    return np.asarray(counts[:, 2 * steps + 1:] > counts[:, :-2 * steps - 1])
