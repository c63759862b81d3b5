"""What the window autoencoders share when they learn: mini-batches of masked windows, and their
loss."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.recurrent import MAX_DEVIATION_SPREADS, MAX_PROFILE_SPREADS
from detectors.recurrent_training import laplace
from detectors.training_windows import TrainingData, gather_columns


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
    profile = gather_columns(data.profile, last)
    profile = profile.clamp(-MAX_PROFILE_SPREADS, MAX_PROFILE_SPREADS).unsqueeze(-1)
    context = torch.cat([data.calendar[last] * data.known[:, None, :], profile], dim=-1)
    counts = gather_columns(data.train_mask if rng else data.validation_mask, columns)
    squashed = torch.asinh(target.clamp(-MAX_DEVIATION_SPREADS, MAX_DEVIATION_SPREADS))
    return WindowBatch(target, squashed * mask, mask, context, counts)


def reconstruction(windows: WindowBatch, mean: Tensor, width: Tensor, *, training: bool) -> Tensor:
    """[S] loss of means and widths [S, B, W]: in training of all places, else of the last one."""
    error = laplace(windows.target, mean, width) * windows.counts
    if training:  # the last place weighs as much as all others together
        places = error.shape[2]
        total = error.sum(dim=2) + (places - 1) * error[..., -1]
        return total.mean(dim=1) / (2 * places)
    return error[..., -1].sum(dim=1) / windows.counts[..., -1].sum(dim=1)


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
