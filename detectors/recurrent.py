"""What the recurrent forecasters share: what they see before a sample, what they say of it, and gaps to learn from."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from detectors.api import FloatArray
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
    numbers = torch.stack([torch.asinh(last), there.to(last.dtype), age.clamp(max=oldest).log() / 2,
                           profile.clamp(-4.0, 4.0)], dim=-1)
    return torch.cat([numbers, calendar, *([] if lag is None else [torch.asinh(lag).unsqueeze(-1)])], dim=-1)


def covariate_inputs(covariates: FloatArray) -> Tensor:
    """[S, T, 2 C] what a network sees of scaled covariates [S, C, T]: each, 0 where missing, and which are there."""
    there = ~np.isnan(covariates)
    numbers = np.arcsinh(np.where(there, covariates, 0.0).astype(np.float32))
    both = np.concatenate([numbers, there.astype(np.float32)], axis=1)
    return torch.from_numpy(np.ascontiguousarray(both.transpose(0, 2, 1)))


def blocks(course: Course, last: Tensor, age: Tensor, device: str, oldest: float = OLDEST_TAUGHT,
           lag: Tensor | None = None, further: Tensor | None = None) -> Iterator[tuple[slice, Tensor]]:
    """The columns of a course `AT_ONCE` by `AT_ONCE`, with their inputs [S, AT_ONCE, INPUTS]; blanks after the end.

    last, age, lag: [S, T]. further: [S, T, K], K more inputs. Products are always of one shape, whatever the length of
    the course.
    """
    steps = course.deviation.shape[1]
    calendar, known = (torch.from_numpy(array).to(device) for array in (course.calendar, course.known))
    arrays = [last, age, torch.from_numpy(course.profile), *([] if lag is None else [lag])]
    for first in range(0, steps, HELD):
        here = slice(first, first + HELD)
        recent, since, profile, *like = (array[:, here].float().to(device) for array in arrays)
        x = inputs(recent, since <= 1, since, profile, calendar[here] * known[:, None], oldest, *like)
        if further is not None:
            x = torch.cat([x, further[:, here].to(device)], dim=-1)
        x = pad(x, (0, 0, 0, -x.shape[1] % AT_ONCE))
        for begin in range(0, x.shape[1], AT_ONCE):
            yield slice(first + begin, min(first + begin + AT_ONCE, steps)), x[:, begin:begin + AT_ONCE]


def gated_head(out: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] in spreads of the trend from out [..., 3] and the last deviation [...]."""
    net, gate, raw = out.unbind(-1)
    return net + torch.sigmoid(gate) * last, softplus(raw) + NARROWEST


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
