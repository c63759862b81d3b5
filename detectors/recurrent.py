"""What the recurrent forecasters share when they score: inputs, block by block, and what the
outputs mean. Windows to learn from: `detectors.recurrent_training`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from detectors import places
from detectors.api import FloatArray
from detectors.layers import ROWS, Floats, sigmoid
from detectors.places import Block, blanks
from detectors.season import FEATURES
from detectors.trend_view import TrendView

INPUTS = 4 + FEATURES  # last deviation, present, age, profile, calendar
# Those that are known beforehand: all but the last deviation, and whether it is present.
KNOWN_INPUTS = slice(2, None)
MIN_WIDTH_SPREADS = 0.05  # of a forecast
MAX_DEVIATION_SPREADS = 8.0  # a deviation counts as so many at most
MAX_PROFILE_SPREADS = 4.0  # the same for a profile
MAX_TRAINED_AGE = 64.0  # steps; an older sample looks the same to a network
CHUNK_COLUMNS = 256  # whose inputs are held in memory at once


class RecentColumns(NamedTuple):
    """The last sample before each column of a batch."""

    deviation: FloatArray  # [S, T] faded
    age: FloatArray  # [S, T] steps
    max_age: float = MAX_TRAINED_AGE
    lag: FloatArray | None = None  # [S, T] deviation of the day before; None = not an input


def covariate_inputs(covariates: FloatArray) -> Floats:
    """[S, T, 2 C] what a network sees of scaled covariates [S, C, T]: the values, 0 where missing,
    and which are present."""
    has_value = ~np.isnan(covariates)
    numbers = np.arcsinh(np.where(has_value, covariates, 0.0).astype(np.float32))
    both = np.concatenate([numbers, has_value.astype(np.float32)], axis=1)
    return np.ascontiguousarray(both.transpose(0, 2, 1))


def input_blocks(
    view: TrendView, recent: RecentColumns, covariates: Floats | None = None
) -> Iterator[tuple[Block, Floats]]:
    """The columns of a view, up to `CHUNK_COLUMNS` at once, with their inputs [S, N, INPUTS], N a
    multiple of `layers.ROWS`.

    See `detectors.places` for the blanks. covariates: [S, T, K] so many more inputs.
    """
    for chunk in places.blocks(view.first, view.deviation.shape[1], CHUNK_COLUMNS):
        columns = chunk.columns
        x = _chunk_inputs(view, columns, recent)
        if covariates is not None:
            x = np.concatenate([x, covariates[:, columns]], axis=-1)
        count = columns.stop - columns.start
        left, right = blanks(view.first + columns.start, count, ROWS)
        yield Block(columns, slice(left, left + count)), np.pad(x, ((0, 0), (left, right), (0, 0)))


def _chunk_inputs(view: TrendView, columns: slice, recent: RecentColumns) -> Floats:
    """[S, L, INPUTS] of some columns, or one more with a lag."""
    age = recent.age[:, columns]
    arrays = [
        np.arcsinh(recent.deviation[:, columns]),
        age <= 1,
        np.log(np.minimum(age, recent.max_age)) / 2,
        np.clip(view.profile[:, columns], -MAX_PROFILE_SPREADS, MAX_PROFILE_SPREADS),
    ]
    calendar = view.calendar[columns] * view.known[:, None]
    parts = [np.stack([array.astype(np.float32) for array in arrays], axis=-1), calendar]
    if recent.lag is not None:
        parts.append(np.arcsinh(recent.lag[:, columns, None]).astype(np.float32))
    return np.concatenate(parts, axis=-1)


def gated_head(out: Floats, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and width [S, T] in spreads of the trend, from out [3, S, T] and the last deviation [S,
    T]; in double precision."""
    net, gate, raw = out.astype(np.float64)
    return net + sigmoid(gate) * last, np.logaddexp(0.0, raw) + MIN_WIDTH_SPREADS


def fade(deviation: FloatArray, age: FloatArray, max_age: float = MAX_TRAINED_AGE) -> FloatArray:
    """A last deviation, faded: all of it one step later, nothing of it after `max_age` steps."""
    clipped = np.clip(deviation, -MAX_DEVIATION_SPREADS, MAX_DEVIATION_SPREADS)
    return np.asarray(clipped * np.maximum(1 - (age - 1) / max_age, 0.0))
