"""What is learnt from: a batch seen against its own trend, and which of its samples serve what."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectors.api import Arrays, BoolArray, NotEnoughData, SeriesBatch
from detectors.trend import Trend, fit_trend
from detectors.trend_view import TrendView
from detectors.trend_walk import follow

HOLDOUT_SHARE = 0.25  # of each series' samples, the last ones: by their loss models are compared
SETTLE_SHARE = 0.25  # of a history, the first part: level and spread are not yet in position
ALARM_MARGIN_SECONDS = 20 * 60  # around a past alarm, in which no limit is learnt
MIN_QUIET_SHARE = 0.6  # of the samples must be left after that, else all serve
# The trend is learnt from the whole history. A first fit walks through so much of it, a refit
# through less, and both through so many steps at least.
WALK_SECONDS = 14 * 86_400
REFIT_SECONDS = 4 * 86_400
MIN_WALK_STEPS = 2_000
MIN_SAMPLES = 32  # after the first part; with fewer, limits are learnt from all samples


@dataclass(frozen=True)
class History:
    """What is learnt from: a batch, seen against its own trend."""

    batch: SeriesBatch
    trend: Trend
    view: TrendView
    prior_state: Arrays | None = None  # of the models that these series have had until lately

    @property
    def until(self) -> int:
        """Unix seconds at which it ends."""
        return self.batch.start + self.batch.shape[1] * self.batch.step

    @cached_property
    def train_mask(self) -> BoolArray:
        """[S, T] the trusted samples after the first part; of a row that has few, all."""
        trusted = self.batch.observed & self.batch.usable
        rank = np.cumsum(trusted, axis=1)
        settled = trusted & (rank > SETTLE_SHARE * rank[:, -1:])
        few = settled.sum(axis=1, keepdims=True) < MIN_SAMPLES
        return np.where(few, trusted, settled)

    @cached_property
    def quiet_mask(self) -> BoolArray:
        """[S, T] the same without what is near a past alarm; all, where too few would be left."""
        margin = max(2, ALARM_MARGIN_SECONDS // self.batch.step)
        # What planned work does to a series is no alarm of it.
        alarmed = self.batch.alarmed & self.batch.usable
        quiet = self.train_mask & ~around(alarmed, margin)
        total = self.train_mask.sum(axis=1, keepdims=True)
        enough = quiet.sum(axis=1, keepdims=True) >= MIN_QUIET_SHARE * total
        # A series that alarms all the time is like that: its limits must be learnt from it.
        return np.where(enough, quiet, self.train_mask)

    @cached_property
    def holdout_mask(self) -> BoolArray:
        """[S, T] the quiet ones among the held-out samples: by their loss models are compared."""
        return holdout_samples(self.batch) & self.quiet_mask


def prepare_history(batch: SeriesBatch, least: int, prior: Arrays | None = None) -> History:
    """The trend, and the history seen against it.

    least: trusted samples that each row must have. The trend is learnt from the whole batch, and
    everything else from its last days. If the prior is the model that these series have had until
    lately, this is a refit: fewer days do, as the limits of the prior stand for those before.
    Raises NotEnoughData.
    """
    require_samples(batch, least)
    trend = fit_trend(batch, batch.observed & batch.usable)
    steps = batch.shape[1]
    end = batch.start + steps * batch.step
    prior_state = prior if prior is not None and _is_recent(prior, end) else None
    seconds = WALK_SECONDS if prior_state is None else REFIT_SECONDS
    walked = max(seconds // batch.step, MIN_WALK_STEPS)
    batch = batch.steps(max(0, steps - walked), steps)
    return History(batch, trend, follow(trend, batch, trend.start(batch)), prior_state)


def _is_recent(state: Arrays, end: int) -> bool:
    """Whether a state was learnt shortly before `end`, in all rows; a fleet prior never was."""
    return "until" in state and bool((end - state["until"] <= REFIT_SECONDS // 2).all())


def holdout_samples(batch: SeriesBatch, share: float = HOLDOUT_SHARE) -> BoolArray:
    """[S, T] True at the last `share` of the trusted samples of each series."""
    trusted = batch.observed & batch.usable
    rank = np.cumsum(trusted, axis=1)
    mask: BoolArray = trusted & (rank > np.ceil((1 - share) * rank[:, -1:]))
    return mask


def require_samples(batch: SeriesBatch, least: int) -> None:
    """Raises NotEnoughData with the rows that have fewer than `least` trusted samples."""
    counts = (batch.observed & batch.usable).sum(axis=1)
    short = np.flatnonzero(counts < least)
    if len(short):
        raise NotEnoughData(
            f"{len(short)} of {len(counts)} series have fewer than {least} samples to learn from,"
            f" the shortest {counts.min()}; wait, or lengthen the fit window",
            short.tolist(),
        )


def around(flags: BoolArray, steps: int) -> BoolArray:
    """[S, T] True within `steps` steps of a flag."""
    counts = np.pad(np.cumsum(flags, axis=1), ((0, 0), (steps + 1, steps)), mode="edge")
    counts[:, : steps + 1] = 0
    return np.asarray(counts[:, 2 * steps + 1 :] > counts[:, : -2 * steps - 1])
