"""What the recurrent forecasters share: their inputs, their outputs, and gaps to learn from."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad, softplus

from detectors import places
from detectors.api import FloatArray
from detectors.places import Block, blanks
from detectors.season import FEATURES
from detectors.trend_view import TrendView

INPUTS = 4 + FEATURES  # last deviation, present, age, profile, calendar
MIN_WIDTH_SPREADS = 0.05  # of a forecast
MAX_DEVIATION_SPREADS = 8.0  # a deviation counts as so many at most
MAX_TRAINED_AGE = 64.0  # steps; an older sample looks the same to a network
CHUNK_COLUMNS = 256  # whose inputs are held in memory at once
BLOCK_COLUMNS = 8  # that are computed together


class LastSamples(NamedTuple):
    """The last sample before each of some columns; tensors of one shape [...]."""

    deviation: Tensor  # faded, see `fade`
    present: Tensor  # True = it is the sample just before
    age: Tensor  # steps


class RecentColumns(NamedTuple):
    """The same for the columns of a batch."""

    deviation: FloatArray  # [S, T] faded
    age: FloatArray  # [S, T] steps
    max_age: float = MAX_TRAINED_AGE
    lag: FloatArray | None = None  # [S, T] deviation of the day before; None = not an input


def inputs(
    last: LastSamples,
    profile: Tensor,
    calendar: Tensor,
    max_age: float = MAX_TRAINED_AGE,
    lag: Tensor | None = None,
) -> Tensor:
    """[..., INPUTS] what a network sees before a sample, from arrays of shape [...] and calendar
    [..., FEATURES]; with a lag, the deviation of the day before, one more."""
    scaled = LastSamples(
        torch.asinh(last.deviation), last.present, last.age.clamp(max=max_age).log() / 2
    )
    return _join_inputs(scaled, profile, calendar, None if lag is None else torch.asinh(lag))


def _join_inputs(
    scaled: LastSamples, profile: Tensor, calendar: Tensor, lag: Tensor | None
) -> Tensor:
    """The same from deviation, age and lag in the measure that the network sees."""
    deviation = scaled.deviation
    numbers = torch.stack(
        [deviation, scaled.present.to(deviation.dtype), scaled.age, profile.clamp(-4.0, 4.0)],
        dim=-1,
    )
    return torch.cat([numbers, calendar, *([] if lag is None else [lag.unsqueeze(-1)])], dim=-1)


def covariate_inputs(covariates: FloatArray) -> Tensor:
    """[S, T, 2 C] what a network sees of scaled covariates [S, C, T]: the values, 0 where missing,
    and which are present."""
    has_value = ~np.isnan(covariates)
    numbers = np.arcsinh(np.where(has_value, covariates, 0.0).astype(np.float32))
    both = np.concatenate([numbers, has_value.astype(np.float32)], axis=1)
    return torch.from_numpy(np.ascontiguousarray(both.transpose(0, 2, 1)))


def input_blocks(
    view: TrendView, recent: RecentColumns, device: str, covariates: Tensor | None = None
) -> Iterator[tuple[Block, Tensor]]:
    """The columns of a view block by block, with their inputs [S, BLOCK_COLUMNS, INPUTS].

    See `detectors.places` for the blocks. covariates: [S, T, K] so many more inputs.
    """
    for chunk in places.blocks(view.first, view.deviation.shape[1], CHUNK_COLUMNS):
        columns = chunk.columns
        x = _chunk_inputs(view, columns, recent, device)
        if covariates is not None:
            x = torch.cat([x, covariates[:, columns].to(device)], dim=-1)
        first = view.first + columns.start
        steps = columns.stop - columns.start
        x = pad(x, (0, 0, *blanks(first, steps, BLOCK_COLUMNS)))
        parts = torch.split(x, BLOCK_COLUMNS, dim=1)
        for block, part in zip(places.blocks(first, steps, BLOCK_COLUMNS), parts, strict=True):
            start = columns.start + block.columns.start
            stop = columns.start + block.columns.stop
            yield Block(slice(start, stop), block.places), part.contiguous()


def _chunk_inputs(view: TrendView, columns: slice, recent: RecentColumns, device: str) -> Tensor:
    """[S, L, INPUTS] of some columns: `inputs`, but by numpy (see `detectors.places`)."""
    age = recent.age[:, columns]
    arrays = [
        np.arcsinh(recent.deviation[:, columns]),
        age <= 1,
        np.log(np.minimum(age, recent.max_age)) / 2,
        view.profile[:, columns],
    ]
    if recent.lag is not None:
        arrays.append(np.arcsinh(recent.lag[:, columns]))
    deviation, adjacent, log_age, profile, *lags = (
        torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays
    )
    calendar = torch.from_numpy(view.calendar[columns]).to(device)
    calendar = calendar * torch.from_numpy(view.known[:, None]).to(device)
    scaled = LastSamples(deviation, adjacent, log_age)
    return _join_inputs(scaled, profile, calendar, lags[0] if lags else None)


def gated_head(out: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] in spreads of the trend, from out [..., 3] and the last deviation."""
    net, gate, raw = out.unbind(-1)
    return net + torch.sigmoid(gate) * last, softplus(raw) + MIN_WIDTH_SPREADS


def scored_head(out: Tensor, last: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`gated_head` of a whole batch, out [3, S, T] and last [S, T], by functions of numpy."""
    net, gate, raw = out.cpu().double().numpy()
    return net + sigmoid(gate) * last, np.logaddexp(0.0, raw) + MIN_WIDTH_SPREADS


def sigmoid(values: FloatArray) -> FloatArray:
    bounded = np.maximum(values, -700.0)  # beyond, the exponential is infinite
    return np.asarray(1 / (1 + np.exp(-bounded)))


def fade(deviation: Tensor, age: Tensor, max_age: float = MAX_TRAINED_AGE) -> Tensor:
    """A last deviation, faded: all of it one step later, nothing of it after `max_age` steps."""
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
