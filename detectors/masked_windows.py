"""What the window autoencoders share: windows whose last place is hidden, because it is scored.

A window is W deviations from the trend, a mask of those that may be seen, and a context: calendar
and profile of the last place. The model returns mean and width of every place, in spreads of the
trend, as a Laplace distribution.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FloatArray
from detectors.layers import ROWS, Floats, Layers
from detectors.places import blanks
from detectors.recurrent import MAX_DEVIATION_SPREADS, MAX_PROFILE_SPREADS, MIN_WIDTH_SPREADS
from detectors.season import FEATURES
from detectors.stepping import MAX_AGE_STEPS, ages, hold
from detectors.trend_view import TrendView

CONTEXT = FEATURES + 1  # calendar and profile of the scored sample
MAX_WINDOWS = 16_384  # of all series that are held in memory at once

# Values and shown [S, N, W], context [S, N, CONTEXT] -> arrays [S, N].
WindowModel = Callable[[Floats, Floats, Floats], tuple[Floats, ...]]


def cold(rows: int, window: int) -> dict[str, NDArray[Any]]:
    """The carry of S series of which nothing has been seen."""
    blank = np.zeros((rows, window - 1), np.float32)
    return {
        "values": blank,
        "shown": blank,
        "age": np.full(rows, MAX_AGE_STEPS),
        "widest": np.zeros(rows),
    }


def slide(
    model: WindowModel, view: TrendView, carry: Arrays
) -> tuple[list[FloatArray], dict[str, NDArray[Any]]]:
    """The arrays [S, T] that the model returns for the window that ends with each sample, and the
    next values and mask."""
    steps = view.deviation.shape[1]
    bound = MAX_DEVIATION_SPREADS
    clipped = np.clip(view.deviation.astype(np.float32), -bound, bound)
    observed = view.seen.astype(np.float32)
    # [S, W - 1 + T]
    values = np.concatenate([carry["values"], np.arcsinh(clipped) * observed], axis=1)
    mask = np.concatenate([carry["shown"], observed], axis=1)
    next_carry = {"values": values[:, steps:].copy(), "shown": mask[:, steps:].copy()}
    ends = blanks(view.first, steps, ROWS)  # see detectors.places
    outputs = _run_chunks(
        model,
        np.pad(values, ((0, 0), ends)),
        np.pad(mask, ((0, 0), ends)),
        np.pad(_context(view), ((0, 0), ends, (0, 0))),
    )
    scored = slice(ends[0], ends[0] + steps)
    arrays = [
        np.concatenate(parts, axis=1)[:, scored].astype(np.float64)
        for parts in zip(*outputs, strict=True)
    ]
    return arrays, next_carry


def _run_chunks(
    model: WindowModel, values: Floats, mask: Floats, context: Floats
) -> list[tuple[Floats, ...]]:
    """What the model returns for some windows at once, part by part.

    values, mask: [S, W - 1 + N]. context: [S, N, CONTEXT], N a multiple of `layers.ROWS`.
    """
    length = values.shape[1] - context.shape[1]  # of a window without its last place
    count = ROWS * max(1, MAX_WINDOWS // (ROWS * max(1, len(values))))
    outputs = list[tuple[Floats, ...]]()
    for start in range(0, context.shape[1], count):
        part = context[:, start : start + count]
        columns = slice(start, start + part.shape[1] + length - 1)
        # The last place of each window is the blank that is added at its end.
        window, shown = (_windows(array[:, columns], length) for array in (values, mask))
        outputs.append(model(window, shown, part))
    return outputs


def _windows(array: Floats, length: int) -> Floats:
    """array [S, length - 1 + N] -> [S, N, length + 1], with a blank as the last place of each."""
    views = np.lib.stride_tricks.sliding_window_view(array, length, axis=1)
    windows = np.zeros((*views.shape[:2], length + 1), np.float32)
    windows[..., :length] = views
    return windows


def predict_windows(
    model: WindowModel, view: TrendView, carry: Arrays
) -> tuple[FloatArray, FloatArray, Arrays]:
    """A `model.Prediction`, from a model that returns mean and width of the last place."""
    (mean, width), next_carry = slide(model, view, carry)
    age, next_age = ages(view.seen, carry["age"])
    width, widest = hold(width, age, carry["widest"])
    return mean, width, {**next_carry, "age": next_age, "widest": widest}


def positive_width(layers: Layers, raw: Any) -> Any:
    """A width in spreads of the trend."""
    return layers.softplus(raw) + MIN_WIDTH_SPREADS


def _context(view: TrendView) -> Floats:
    """[S, T, CONTEXT]"""
    calendar = view.calendar * view.known[:, None, :]
    profile = np.clip(view.profile, -MAX_PROFILE_SPREADS, MAX_PROFILE_SPREADS)
    return np.concatenate([calendar, profile[..., None].astype(np.float32)], axis=-1)
