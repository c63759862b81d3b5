"""The forecasts of new models against those of the active ones, on samples that neither has learnt
from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FloatArray, SeriesBatch
from detectors.bands import pinball_losses
from detectors.history import ALARM_MARGIN_SECONDS, MIN_SAMPLES, around, holdout_samples
from plugin.domain.times import HOUR
from plugin.series import IntArray

NOISE_SHARE = 0.05  # of the loss: what refits of one series differ by when nothing has changed
MAX_STANDARD_ERRORS = 2.0
# Of the half-width of the band. Without it, nothing would count as noise for a series that hardly
# moves: its losses are tiny.
NEGLIGIBLE_SHARE = 0.0005
BLOCK_SECONDS = HOUR  # neighbouring samples are alike: the mean of each hour counts as one


@dataclass(frozen=True)
class ForecastLosses:
    """Mean pinball losses [R]; NaN where there are too few samples to compare."""

    challenger: FloatArray
    champion: FloatArray
    tolerance: FloatArray  # by so much the challenger may be worse
    samples: IntArray

    @classmethod
    def of(
        cls, batch: SeriesBatch, challenger: Band, champions: Sequence[Band]
    ) -> "ForecastLosses":
        """challenger: its bands up to the end of the batch. champions: one [1, N] for each row, of
        the last N columns."""
        steps = champions[0].expected.shape[1]
        old = np.concatenate([band.expected for band in champions])
        new = challenger.expected[:, -steps:]
        counts = _held_out_calm(batch)[:, -steps:] & np.isfinite(new) & np.isfinite(old)
        values = batch.values[:, -steps:]
        new_losses = _losses(values - new, counts)
        old_losses = _losses(values - old, counts)
        mean_old = _means(old_losses, counts)
        error = _standard_error(
            new_losses - old_losses, counts, max(1, BLOCK_SECONDS // batch.step)
        )
        half_width = np.concatenate([0.5 * (band.upper - band.lower) for band in champions])
        noise = [
            NOISE_SHARE * mean_old,
            MAX_STANDARD_ERRORS * error,
            NEGLIGIBLE_SHARE * _medians(half_width, counts),
        ]
        return cls(
            challenger=_means(new_losses, counts),
            champion=mean_old,
            tolerance=np.max(noise, axis=0),
            samples=counts.sum(axis=1),
        )

    def worse(self, row: int) -> bool:
        """Whether the challenger of a row forecasts worse; not where nothing can be compared."""
        return bool(self.challenger[row] > self.champion[row] + self.tolerance[row])

    def describe(self, row: int) -> str:
        """The numbers of a row, in words."""
        new = float(self.challenger[row])
        old = float(self.champion[row])
        samples = int(self.samples[row])
        if np.isnan(new) or np.isnan(old):
            return f"forecasts not compared: {samples} calm samples"
        return (
            f"held-out loss {new:.3g} against {old:.3g} on {samples} samples (up to"
            f" {float(self.tolerance[row]):.2g} more is noise)"
        )


def _held_out_calm(batch: SeriesBatch) -> BoolArray:
    """[S, T] held-out samples that are not near an alarm: a model that has learnt an incident must
    not win because of it."""
    margin = max(2, ALARM_MARGIN_SECONDS // batch.step)
    calm: BoolArray = holdout_samples(batch) & ~around(batch.alarmed, margin)
    return calm


def _losses(errors: FloatArray, counts: BoolArray) -> FloatArray:
    """[R, N] the mean pinball loss of each sample; 0 where it does not count."""
    losses: FloatArray = np.mean(
        list(pinball_losses(np.where(counts, errors, 0.0), counts)), axis=0
    )
    return losses


def _means(losses: FloatArray, counts: BoolArray) -> FloatArray:
    """[R] over the samples that count; NaN where these are too few."""
    number = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(number >= MIN_SAMPLES, losses.sum(axis=1) / number, np.nan)


def _medians(array: FloatArray, counts: BoolArray) -> FloatArray:
    """[R] over the samples that count; 0 where there are none."""
    return np.array(
        [
            np.median(row[mask]) if mask.any() else 0.0
            for row, mask in zip(array, counts, strict=True)
        ]
    )


def _standard_error(difference: FloatArray, counts: BoolArray, length: int) -> FloatArray:
    """[R] of the mean difference over the samples that count, by blocks of `length` columns."""
    edges = np.arange(0, difference.shape[1], length)
    block_counts = np.add.reduceat(counts, edges, axis=1, dtype=np.int64)
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mean = difference.sum(axis=1, keepdims=True) / total
    deviations = np.add.reduceat(difference, edges, axis=1) - block_counts * mean
    blocks = np.maximum((block_counts > 0).sum(axis=1), 2)
    error: FloatArray = np.sqrt((deviations**2).sum(axis=1) * blocks / (blocks - 1)) / total[:, 0]
    return error
