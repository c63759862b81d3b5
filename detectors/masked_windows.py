"""What the window autoencoders share: windows whose last place is hidden, because it is scored.

A window is W deviations from the trend, a mask of those that may be seen, and a context: calendar
and profile of the last place. The model returns mean and width of every place, in spreads of the
trend, as a Laplace distribution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from detectors.api import Arrays, FloatArray
from detectors.places import blanks
from detectors.recurrent import MAX_DEVIATION_SPREADS, MIN_WIDTH_SPREADS, laplace
from detectors.season import FEATURES
from detectors.stepping import MAX_AGE_STEPS, ages, hold
from detectors.training_windows import TrainingData, gather_columns
from detectors.trend_view import TrendView

CONTEXT = FEATURES + 1  # calendar and profile of the scored sample
BLOCK_WINDOWS = 16  # that are computed together

# Values and shown [S, N, W], context [S, N, CONTEXT] -> arrays [S, N].
WindowModel = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class WindowBatch:
    """The B windows of a mini-batch."""

    target: Tensor  # [S, B, W]
    values: Tensor  # [S, B, W] squashed, 0 where hidden
    shown: Tensor  # [S, B, W] 0 or 1
    context: Tensor  # [S, B, CONTEXT]
    counts: Tensor  # [S, B, W] 0 or 1: what is taught or validated


def window_batch(
    data: TrainingData, window_columns: Tensor, rng: np.random.Generator | None
) -> WindowBatch:
    """The windows at `window_columns` [S, W, B]. With rng, which only the training has, more than
    the last place is hidden."""
    columns = window_columns.transpose(1, 2)
    target = gather_columns(data.deviation, columns)
    observed = gather_columns(data.seen, columns)
    last = window_columns[:, -1]
    hidden = _random_hidden(rng, *columns.shape[1:]) if rng else _last_hidden(*columns.shape[1:])
    mask = (observed & ~torch.from_numpy(hidden).to(window_columns.device)).to(target.dtype)
    context = _context(
        data.calendar[last] * data.known[:, None, :], gather_columns(data.profile, last)
    )
    counts = gather_columns(data.train_mask if rng else data.validation_mask, columns)
    return WindowBatch(target, squash(target) * mask, mask, context, counts)


def reconstruction(windows: WindowBatch, mean: Tensor, width: Tensor, *, training: bool) -> Tensor:
    """[S] loss of means and widths [S, B, W]: in training of all places, else of the last one."""
    error = laplace(windows.target, mean, width) * windows.counts
    if training:  # the last place weighs as much as all others together
        places = error.shape[2]
        total = error.sum(dim=2) + (places - 1) * error[..., -1]
        return total.mean(dim=1) / (2 * places)
    return error[..., -1].sum(dim=1) / windows.counts[..., -1].sum(dim=1)


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
    model: WindowModel, view: TrendView, carry: Arrays, device: str
) -> tuple[list[FloatArray], dict[str, NDArray[Any]]]:
    """The arrays [S, T] that the model returns for the window that ends with each sample, and the
    next values and mask."""
    steps = view.deviation.shape[1]
    window_length = carry["values"].shape[1]
    bound = MAX_DEVIATION_SPREADS
    clipped = np.clip(view.deviation.astype(np.float32), -bound, bound)
    squashed = np.arcsinh(clipped)  # not by torch: see detectors.places
    new, observed, profile = (
        torch.from_numpy(array.astype(np.float32)).to(device)
        for array in (squashed, view.seen, view.profile)
    )
    calendar, knows_day = (
        torch.from_numpy(array).to(device) for array in (view.calendar, view.known)
    )
    # [S, W - 1 + T]
    values, mask = (
        torch.cat([torch.as_tensor(carry[name], device=device), array], dim=1)
        for name, array in (("values", new * observed), ("shown", observed))
    )
    next_carry = {
        name: array[:, steps:].cpu().numpy().copy()
        for name, array in (("values", values), ("shown", mask))
    }
    left, right = blanks(view.first, steps, BLOCK_WINDOWS)
    values = pad(values, (left, right))
    mask = pad(mask, (left, right))
    context = pad(_context(calendar * knows_day[:, None, :], profile), (0, 0, left, right))
    outputs = _run_blocks(model, values, mask, context, window_length)
    arrays = [
        torch.cat(parts, dim=1)[:, left : left + steps].cpu().numpy().astype(np.float64)
        for parts in zip(*outputs, strict=True)
    ]
    return arrays, next_carry


def _run_blocks(
    model: WindowModel, values: Tensor, mask_columns: Tensor, context: Tensor, window_length: int
) -> list[tuple[Tensor, ...]]:
    """What the model returns for each block of `BLOCK_WINDOWS` windows.

    values, mask_columns: [S, window_length + N]. context: [S, N, CONTEXT], N a multiple of the
    block.
    """
    outputs = list[tuple[Tensor, ...]]()
    with torch.inference_mode():
        for block in torch.split(context, BLOCK_WINDOWS, dim=1):  # see detectors.places
            start = BLOCK_WINDOWS * len(outputs)
            columns = slice(start, start + BLOCK_WINDOWS + window_length - 1)
            # The last place of each window is the blank that is added at its end.
            window, mask = (
                pad(array[:, columns].unfold(1, window_length, 1), (0, 1))
                for array in (values, mask_columns)
            )
            outputs.append(model(window, mask, block.contiguous()))
    return outputs


def predict_windows(
    model: WindowModel, view: TrendView, carry: Arrays, device: str
) -> tuple[FloatArray, FloatArray, Arrays]:
    """A `model.Prediction`, from a model that returns mean and width of the last place."""
    (mean, width), next_carry = slide(model, view, carry, device)
    age, next_age = ages(view.seen, carry["age"])
    width, widest = hold(width, age, carry["widest"])
    return mean, width, {**next_carry, "age": next_age, "widest": widest}


def positive_width(raw: Tensor) -> Tensor:
    """A width in spreads of the trend."""
    return softplus(raw) + MIN_WIDTH_SPREADS


def squash(deviation: Tensor) -> Tensor:
    return torch.asinh(deviation.clamp(-MAX_DEVIATION_SPREADS, MAX_DEVIATION_SPREADS))


def _context(calendar: Tensor, profile: Tensor) -> Tensor:
    """[..., CONTEXT] from calendar [..., FEATURES] and profile [...]."""
    return torch.cat([calendar, profile.clamp(-4.0, 4.0).unsqueeze(-1)], dim=-1)


def _last_hidden(batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] True at the last place, which is the one to be scored."""
    hidden = np.zeros((batch, window), bool)
    hidden[:, -1] = True
    return hidden


def _random_hidden(rng: np.random.Generator, batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] what may not be seen: the last place, some others, and in every fourth window a run up
    to the end."""
    run = rng.integers(2, window + 1, batch) * (rng.random(batch) < 0.25)
    run_mask = np.arange(window) >= window - run[:, None]
    return _last_hidden(batch, window) | run_mask | (rng.random((batch, window)) < 0.1)
