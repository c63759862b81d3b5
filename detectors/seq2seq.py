"""A forecaster of many steps: one GRU reads the past, another writes the future that follows it, whole in this file.

The encoder runs statefully from sample to sample. At every sample the decoder starts from the encoder's memory and
says the next step; where no sample comes, it goes on from its own memory, told only what is known beforehand: the
calendar, the profile, how old the last sample is, and what this time of the last day looked like. A forecast is
therefore what the decoder writes into a gap. It is taught from random origins: one step from each of them, and a
whole horizon from the last, so that the steps of a long gap have been taught as such and not as a chain of guesses.
Sources: Sutskever et al. (2014), encoder and decoder; Cho et al. (2014), GRU; Wen et al. (2017), MQ-RNN, for many
origins in one window and for inputs known beforehand; Salinas et al. (2020), DeepAR, for a distribution at each step.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors import yesterday
from detectors.api import Arrays, BoolArray, FloatArray, Progress, SeriesBatch
from detectors.fitted import Standard, own
from detectors.fitting import Plan, initial
from detectors.recurrent import (
    INPUTS,
    blocks,
    dropped,
    faded,
    gated_head,
    inputs,
    laplace,
    last_shown,
    scored_head,
    sigmoid,
)
from detectors.stacked import GatedRecurrence, Weights, advance, linear, remembered, run, tensors
from detectors.stepping import OLDEST, ages, hold, latest
from detectors.trend import Course
from detectors.windows import Lessons, Material, learn, material, take

AHEAD = slice(2, None)  # of the inputs, what is known beforehand: all but the last deviation, and whether it is there


@dataclass(frozen=True)
class Seq2Seq(Standard):
    """Encoder and decoder: many steps ahead, each with its own spread."""

    name: ClassVar[str] = "seq2seq"
    least: ClassVar[int] = 256  # samples that a series must have

    hidden: int = field(default=16, metadata={"range": (4, 256)})
    window: int = field(default=36, metadata={"range": (16, 512)})  # steps that the encoder reads, a fifth as run-up
    horizon: int = field(default=120, metadata={"range": (2, 512)})  # steps that the decoder is taught to write
    batch: int = field(default=4, metadata={"range": (1, 256)})  # windows of a mini-batch
    steps: int = field(default=60, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.03, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    @property
    def _oldest(self) -> float:
        """Steps after which nothing is left of the last deviation."""
        return 2.0 * self.horizon

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """See `fitted.Model`."""
        seen, wide = INPUTS + 1, 3 * self.hidden
        shapes = {"read": (seen, wide), "read_again": (self.hidden, wide), "read_bias": (wide,),
                  "write": (seen - AHEAD.start, wide), "write_again": (self.hidden, wide), "write_bias": (wide,),
                  "head": (self.hidden, 4), "offset": (4,)}
        start = initial(shapes, None if prior is None else own(prior), len(course.deviation), self.seed)
        if prior is None:
            for bias in ("read_bias", "write_bias"):
                start[bias][:, self.hidden:2 * self.hidden] = 1.0  # remember at first
            start["head"] *= 0.1
        lag, _ = _lags(course, yesterday.cold(len(course.deviation)))
        loss = partial(self._loss, torch.from_numpy(lag.astype(np.float32)).to(device))
        plan = Plan.of(self.steps, self.rate, warm=prior is not None)
        return learn(loss, material(course, batch, device), start, plan,
                     Lessons(self.window + self.horizon, self.batch, 16, self.seed), device=device, progress=progress)

    def _loss(self, lags: Tensor, weights: Weights, data: Material, at: Tensor,
              rng: np.random.Generator | None) -> Tensor:
        """[S] Laplace loss of one step from every place of the encoder, plus that of the horizon from its last."""
        series, length, batch = at.shape
        target, lag, shown = take(data.deviation, at), take(lags, at), take(data.seen, at)  # [S, L, B]
        if rng:
            shown = shown & torch.from_numpy(dropped(rng, length, batch)).to(at.device)
        shown = shown & (torch.arange(length, device=at.device) < self.window - 1)[:, None]
        last, there, age = last_shown(target, shown, self._oldest)
        calendar = data.calendar[at] * data.known[:, None, None, :]
        x = inputs(last, there, age, take(data.profile, at), calendar, self._oldest, lag)
        drawn = rng.normal(0, 0.7, (batch, self.hidden)) if rng else np.zeros((batch, self.hidden))
        memory = torch.from_numpy(np.tanh(drawn).astype(np.float32)).to(at.device).expand(series, -1, -1)
        written = self._written(weights, x, memory)
        out = linear(written.flatten(1, 2), weights["head"], weights["offset"]).view(series, length, batch, 4)
        counts = take(data.taught if rng else data.validated, at)
        error = laplace(target, *_head(out, last, lag)) * counts
        one, many = ((error[:, part].sum(dim=(1, 2)) / counts[:, part].sum(dim=(1, 2)).clamp(min=1 if rng else 0))
                     for part in (slice(self.window // 5, self.window), slice(self.window, None)))
        return one + many

    def _written(self, weights: Weights, x: Tensor, memory: Tensor) -> Tensor:
        """The decoder's memory [S, L, B, H]: over the window one step after the encoder's at each place, then on."""
        series, length, batch, _ = x.shape
        within = self.window - 1  # the last place of the encoder is where the horizon begins
        pre = linear(x[:, :self.window].flatten(1, 2), weights["read"], weights["read_bias"])
        read = GatedRecurrence.apply(pre.view(series, self.window, batch, -1), weights["read_again"], memory)
        pre = linear(x[..., AHEAD].flatten(1, 2), weights["write"], weights["write_bias"])
        pre = pre.view(series, length, batch, -1)
        one = GatedRecurrence.apply(pre[:, :within].flatten(1, 2).unsqueeze(1), weights["write_again"],
                                    read[:, :within].flatten(1, 2))
        many = GatedRecurrence.apply(pre[:, within:], weights["write_again"], read[:, within])
        return torch.cat([one.view(series, within, batch, -1), many], dim=1)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step: the decoder starts anew after a sample, and goes on in a gap."""
        rows, steps = course.deviation.shape
        own = tensors(weights, device)
        if carry is None:
            blank = np.zeros((rows, self.hidden), np.float32)
            carry = {"read": blank, "written": blank, "last": np.zeros(rows), "age": np.full(rows, OLDEST),
                     "widest": np.zeros(rows), **yesterday.cold(rows)}
        age, age_after = ages(course.seen, carry["age"])
        last, last_after = latest(course.deviation, course.seen, carry["last"])
        lag, ring = _lags(course, carry)
        recent = faded(torch.from_numpy(last), torch.from_numpy(age), self._oldest).numpy()
        read = remembered(carry["read"], device).unsqueeze(1)
        written = remembered(carry["written"], device).unsqueeze(1)
        out = torch.empty(4, rows, steps, device=device)
        with torch.inference_mode():
            for block, x in blocks(course, recent, age, device, self._oldest, lag):
                pre = linear(x, own["read"], own["read_bias"])
                memories, (read,) = run("gru", pre, own["read_again"], (read,), block.places)
                pre = linear(x[..., AHEAD], own["write"], own["write_bias"])
                gap = age[:, block.columns] > 1
                memories = _ahead(own["write_again"], pre, memories, written, gap,
                                  block.places.start)
                written = memories[:, block.places.stop - 1:block.places.stop].clone()
                head = linear(memories, own["head"], own["offset"])[:, block.places]
                out[..., block.columns] = head.movedim(-1, 0)
        mean, width = _scored_head(out, recent, lag)
        width, widest = hold(width, age, carry["widest"])
        memory = {"read": read.squeeze(1).cpu().numpy().copy(), "written": written.squeeze(1).cpu().numpy().copy()}
        return mean, width, {**memory, **ring, "last": last_after, "age": age_after, "widest": widest}


def _lags(course: Course, carry: Arrays) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
    """[S, T] the deviation at this time of the last day, 0 for a series that does not know a day; the next carry."""
    lag, after = yesterday.lags(course.deviation, course.seen, yesterday.slots(course.calendar), carry)
    return lag * course.known[:, :1], after


def _ahead(again: Tensor, pre: Tensor, read: Tensor, written: Tensor, gap: BoolArray,
           first: int) -> Tensor:
    """The decoder's memory [S, N, H] at each place: a step from the encoder's, or its own last.

    It goes on from its own in a gap. gap: [S, L] of the places from the first on.
    """
    memories, = advance("gru", pre, again, (read,))
    for t in np.flatnonzero(gap.any(axis=0)):
        here = slice(first + t, first + t + 1)
        before = (memories[:, here.start - 1:here.start] if t else written).contiguous()
        after, = advance("gru", pre[:, here], again, (before,))
        there = torch.from_numpy(~gap[:, t]).to(pre.device)[:, None, None]
        memories[:, here] = torch.where(there, memories[:, here], after)
    return memories


def _head(out: Tensor, last: Tensor, lag: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] from out [..., 4]: shares of the last deviation and of the day before, and the rest."""
    mean, width = gated_head(out[..., :3], last)
    return mean + torch.sigmoid(out[..., 3] - 2.0) * lag, width


def _scored_head(out: Tensor, last: FloatArray, lag: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`_head` of a whole batch, out [4, S, T]: see `recurrent.scored_head`."""
    mean, width = scored_head(out[:3], last)
    return mean + sigmoid(out[3].cpu().double().numpy() - 2.0) * lag, width
