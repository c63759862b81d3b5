"""The scale on which a series is judged: as it is, its square root, or its logarithm.

Counts, sizes and durations spread with their level. On the right scale they spread alike at every
level, and what never is zero does not get a band that reaches it (variance-stabilising transforms:
Bartlett, 1947; the power is chosen by likelihood: Box & Cox, 1964).
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray
from detectors.scaling import Scale, quantile
from detectors.season import Clock
from detectors.votes import KNOTS, SLOTS_PER_KNOT, cast_votes, day_levels, nan_quantile

LINEAR = 1.0
ROOT = 0.5
LOG = 0.0
# What a power must gain in log likelihood per sample: the simpler scale is kept in doubt.
MARGINS = {LINEAR: 0.0, ROOT: 0.06, LOG: 0.15}
BLOCK_SLOTS = 36  # three hours, over which the level counts as constant
HOLDOUT_SHARE = 0.25  # of the days, the last ones: by them powers are compared
MIN_DAYS = 4  # of history, below which all days serve both
CLIP_QUANTILE = 0.9  # of residuals: what lies beyond has no say, so one incident decides nothing
COUNT_SHIFT = 0.375  # of the resolution, as Anscombe (1948) has it for counts
SHIFT_SHARE = 0.1  # of the spread where values are continuous
SMALLEST_POSITIVE = 1e-300


@dataclass(frozen=True)
class Transform:
    """value -> value ** power, or log(value) where the power is 0; after adding a shift."""

    power: FloatArray  # [S] LINEAR, ROOT or LOG
    shift: FloatArray  # [S] units of the series

    def forward(self, values: FloatArray) -> FloatArray:
        """[S, ...] on the scale; what is below zero counts as zero where it is not linear."""
        power, shift = self._columns(values)
        if (power == LINEAR).all():
            return values
        positive = np.maximum(np.maximum(values, 0.0) + shift, SMALLEST_POSITIVE)
        with np.errstate(invalid="ignore"):
            curved = np.where(power == ROOT, np.sqrt(positive), np.log(positive))
        return np.where(power == LINEAR, values, curved)

    def inverse(self, values: FloatArray) -> FloatArray:
        """[S, ...] in units of the series; never below zero where the scale is not linear."""
        power, shift = self._columns(values)
        if (power == LINEAR).all():
            return values
        root = np.maximum(values, 0.0) ** 2
        log = np.exp(np.minimum(values, 700.0))
        curved = np.maximum(np.where(power == ROOT, root, log) - shift, 0.0)
        return np.where(power == LINEAR, values, np.where(np.isnan(values), np.nan, curved))

    def _columns(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        shape = (-1, *[1] * (values.ndim - 1))
        return self.power.reshape(shape), self.shift.reshape(shape)


def fit_transform(values: FloatArray, mask: BoolArray, clock: Clock, scale: Scale) -> Transform:
    """From [S, T] and their scale. Only a series that never is negative gets a root, and only one
    that never is zero a logarithm."""
    rows = len(values)
    lowest = np.where(mask, values, np.inf).min(axis=1, initial=np.inf)
    shift = np.where(
        scale.resolution > 0, COUNT_SHIFT * scale.resolution, SHIFT_SHARE * scale.scale
    )
    votes = cast_votes(np.where(mask, values, 0.0), mask, clock)
    best = np.full(rows, np.inf)
    power = np.full(rows, LINEAR)
    for candidate, margin in MARGINS.items():
        allowed = {LINEAR: lowest > -np.inf, ROOT: lowest >= 0, LOG: lowest > 0}[candidate]
        transform = Transform(np.full(rows, candidate), shift)
        loss = _loss(transform, votes.by_slot, votes.off) + margin
        won = allowed & np.isfinite(lowest) & (loss < best)
        best = np.where(won, loss, best)
        power = np.where(won, candidate, power)
    return Transform(power, np.where(power == LINEAR, 0.0, shift))


def _loss(transform: Transform, means: FloatArray, off: BoolArray) -> FloatArray:
    """[S] minus the log likelihood of the held-out days under Laplace noise around the shape of the
    day and the level of three hours, per sample; infinite where nothing moves.

    means: [S, D, SLOTS] of the samples of each slot.
    """
    rows, days, _ = means.shape
    scaled = transform.forward(means)
    by_knot = nan_quantile(scaled.reshape(rows, days, KNOTS, SLOTS_PER_KNOT), 0.5, axis=3)
    rest = scaled - day_levels(by_knot, off)[:, :, None]
    learnt = days if days < MIN_DAYS else int(np.ceil(days * (1 - HOLDOUT_SHARE)))
    judged = slice(None) if learnt == days else slice(learnt, None)
    shape = np.nan_to_num(nan_quantile(rest[:, :learnt], 0.5, axis=1))
    blocks = (rest[:, judged] - shape[:, None]).reshape(rows, -1, BLOCK_SLOTS)
    size = np.abs(blocks - nan_quantile(blocks, 0.5, axis=2)[..., None]).reshape(rows, -1)
    known = ~np.isnan(size)
    count = np.maximum(known.sum(axis=1), 1)
    size = np.where(known, size, 0.0)
    size = np.minimum(size, np.nan_to_num(quantile(size, known, CLIP_QUANTILE))[:, None])
    mean = size.sum(axis=1) / count
    slope = np.where(known, _log_slope(transform, means[:, judged].reshape(rows, -1)), 0.0)
    log_mean = np.log(np.maximum(mean, SMALLEST_POSITIVE))
    return np.where(mean > 0, log_mean - slope.sum(axis=1) / count, np.inf)


def _log_slope(transform: Transform, values: FloatArray) -> FloatArray:
    """[S, N] logarithm of the derivative of the transform, which makes likelihoods comparable."""
    power = transform.power[:, None]
    positive = np.maximum(np.nan_to_num(values) + transform.shift[:, None], SMALLEST_POSITIVE)
    factor = np.where(power == ROOT, np.log(ROOT), 0.0)
    return (power - 1.0) * np.log(positive) + factor
