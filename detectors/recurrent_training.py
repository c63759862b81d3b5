"""What the recurrent forecasters share when they learn: inputs and outputs of windows, and gaps to
learn from. `detectors.recurrent` has the same for batches to be scored."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from detectors.recurrent import (
    MAX_DEVIATION_SPREADS,
    MAX_PROFILE_SPREADS,
    MAX_TRAINED_AGE,
    MIN_WIDTH_SPREADS,
)


class LastSamples(NamedTuple):
    """The last sample before each of some columns; tensors of one shape [...]."""

    deviation: Tensor  # faded, see `fade`
    present: Tensor  # True = it is the sample just before
    age: Tensor  # steps


def inputs(
    last: LastSamples,
    profile: Tensor,
    calendar: Tensor,
    max_age: float = MAX_TRAINED_AGE,
    lag: Tensor | None = None,
) -> Tensor:
    """[..., INPUTS] what a network sees before a sample, from arrays of shape [...] and calendar
    [..., FEATURES]; with a lag, the deviation of the day before, one more."""
    deviation = torch.asinh(last.deviation)
    numbers = torch.stack(
        [
            deviation,
            last.present.to(deviation.dtype),
            last.age.clamp(max=max_age).log() / 2,
            profile.clamp(-MAX_PROFILE_SPREADS, MAX_PROFILE_SPREADS),
        ],
        dim=-1,
    )
    lags = [] if lag is None else [torch.asinh(lag).unsqueeze(-1)]
    return torch.cat([numbers, calendar, *lags], dim=-1)


def gated_head(out: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] in spreads of the trend, from out [..., 3] and the last deviation."""
    net, gate, raw = out.unbind(-1)
    return net + torch.sigmoid(gate) * last, softplus(raw) + MIN_WIDTH_SPREADS


def fade(deviation: Tensor, age: Tensor, max_age: float = MAX_TRAINED_AGE) -> Tensor:
    """`recurrent.fade` of tensors."""
    clamped = deviation.clamp(-MAX_DEVIATION_SPREADS, MAX_DEVIATION_SPREADS)
    return clamped * (1 - (age - 1) / max_age).clamp(min=0)


def last_samples(deviation: Tensor, mask: Tensor, max_age: float = MAX_TRAINED_AGE) -> LastSamples:
    """The last shown sample before each place of windows [S, L, B]."""
    steps = torch.arange(deviation.shape[1], device=deviation.device).view(1, -1, 1)
    position = torch.where(mask, steps, torch.full_like(steps, -1)).cummax(dim=1).values
    position = torch.cat([torch.full_like(position[:, :1], -1), position[:, :-1]], dim=1)
    has_last = position >= 0
    age = torch.where(has_last, (steps - position).to(deviation.dtype), max_age)
    last = fade(deviation.gather(1, position.clamp(min=0)), age, max_age) * has_last
    return LastSamples(last, age == 1, age)


def laplace(target: Tensor, mean: Tensor, width: Tensor) -> Tensor:
    """Negative log likelihood of a Laplace distribution, without its constant."""
    return (target - mean).abs() / width + width.log()


def drop_samples(rng: np.random.Generator, length: int, batch: int) -> NDArray[np.bool_]:
    """[L, B] False where a training window pretends a gap: single samples, and in every third
    window a run."""
    mask = rng.random((length, batch)) > 0.03
    start = rng.integers(0, length, batch)
    size = rng.integers(2, length, batch) * (rng.random(batch) < 0.33)
    step = np.arange(length)[:, None]
    return mask & ~((step >= start) & (step < start + size))
