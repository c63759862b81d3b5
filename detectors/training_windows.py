"""From a view to mini-batches of windows: what trains, what validates, and which columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import FloatArray, Progress, SeriesBatch
from detectors.history import holdout_samples
from detectors.stacked import Weights
from detectors.training import TrainingPlan, train
from detectors.trend_view import TrendView

VALIDATION_SHARE = 0.15  # of what is not held out, the last part
MAX_TARGET_SPREADS = 50.0  # a target is clipped there: beyond, it teaches nothing more


@dataclass(frozen=True)
class TrainingData:
    """A view as tensors. Held-out samples, by which models are compared, count in no loss."""

    deviation: Tensor  # [S, T]
    seen: Tensor  # [S, T] bool: may be an input
    train_mask: Tensor  # [S, T] 0 or 1: counts in the loss
    validation_mask: Tensor  # [S, T] 0 or 1: counts in the validation
    profile: Tensor  # [S, T]
    calendar: Tensor  # [T, FEATURES]
    known: Tensor  # [S, FEATURES]
    # [S, 3] columns where the history begins, where validation begins, where it ends
    bounds: FloatArray


def training_data(view: TrendView, batch: SeriesBatch, device: str) -> TrainingData:
    """Splits each series by its own time: first training, then validation, and nothing of the
    held-out samples."""
    mask = view.seen & ~holdout_samples(batch)
    column = np.arange(mask.shape[1])
    first = mask.argmax(axis=1)
    end = mask.shape[1] - mask[:, ::-1].argmax(axis=1)
    cut = end - np.floor(VALIDATION_SHARE * (end - first))
    early = column < cut[:, None]
    deviation = np.clip(view.deviation, -MAX_TARGET_SPREADS, MAX_TARGET_SPREADS)

    def floats(array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array.astype(np.float32)).to(device)

    return TrainingData(
        deviation=floats(deviation),
        seen=torch.from_numpy(view.seen).to(device),
        train_mask=floats(mask & early),
        validation_mask=floats(mask & ~early),
        profile=floats(view.profile),
        calendar=torch.from_numpy(view.calendar).to(device),
        known=torch.from_numpy(view.known).to(device),
        bounds=np.stack([first, cut, end], axis=1).astype(np.float64),
    )


def spans(
    data: TrainingData, part: str, length: int, count: int, rng: np.random.Generator
) -> Tensor:
    """[S, L, B] columns of `count` windows: at random for "train", evenly spread for "validate".

    One draw serves all series, as shares of the history that each of them has. So the result for a
    series does not depend on its neighbours.
    """
    first, cut, end = data.bounds.T[:, :, None]  # [S, 1]
    if part == "train":
        starts = first + rng.random(count) * np.maximum(cut - first - length, 1)
    else:
        run_up = length // 5
        room = np.maximum(end - cut + run_up - length, 1)
        starts = cut - run_up + np.linspace(0, 1, count) * room
    columns = starts.astype(np.int64)[:, None, :] + np.arange(length)[:, None]
    columns = np.clip(columns, 0, data.deviation.shape[1] - 1)
    return torch.from_numpy(columns).to(data.deviation.device)


@dataclass(frozen=True)
class WindowSampling:
    """How windows are drawn."""

    window: int  # steps
    batch: int  # windows of a mini-batch
    validation: int  # windows of the validation
    seed: int


Loss = Callable[[Weights, TrainingData, Tensor, np.random.Generator | None], Tensor]


def learn(
    loss: Loss,
    data: TrainingData,
    start: Weights,
    plan: TrainingPlan,
    sampling: WindowSampling,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """`train` on windows of the data.

    loss: (weights, data, columns [S, L, B], generator) -> [S]; without a generator it is that of
    the validation.
    """
    rng = np.random.default_rng(sampling.seed)
    validation_columns = spans(data, "validate", sampling.window, sampling.validation, rng)

    def training_loss(weights: Weights, step: int) -> Tensor:
        rng = np.random.default_rng([sampling.seed, step])
        columns = spans(data, "train", sampling.window, sampling.batch, rng)
        return loss(weights, data, columns, rng)

    def validation_loss(weights: Weights) -> Tensor:
        with torch.no_grad():
            return loss(weights, data, validation_columns, None)

    device = str(data.deviation.device)
    return train(training_loss, validation_loss, start, plan, device=device, progress=progress)


def gather_columns(array: Tensor, columns: Tensor) -> Tensor:
    """array [S, T] at columns [S, ...] -> [S, ...]."""
    return array.gather(1, columns.flatten(1)).view(columns.shape)
