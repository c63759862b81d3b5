"""What the window autoencoders share: windows with a mask, of which the last place is hidden because it is scored.

A window is W deviations from the trend, a mask of which of them may be seen, and a context: calendar and profile of
the last place. The model says mean and width of every place, in spreads of the trend, as a Laplace distribution.
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
from detectors.recurrent import FARTHEST, NARROWEST, laplace
from detectors.season import FEATURES
from detectors.stepping import OLDEST, ages, hold
from detectors.trend import Course
from detectors.windows import Material, take

CONTEXT = FEATURES + 1  # calendar and profile of the scored sample
AT_ONCE = 16  # windows that are judged together

Judge = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]  # values, shown [S, N, W], context -> arrays [S, N]


@dataclass(frozen=True)
class Examples:
    """The B windows of a mini-batch."""

    target: Tensor  # [S, B, W]
    values: Tensor  # [S, B, W] squashed, 0 where hidden
    shown: Tensor  # [S, B, W] 0 or 1
    context: Tensor  # [S, B, CONTEXT]
    counts: Tensor  # [S, B, W] 0 or 1: what is taught or validated


def examples(data: Material, at: Tensor, rng: np.random.Generator | None) -> Examples:
    """The windows at columns `at` [S, W, B]; with rng, the generator of the training, more than the last is hidden."""
    columns = at.transpose(1, 2)
    target, seen, last = take(data.deviation, columns), take(data.seen, columns), at[:, -1]
    hidden = _hidden(rng, *columns.shape[1:]) if rng else _last_only(*columns.shape[1:])
    shown = (seen & ~torch.from_numpy(hidden).to(at.device)).to(target.dtype)
    context = _context(data.calendar[last] * data.known[:, None, :], take(data.profile, last))
    counts = take(data.taught if rng else data.validated, columns)
    return Examples(target, squash(target) * shown, shown, context, counts)


def reconstruction(windows: Examples, mean: Tensor, width: Tensor, *, training: bool) -> Tensor:
    """[S] loss of means and widths [S, B, W]: of all places in training, else of the last, which is what is scored."""
    error = laplace(windows.target, mean, width) * windows.counts
    if training:  # the last place weighs as much as all others together
        return (error.sum(dim=2) + (error.shape[2] - 1) * error[..., -1]).mean(dim=1) / (2 * error.shape[2])
    return error[..., -1].sum(dim=1) / windows.counts[..., -1].sum(dim=1)


def cold(rows: int, window: int) -> dict[str, NDArray[Any]]:
    """The carry of S series of which nothing has been seen."""
    blank = np.zeros((rows, window - 1), np.float32)
    return {"values": blank, "shown": blank, "age": np.full(rows, OLDEST), "widest": np.zeros(rows)}


def slide(judge: Judge, course: Course, carry: Arrays, device: str) -> tuple[list[FloatArray], dict[str, NDArray[Any]]]:
    """The arrays [S, T] of what `judge` says of the window that ends with each sample; the next values and mask."""
    steps, past = course.deviation.shape[1], carry["values"].shape[1]
    clipped = np.clip(course.deviation.astype(np.float32), -FARTHEST, FARTHEST)
    squashed = np.arcsinh(clipped)  # not by torch: see detectors.places
    new, seen, profile = (torch.from_numpy(array.astype(np.float32)).to(device)
                          for array in (squashed, course.seen, course.profile))
    calendar, known = (torch.from_numpy(array).to(device) for array in (course.calendar, course.known))
    values, shown = (torch.cat([torch.as_tensor(carry[name], device=device), array], dim=1)
                     for name, array in (("values", new * seen), ("shown", seen)))  # [S, W - 1 + T]
    after = {name: array[:, steps:].cpu().numpy().copy() for name, array in (("values", values), ("shown", shown))}
    context = _context(calendar * known[:, None, :], profile)
    before, behind = blanks(course.first, steps, AT_ONCE)
    values, shown = pad(values, (before, behind)), pad(shown, (before, behind))
    context = pad(context, (0, 0, before, behind))
    said = list[tuple[Tensor, ...]]()
    with torch.inference_mode():
        for block in torch.split(context, AT_ONCE, dim=1):  # see detectors.places
            here = slice(AT_ONCE * len(said), AT_ONCE * (len(said) + 1) + past - 1)
            window, mask = (pad(array[:, here].unfold(1, past, 1), (0, 1))
                            for array in (values, shown))
            said.append(judge(window, mask, block.contiguous()))
    arrays = [torch.cat(parts, dim=1)[:, before:before + steps].cpu().numpy().astype(np.float64)
              for parts in zip(*said, strict=True)]
    return arrays, after


def banded(judge: Judge, course: Course, carry: Arrays, device: str) -> tuple[FloatArray, FloatArray, Arrays]:
    """What a `Model` predicts, from a judge that says mean and width of the last place of each window."""
    (mean, width), after = slide(judge, course, carry, device)
    age, age_after = ages(course.seen, carry["age"])
    width, widest = hold(width, age, carry["widest"])
    return mean, width, {**after, "age": age_after, "widest": widest}


def positive(raw: Tensor) -> Tensor:
    """A width in spreads of the trend."""
    return softplus(raw) + NARROWEST


def squash(deviation: Tensor) -> Tensor:
    return torch.asinh(deviation.clamp(-FARTHEST, FARTHEST))


def _context(calendar: Tensor, profile: Tensor) -> Tensor:
    """[..., CONTEXT] from calendar [..., FEATURES] and profile [...]."""
    return torch.cat([calendar, profile.clamp(-4.0, 4.0).unsqueeze(-1)], dim=-1)


def _last_only(batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] True at the last place, which is the one to be scored."""
    hidden = np.zeros((batch, window), bool)
    hidden[:, -1] = True
    return hidden


def _hidden(rng: np.random.Generator, batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] what may not be seen: the last place, some others, and in every fourth window a run up to the end."""
    run = rng.integers(2, window + 1, batch) * (rng.random(batch) < 0.25)
    ended = np.arange(window) >= window - run[:, None]
    return _last_only(batch, window) | ended | (rng.random((batch, window)) < 0.1)
