"""What other series explain of a series at the same time.

It is taken out before the trend, and put back into the band. A band must not move while its own
series misbehaves, so what moves it at once must come from elsewhere: a robust linear share of the
covariates. It is learnt from unusual moves alone: season and slow level of both sides are taken
out first, so that two series that merely have the same day explain nothing of each other. A
covariate that explains nothing has the slope 0.

Where a covariate with a slope is missing, the sample is a gap to the model. It is judged by a band
around what the covariate usually is at that hour, wider by what the covariate may have been.
Sources: Huber (1964), robust regression; Pankratz (1991), dynamic regression.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors import bands
from detectors.api import Arrays, Band, BoolArray, DetectorError, FloatArray, Scores, SeriesBatch
from detectors.fitted import Fitted, forecast
from detectors.history import holdout_samples
from detectors.profile import Profile, fit_profile, profile_at
from detectors.scaling import NORMAL_MAD, fit_scale, quantile
from detectors.season import Clock
from detectors.state_arrays import from_arrays, stored_as, to_arrays

COVARIATE_PREFIX = "covariates."  # of these arrays in a state
# A level counts as constant over one block, of so many steps at least.
BLOCK_SECONDS = 6 * 3600
BLOCK_STEPS = 24
PRESENCE_SHARE = 0.8  # of the samples at which a covariate must be there to have a slope
MIN_SAMPLES = 64  # that a slope is learnt from
CHECK_SHARE = 0.2  # of these samples, the last ones: a covariate must help there
MIN_GAIN_SHARE = 0.05  # of the error, by which it must help
HUBER_SPREADS = 1.345  # beyond which a sample pulls no harder
HUBER_ROUNDS = 8  # of the regression
RANGE_QUANTILE = 0.99  # of the distance of a covariate from its season: its usual range
MIN_WIDTH_SHARE = 1e-3  # of the robust scale: no band is narrower, however much is explained
EXCESS_DOUBT_SHARE = 0.25  # of what lies beyond the usual range is not believed


@dataclass(frozen=True)
class CovariateFit:
    """What was learnt of C covariates of S series.

    A covariate is measured in its own robust scale unless a field says otherwise.
    """

    centre: FloatArray  # [S, C] units of the covariate
    scale: FloatArray  # [S, C] units of the covariate
    profile: Profile  # [S, C, PROFILE_COLUMNS]
    slope: FloatArray  # [S, C] units of the series for one of the covariate; 0 = explains nothing
    resolution: FloatArray  # [S] units of the series
    unit: FloatArray  # [S] robust scale of the series itself
    usual_range: FloatArray = stored_as("reach")  # [S, C] how far it usually is from its profile

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        return to_arrays(self, COVARIATE_PREFIX)

    @classmethod
    def restore(cls, state: Arrays) -> "CovariateFit":
        return from_arrays(cls, state, COVARIATE_PREFIX)


@dataclass(frozen=True)
class ExplainedBatch:
    """A batch, divided into what its covariates explain and the rest."""

    # For the model; its covariates are scaled, and a missing one with a slope makes a gap.
    residual: SeriesBatch
    explained: FloatArray  # [S, T] what was taken out, units of the series
    widening: FloatArray  # [S, T] by how much that may be wrong


@dataclass(frozen=True)
class WithCovariates:
    """A fitted stack that sees a series without what its covariates explain.

    Implements `FittedDetector`.
    """

    inner: Fitted
    covariate_fit: CovariateFit

    @property
    def state(self) -> Arrays:
        return {**self.inner.state, **self.covariate_fit.state}

    @property
    def after(self) -> Arrays | None:
        return self.inner.after

    @property
    def recent_bands(self) -> Band | None:
        """None: the inner bands are those of the residual, not of the series."""
        return None

    @property
    def loss(self) -> FloatArray:
        """In the scale of the series itself, so that it compares with that of detectors without
        covariates."""
        return np.asarray(self.inner.loss * self.inner.trend.unit / self.covariate_fit.unit)

    def score(self, batch: SeriesBatch, carry: Arrays | None = None) -> Scores:
        """See `FittedDetector.score`; in a batch without covariates all of them are missing."""
        parts = explain_batch(self.covariate_fit, batch)
        scores = self.inner.score(parts.residual, carry)
        band = Band(
            lower=scores.band.lower + parts.explained - parts.widening,
            expected=scores.band.expected + parts.explained,
            upper=scores.band.upper + parts.explained + parts.widening,
        )
        band = bands.round_band(band, self.covariate_fit.resolution)
        return Scores(bands.rescore(batch.values, batch.observed, band), band, scores.carry)

    def forecast(self, batch: SeriesBatch, horizon: int, carry: Arrays | None = None) -> Band:
        """See `FittedDetector.forecast`: in the future, every covariate is missing."""
        return forecast(self, batch, horizon, carry)


def explain_batch(fit: CovariateFit, batch: SeriesBatch) -> ExplainedBatch:
    """Takes out of a batch what its covariates explain."""
    scaled = _scale_covariates(fit, batch)
    slope = fit.slope[..., None]
    usual_range = fit.usual_range[..., None]
    explained = np.zeros(batch.shape)
    widening = np.zeros(batch.shape)
    complete = np.ones(batch.shape, bool)
    for c in range(fit.slope.shape[1]):
        profile = profile_at(fit.profile[:, c], Clock.of(batch))
        missing = np.isnan(scaled[:, c])
        excess = np.maximum(np.abs(scaled[:, c] - profile) - usual_range[:, c], 0.0)
        explained += slope[:, c] * np.where(missing, profile, scaled[:, c])
        doubt = np.where(missing, usual_range[:, c], EXCESS_DOUBT_SHARE * excess)
        widening += np.abs(slope[:, c]) * doubt
        complete &= ~missing | (slope[:, c] == 0)
    residual = replace(
        batch,
        values=batch.values - explained,
        observed=batch.observed & complete,
        covariates=scaled,
    )
    return ExplainedBatch(residual, explained, widening)


def _scale_covariates(fit: CovariateFit, batch: SeriesBatch) -> FloatArray:
    """[S, C, T]; NaN = missing. Raises DetectorError for another number of covariates."""
    count = fit.slope.shape[1]
    if batch.covariates.shape[1] not in (0, count):
        raise DetectorError(
            f"the model was fitted with {count} covariates, and the batch has "
            f"{batch.covariates.shape[1]}: give it the same ones in the same order, or fit anew"
        )
    covariates = batch.covariates
    if not covariates.size:
        covariates = np.full((batch.shape[0], count, batch.shape[1]), np.nan)
    return np.asarray((covariates - fit.centre[..., None]) / fit.scale[..., None])


def fit_covariates(batch: SeriesBatch) -> CovariateFit:
    """Learns from the trusted samples that are not held out."""
    train_mask = batch.observed & batch.usable & ~holdout_samples(batch)  # [S, T]
    clock = Clock.of(batch)
    scale = fit_scale(batch.values, train_mask)
    target = np.where(train_mask, batch.values, 0.0) - scale.centre[:, None]
    target = target / scale.scale[:, None]
    target = target - profile_at(fit_profile(target, train_mask, clock)[0], clock)
    channels = [_fit_channel(batch, train_mask, c) for c in range(batch.covariates.shape[1])]
    moves = np.stack([channel.moves for channel in channels], axis=1)
    length = max(BLOCK_STEPS, BLOCK_SECONDS // batch.step)
    slope = np.stack(
        [_slopes(target[row], moves[row], train_mask[row], length) for row in range(len(target))]
    )
    return CovariateFit(
        centre=np.stack([channel.centre for channel in channels], axis=1),
        scale=np.stack([channel.scale for channel in channels], axis=1),
        profile=np.stack([channel.profile for channel in channels], axis=1),
        usual_range=np.stack([channel.usual_range for channel in channels], axis=1),
        slope=slope * scale.scale[:, None],
        resolution=np.maximum(scale.resolution, MIN_WIDTH_SHARE * scale.scale),
        unit=scale.scale,
    )


class _Channel(NamedTuple):
    """One covariate of each series."""

    centre: FloatArray  # [S]
    scale: FloatArray  # [S]
    profile: Profile  # [S, PROFILE_COLUMNS]
    usual_range: FloatArray  # [S]
    moves: FloatArray  # [S, T] distance from the profile


def _fit_channel(batch: SeriesBatch, train_mask: BoolArray, c: int) -> _Channel:
    values = batch.covariates[:, c]
    mask = train_mask & ~np.isnan(values)
    scale = fit_scale(np.where(mask, values, 0.0), mask)
    scaled = (values - scale.centre[:, None]) / scale.scale[:, None]
    profile, _ = fit_profile(scaled, mask, Clock.of(batch))
    moves = scaled - profile_at(profile, Clock.of(batch))
    usual_range = np.nan_to_num(quantile(np.abs(moves), mask, RANGE_QUANTILE))
    return _Channel(scale.centre, scale.scale, profile, usual_range, moves)


def _slopes(
    target: FloatArray, moves: FloatArray, train_mask: BoolArray, length: int
) -> FloatArray:
    """[C] of one series, in scaled units, from [T] and [C, T]; 0 if a covariate explains nothing.

    The covariate that helps least is dropped until all that are left help.
    """
    slope = np.zeros(len(moves))
    has_value = ~np.isnan(moves)
    sample_counts = (has_value & train_mask).sum(axis=1)
    candidates = np.flatnonzero(sample_counts >= PRESENCE_SHARE * max(1, train_mask.sum()))
    columns = np.flatnonzero(train_mask & has_value[candidates].all(axis=0))
    if len(columns) < MIN_SAMPLES:
        return slope
    block = columns // length
    train = np.arange(len(columns)) < (1 - CHECK_SHARE) * len(columns)
    centred_target = _remove_block_means(target[None, columns], block)[0]
    inputs = _remove_block_means(moves[:, columns], block)
    while len(candidates):
        share = _huber(inputs[candidates][:, train], centred_target[train])
        parts = share[:, None] * inputs[candidates][:, ~train]
        residual = centred_target[~train] - parts.sum(axis=0)
        error = np.abs(residual + parts).mean(axis=1)  # without each of them
        weakest = int(error.argmin())
        if error[weakest] > (1 + MIN_GAIN_SHARE) * np.abs(residual).mean():
            slope[candidates] = share
            break
        candidates = np.delete(candidates, weakest)
    return slope


def _remove_block_means(values: FloatArray, block: NDArray[np.int64]) -> FloatArray:
    """[K, N] less the mean of each block of columns."""
    block = np.unique(block, return_inverse=True)[1]
    count = np.bincount(block)
    return np.stack([row - (np.bincount(block, row) / count)[block] for row in values])


def _huber(inputs: FloatArray, target: FloatArray) -> FloatArray:
    """[K] slopes of target [N] on inputs [K, N], by weights that fall with the distance."""
    weight: FloatArray = np.ones(len(target))
    slope: FloatArray = np.zeros(len(inputs))
    for _ in range(HUBER_ROUNDS):
        weighted = inputs * weight
        square = weighted @ inputs.T
        square[np.diag_indices(len(square))] += 1e-6 * np.trace(square) + 1e-12
        slope = np.asarray(np.linalg.solve(square, weighted @ target), np.float64)
        distance = np.abs(target - slope @ inputs)
        spread = HUBER_SPREADS * NORMAL_MAD * np.median(distance)
        if spread == 0:
            break
        weight = np.minimum(1.0, spread / np.maximum(distance, spread))
    return slope
