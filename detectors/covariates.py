"""What other series explain of a series at the same time, taken out before the trend and put back into the band.

A band stands still while its own series misbehaves, so what moves it at once must come from elsewhere: a robust
linear share of the covariates, learnt from unusual moves alone (season and slow level of both sides are taken out
first, so that two series that merely share a day explain nothing of each other). A covariate that explains nothing
has no share. Where one that has a share is missing, the sample is a gap to the model and is judged by a band around
what the covariate usually is at that hour, wider by what it may have been.
Sources: Huber (1964), robust regression; Pankratz (1991), dynamic regression.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import bands
from detectors.api import Arrays, Band, BoolArray, DetectorError, FloatArray, Scores, SeriesBatch
from detectors.fitted import Fitted, forecast
from detectors.history import held_out
from detectors.scaling import NORMAL_MAD, fit_scale, quantile
from detectors.season import Profile, fit_profile, profile_at

OWN = "covariates."  # prefix in a state
BLOCK_SECONDS, BLOCK_STEPS = 6 * 3600, 24  # over which a level is a constant, and at least so many steps
PRESENT = 0.8  # share of the samples at which a covariate must be there to have a share
FEWEST = 64  # samples that a share is learnt from
CHECKED = 0.2  # the last share of them: a covariate that does not help there has no share
GAIN = 0.05  # by how much of the error it must help
HUBER = 1.345  # spreads beyond which a sample pulls no harder
ROUNDS = 8  # of the regression
USUAL = 0.99  # quantile of its distance from its own season that a covariate usually keeps within
FINEST = 1e-3  # of its robust scale: no band is narrower, however well a series is explained
UNSURE = 0.25  # share of what lies beyond that is not believed


@dataclass(frozen=True)
class Shares:
    """What was learnt of C covariates of S series; a covariate is measured in its own robust scale."""

    centre: FloatArray  # [S, C] units of the covariate
    scale: FloatArray  # [S, C] units of the covariate
    profile: Profile  # [S, C, KNOTS]
    reach: FloatArray  # [S, C] how far it usually is from its profile
    slope: FloatArray  # [S, C] units of the series for one of the covariate; 0 = no share
    resolution: FloatArray  # [S] units of the series
    unit: FloatArray  # [S] robust scale of the series itself

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        return {OWN + item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def restore(cls, state: Arrays) -> "Shares":
        return cls(**{item.name: state[OWN + item.name] for item in fields(cls)})


@dataclass(frozen=True)
class Explained:
    """A batch seen against the shares."""

    rest: SeriesBatch  # what is left for the model; its covariates are scaled; gaps where one with a share is missing
    part: FloatArray  # [S, T] what was taken out, units of the series
    doubt: FloatArray  # [S, T] by how much it may be wrong


@dataclass(frozen=True)
class WithCovariates:
    """A fitted stack that sees a series without what its covariates explain; implements `FittedDetector`."""

    inner: Fitted
    shares: Shares

    @property
    def state(self) -> Arrays:
        return {**self.inner.state, **self.shares.state}

    @property
    def after(self) -> Arrays | None:
        return self.inner.after

    @property
    def loss(self) -> FloatArray:
        """In the scale of the series itself, so that it compares with that of detectors without covariates."""
        return np.asarray(self.inner.loss * self.inner.trend.scale / self.shares.unit)

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`; a batch without covariates misses all of them."""
        seen = explained(self.shares, batch)
        scores = self.inner.score(seen.rest, carry)
        lower, expected, upper = (bound + seen.part for bound in (scores.band.lower, scores.band.expected,
                                                                  scores.band.upper))
        band = bands.rounded(Band(lower - seen.doubt, expected, upper + seen.doubt), self.shares.resolution)
        return Scores(bands.rescore(batch.values, batch.observed, band), band, scores.carry)

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`: ahead, every covariate is missing."""
        return forecast(self, batch, horizon, carry)


def explained(shares: Shares, batch: SeriesBatch) -> Explained:
    """Takes out of a batch what its covariates explain."""
    count, slope, reach = shares.slope.shape[1], shares.slope[..., None], shares.reach[..., None]
    if batch.covariates.shape[1] not in (0, count):
        raise DetectorError(f"the model was fitted with {count} covariates, and the batch has "
                            f"{batch.covariates.shape[1]}: give it the same ones in the same order, or fit anew")
    given = np.full((batch.shape[0], count, batch.shape[1]), np.nan) if not batch.covariates.size else batch.covariates
    scaled = (given - shares.centre[..., None]) / shares.scale[..., None]
    part, doubt, whole = np.zeros(batch.shape), np.zeros(batch.shape), np.ones(batch.shape, bool)
    for c in range(count):
        usual, missing = profile_at(shares.profile[:, c], batch.local_times), np.isnan(scaled[:, c])
        beyond = np.maximum(np.abs(scaled[:, c] - usual) - reach[:, c], 0.0)
        part += slope[:, c] * np.where(missing, usual, scaled[:, c])
        doubt += np.abs(slope[:, c]) * np.where(missing, reach[:, c], UNSURE * beyond)
        whole &= ~missing | (slope[:, c] == 0)
    rest = replace(batch, values=batch.values - part, observed=batch.observed & whole, covariates=scaled)
    return Explained(rest, part, doubt)


def fit_shares(batch: SeriesBatch) -> Shares:
    """Learns from the trusted samples that are not held out."""
    kept = batch.observed & batch.usable & ~held_out(batch)  # [S, T]
    own = fit_scale(batch.values, kept)
    target = (np.where(kept, batch.values, 0.0) - own.centre[:, None]) / own.scale[:, None]
    target = target - profile_at(fit_profile(target, kept, batch.local_times)[0], batch.local_times)
    channels = [_channel(batch, kept, c) for c in range(batch.covariates.shape[1])]
    centre, scale, profile, reach, moves = (np.stack(parts, axis=1) for parts in zip(*channels, strict=True))
    length = max(BLOCK_STEPS, BLOCK_SECONDS // batch.step)
    slope = np.stack([_slopes(target[row], moves[row], kept[row], length) for row in range(len(target))])
    resolution = np.maximum(own.resolution, FINEST * own.scale)
    return Shares(centre, scale, profile, reach, slope * own.scale[:, None], resolution, own.scale)


def _channel(batch: SeriesBatch, kept: BoolArray, c: int,
             ) -> tuple[FloatArray, FloatArray, Profile, FloatArray, FloatArray]:
    """Of one covariate: centre, scale [S], profile [S, KNOTS], reach [S], and its distance from the profile [S, T]."""
    values = batch.covariates[:, c]
    there = kept & ~np.isnan(values)
    scale = fit_scale(np.where(there, values, 0.0), there)
    scaled = (values - scale.centre[:, None]) / scale.scale[:, None]
    profile, _ = fit_profile(scaled, there, batch.local_times)
    moves = scaled - profile_at(profile, batch.local_times)
    return scale.centre, scale.scale, profile, np.nan_to_num(quantile(np.abs(moves), there, USUAL)), moves


def _slopes(target: FloatArray, moves: FloatArray, kept: BoolArray, length: int) -> FloatArray:
    """[C] of one series, in scaled units, from [T] and [C, T]; 0 for a covariate that explains nothing."""
    slope, there = np.zeros(len(moves)), ~np.isnan(moves)
    chosen = np.flatnonzero((there & kept).sum(axis=1) >= PRESENT * max(1, kept.sum()))
    at = np.flatnonzero(kept & there[chosen].all(axis=0))
    if len(at) < FEWEST:
        return slope
    block, taught = at // length, np.arange(len(at)) < (1 - CHECKED) * len(at)
    wanted, given = _levelled(target[None, at], block)[0], _levelled(moves[:, at], block)
    while len(chosen):
        share = _huber(given[chosen][:, taught], wanted[taught])
        parts = share[:, None] * given[chosen][:, ~taught]
        rest = wanted[~taught] - parts.sum(axis=0)
        error = np.abs(rest + parts).mean(axis=1)  # without each of them
        weakest = int(error.argmin())
        if error[weakest] > (1 + GAIN) * np.abs(rest).mean():
            slope[chosen] = share
            break
        chosen = np.delete(chosen, weakest)
    return slope


def _levelled(values: FloatArray, block: NDArray[np.int64]) -> FloatArray:
    """[K, N] less the mean of each block of columns."""
    block = np.unique(block, return_inverse=True)[1]
    count = np.bincount(block)
    return np.stack([row - (np.bincount(block, row) / count)[block] for row in values])


def _huber(given: FloatArray, wanted: FloatArray) -> FloatArray:
    """[K] slopes of wanted [N] on given [K, N], by weights that fall with the distance."""
    weight: FloatArray = np.ones(len(wanted))
    share: FloatArray = np.zeros(len(given))
    for _ in range(ROUNDS):
        weighted = given * weight
        square = weighted @ given.T
        square[np.diag_indices(len(square))] += 1e-6 * np.trace(square) + 1e-12
        share = np.asarray(np.linalg.solve(square, weighted @ wanted), np.float64)
        rest = np.abs(wanted - share @ given)
        spread = HUBER * NORMAL_MAD * np.median(rest)
        if spread == 0:
            break
        weight = np.minimum(1.0, spread / np.maximum(rest, spread))
    return share
