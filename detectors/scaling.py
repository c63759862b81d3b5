"""Robust centre, scale and resolution of each series, sane for constant, sparse and quantised
ones."""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray

NORMAL_MAD = 1.4826  # median |x| of a normal distribution is sigma / 1.4826
NORMAL_IQR = 1.3490  # its interquartile range is 1.349 sigma
CONSTANT_SCALE_SHARE = 1e-3  # a series that never moved is given a thousandth of its level as scale
MIN_SCALE = 1e-6  # and this much where that level is zero


@dataclass(frozen=True)
class Scale:
    """Where the values of each series lie; all [S], units of the series."""

    centre: FloatArray
    scale: FloatArray  # > 0
    resolution: FloatArray  # smallest step that the values take; 0 = continuous


def sort_gaps_last(values: FloatArray, mask: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Values sorted along the last axis, those outside the mask at the end as +inf, and the number
    of those in it."""
    ordered = np.sort(np.where(mask, values, np.inf), axis=-1)
    return ordered, mask.sum(axis=-1).astype(np.float64)


def quantile_of_sorted(ordered: FloatArray, count: FloatArray, share: float) -> FloatArray:
    """The `share` quantile of what `gaps_last` returned, between the two nearest ranks; NaN where
    there is nothing."""
    rank = np.maximum(count - 1, 0) * share
    below = np.floor(rank).astype(np.int64)
    above = np.ceil(rank).astype(np.int64)
    low = np.take_along_axis(ordered, below[..., None], -1)[..., 0]
    high = np.take_along_axis(ordered, above[..., None], -1)[..., 0]
    with np.errstate(invalid="ignore"):
        between = low + (high - low) * (rank - below)
    return np.where(count > 0, between, np.nan)


def quantile(values: FloatArray, mask: BoolArray, share: float) -> FloatArray:
    """[S] quantile of the marked entries of each row of [S, T]; NaN where none is marked."""
    return quantile_of_sorted(*sort_gaps_last(values, mask), share)


def fit_scale(values: FloatArray, mask: BoolArray) -> Scale:
    """From [S, T]: median; interquartile range, or the first wider measure that is not zero;
    resolution."""
    ordered, count = sort_gaps_last(values, mask)
    centre = np.nan_to_num(quantile_of_sorted(ordered, count, 0.5))
    spans = ((0.25, 0.75, NORMAL_IQR), (0.05, 0.95, 3.29))  # the same sigma for normal values
    candidates = [
        (quantile_of_sorted(ordered, count, high) - quantile_of_sorted(ordered, count, low)) / sigma
        for low, high, sigma in spans
    ]
    distance = np.where(mask, np.abs(values - centre[:, None]), 0.0)
    candidates += [distance.sum(axis=1) / np.maximum(count, 1), distance.max(axis=1, initial=0.0)]
    constant = np.maximum(CONSTANT_SCALE_SHARE * np.abs(centre), MIN_SCALE)
    scale = np.zeros_like(centre)
    for candidate in candidates:
        noise = 1e-12 * np.abs(centre)  # what rounding alone leaves of a constant
        scale = np.where((scale == 0) & (candidate > noise), candidate, scale)
    resolution = np.where(scale == 0, constant, _resolution(ordered, count))
    return Scale(centre, np.where(scale == 0, constant, scale), resolution)


def _resolution(ordered: FloatArray, count: FloatArray) -> FloatArray:
    """[S] step between neighbouring values where at least half of the samples repeat another;
    else 0."""
    result = np.zeros(len(ordered))
    for row, (values, n) in enumerate(zip(ordered, count.astype(int), strict=True)):
        steps = np.diff(values[:n])
        steps = steps[steps > 1e-12 * np.abs(values[1:n])]  # more than rounding
        if 0 < len(steps) < n / 2:
            result[row] = np.quantile(steps, 0.1)
    return result
