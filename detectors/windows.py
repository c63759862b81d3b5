"""From one course to mini-batches of windows: what may teach, what may validate, and which columns to take."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import FloatArray, Progress, SeriesBatch
from detectors.fitting import Plan, train
from detectors.history import held_out
from detectors.stacked import Weights
from detectors.trend import Course

VALIDATE = 0.15  # the last share of what is not held out
FARTHEST_TARGET = 50.0  # spreads; a target beyond teaches nothing more


@dataclass(frozen=True)
class Material:
    """A course as tensors, with the held-out samples, by which models are compared, left out of every loss."""

    deviation: Tensor  # [S, T]
    seen: Tensor  # [S, T] bool: may be an input
    taught: Tensor  # [S, T] 0 or 1: counts in the loss
    validated: Tensor  # [S, T] 0 or 1: counts in the validation
    profile: Tensor  # [S, T]
    calendar: Tensor  # [T, FEATURES]
    known: Tensor  # [S, FEATURES]
    bounds: FloatArray  # [S, 3] columns where the history begins, where validation begins, where it ends


def material(course: Course, batch: SeriesBatch, device: str) -> Material:
    """Splits each series by its own time: teach, validate, and nothing of the held-out samples."""
    free = course.seen & ~held_out(batch)
    column = np.arange(free.shape[1])
    first, end = free.argmax(axis=1), free.shape[1] - free[:, ::-1].argmax(axis=1)
    cut = end - np.floor(VALIDATE * (end - first))
    early = column < cut[:, None]
    taught, validated = free & early, free & ~early
    floats = (np.clip(course.deviation, -FARTHEST_TARGET, FARTHEST_TARGET), taught, validated, course.profile)
    deviation, taught_t, validated_t, profile = (torch.from_numpy(array.astype(np.float32)).to(device)
                                                 for array in floats)
    return Material(deviation, torch.from_numpy(course.seen).to(device), taught_t, validated_t, profile,
                    torch.from_numpy(course.calendar).to(device), torch.from_numpy(course.known).to(device),
                    np.stack([first, cut, end], axis=1).astype(np.float64))


def spans(data: Material, part: str, length: int, count: int, rng: np.random.Generator) -> Tensor:
    """[S, L, B] columns of `count` windows: at random for "train", evenly spread for "validate".

    One draw serves all series, as shares of the history that each of them has: company does not matter.
    """
    first, cut, end = data.bounds.T[:, :, None]  # [S, 1]
    if part == "train":
        starts = first + rng.random(count) * np.maximum(cut - first - length, 1)
    else:
        run_up = length // 5
        starts = cut - run_up + np.linspace(0, 1, count) * np.maximum(end - cut + run_up - length, 1)
    columns = starts.astype(np.int64)[:, None, :] + np.arange(length)[:, None]
    return torch.from_numpy(np.clip(columns, 0, data.deviation.shape[1] - 1)).to(data.deviation.device)


@dataclass(frozen=True)
class Lessons:
    """How windows are drawn."""

    window: int  # steps
    batch: int  # windows of a mini-batch
    checked: int  # windows of the validation
    seed: int


Loss = Callable[[Weights, Material, Tensor, np.random.Generator | None], Tensor]


def learn(loss: Loss, data: Material, start: Weights, plan: Plan, lessons: Lessons, *, device: str,
          progress: Progress | None) -> dict[str, NDArray[Any]]:
    """`train` on windows of the material.

    loss: (weights, data, columns [S, L, B], generator) -> [S]; without a generator it is that of the validation.
    """
    check = spans(data, "validate", lessons.window, lessons.checked, np.random.default_rng(lessons.seed))

    def taught(weights: Weights, step: int) -> Tensor:
        rng = np.random.default_rng([lessons.seed, step])
        return loss(weights, data, spans(data, "train", lessons.window, lessons.batch, rng), rng)

    def validated(weights: Weights) -> Tensor:
        with torch.no_grad():
            return loss(weights, data, check, None)

    return train(taught, validated, start, plan, device=device, progress=progress)


def take(array: Tensor, at: Tensor) -> Tensor:
    """array [S, T] at columns [S, ...] -> [S, ...]."""
    return array.gather(1, at.flatten(1)).view(at.shape)
