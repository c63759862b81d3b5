"""What the recurrent forecasters share: what they see before a sample, what they say of it, and gaps to learn from."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from detectors.api import FloatArray
from detectors.places import Block, blanks
from detectors.places import blocks as blocks_of
from detectors.season import FEATURES
from detectors.trend import Course

INPUTS = 4 + FEATURES  # last deviation, seen, age, profile, calendar
NARROWEST = 0.05  # spreads of the trend
FARTHEST = 8.0  # a deviation counts as this many spreads at most
OLDEST_TAUGHT = 64.0  # steps; older looks the same to a network
HELD, AT_ONCE = 256, 8  # columns whose inputs are held, and that are computed together


def inputs(last: Tensor, there: Tensor, age: Tensor, profile: Tensor, calendar: Tensor,
           oldest: float = OLDEST_TAUGHT, lag: Tensor | None = None) -> Tensor:
    """[..., INPUTS] what a network sees before a sample, from arrays of shape [...] and calendar [..., FEATURES].

    With a lag, the deviation of the day before, one more.
    """
    return _joined(torch.asinh(last), there, age.clamp(max=oldest).log() / 2, profile, calendar,
                   None if lag is None else torch.asinh(lag))


def _joined(last: Tensor, there: Tensor, age: Tensor, profile: Tensor, calendar: Tensor,
            lag: Tensor | None) -> Tensor:
    """The same from a last deviation, an age and a lag in the measure that the network sees."""
    numbers = torch.stack([last, there.to(last.dtype), age, profile.clamp(-4.0, 4.0)], dim=-1)
    return torch.cat([numbers, calendar, *([] if lag is None else [lag.unsqueeze(-1)])], dim=-1)


def covariate_inputs(covariates: FloatArray) -> Tensor:
    """[S, T, 2 C] what a network sees of scaled covariates [S, C, T]: each, 0 where missing, and which are there."""
    there = ~np.isnan(covariates)
    numbers = np.arcsinh(np.where(there, covariates, 0.0).astype(np.float32))
    both = np.concatenate([numbers, there.astype(np.float32)], axis=1)
    return torch.from_numpy(np.ascontiguousarray(both.transpose(0, 2, 1)))


def blocks(course: Course, last: FloatArray, age: FloatArray, device: str,
           oldest: float = OLDEST_TAUGHT, lag: FloatArray | None = None,
           further: Tensor | None = None) -> Iterator[tuple[Block, Tensor]]:
    """The columns of a course block by block, with their inputs [S, AT_ONCE, INPUTS].

    See `detectors.places`. last, age, lag: [S, T]. further: [S, T, K], K more inputs.
    """
    for held in blocks_of(course.first, course.deviation.shape[1], HELD):
        here = held.columns
        x = _seen(course, here, last, age, device, oldest, lag)
        if further is not None:
            x = torch.cat([x, further[:, here].to(device)], dim=-1)
        number, steps = course.first + here.start, here.stop - here.start
        x = pad(x, (0, 0, *blanks(number, steps, AT_ONCE)))
        parts = torch.split(x, AT_ONCE, dim=1)
        for block, part in zip(blocks_of(number, steps, AT_ONCE), parts, strict=True):
            columns = slice(here.start + block.columns.start, here.start + block.columns.stop)
            yield Block(columns, block.places), part.contiguous()


def _seen(course: Course, here: slice, last: FloatArray, age: FloatArray, device: str,
          oldest: float, lag: FloatArray | None) -> Tensor:
    """[S, L, INPUTS] of the columns `here`: `inputs`, by functions of numpy."""
    since = age[:, here]
    arrays = [np.arcsinh(last[:, here]), since <= 1, np.log(np.minimum(since, oldest)) / 2,
              course.profile[:, here]]
    if lag is not None:
        arrays.append(np.arcsinh(lag[:, here]))
    recent, there, logarithm, profile, *like = (
        torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays)
    calendar = torch.from_numpy(course.calendar[here]).to(device)
    calendar = calendar * torch.from_numpy(course.known[:, None]).to(device)
    return _joined(recent, there, logarithm, profile, calendar, like[0] if like else None)


def gated_head(out: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] in spreads of the trend from out [..., 3] and the last deviation [...]."""
    net, gate, raw = out.unbind(-1)
    return net + torch.sigmoid(gate) * last, softplus(raw) + NARROWEST


def scored_head(out: Tensor, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`gated_head` of a whole batch, out [3, S, T] and last [S, T], by functions of numpy."""
    net, gate, raw = out.cpu().double().numpy()
    return net + sigmoid(gate) * last, np.logaddexp(0.0, raw) + NARROWEST


def sigmoid(values: FloatArray) -> FloatArray:
    bounded = np.maximum(values, -700.0)  # beyond, the exponential is infinite
    return np.asarray(1 / (1 + np.exp(-bounded)))


def faded(last: Tensor, age: Tensor, oldest: float = OLDEST_TAUGHT) -> Tensor:
    """What a last deviation still says: all of it just after, nothing once it is as old as can be taught."""
    return last.clamp(-FARTHEST, FARTHEST) * (1 - (age - 1) / oldest).clamp(min=0)


def last_shown(deviation: Tensor, shown: Tensor, oldest: float = OLDEST_TAUGHT) -> tuple[Tensor, Tensor, Tensor]:
    """For each of [S, L, B]: the last shown deviation before it, faded, whether it is the one just before, its age."""
    at = torch.arange(deviation.shape[1], device=deviation.device).view(1, -1, 1)
    place = torch.where(shown, at, torch.full_like(at, -1)).cummax(dim=1).values
    place = torch.cat([torch.full_like(place[:, :1], -1), place[:, :-1]], dim=1)
    found = place >= 0
    age = torch.where(found, (at - place).to(deviation.dtype), oldest)
    return faded(deviation.gather(1, place.clamp(min=0)), age, oldest) * found, age == 1, age


def laplace(target: Tensor, mean: Tensor, width: Tensor) -> Tensor:
    """Negative log likelihood, but for a constant."""
    return (target - mean).abs() / width + width.log()


def dropped(rng: np.random.Generator, length: int, batch: int) -> NDArray[np.bool_]:
    """[L, B] False where a training window pretends a gap: single samples, and in every third window a run."""
    shown = rng.random((length, batch)) > 0.03
    begin, size = rng.integers(0, length, batch), rng.integers(2, length, batch) * (rng.random(batch) < 0.33)
    at = np.arange(length)[:, None]
    return shown & ~((at >= begin) & (at < begin + size))
