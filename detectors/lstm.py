"""A one-step probabilistic forecaster: an LSTM that runs statefully from sample to sample, whole in this file.

It forecasts the deviation from the trend, in spreads of the trend, as a Laplace distribution: a learned share of the
last deviation (a gated skip connection, so that training is short) plus what the network adds, and a width.
Sources: Hochreiter & Schmidhuber (1997), LSTM; Salinas et al. (2020), DeepAR, for forecasting a distribution.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from detectors.api import Arrays, FittedDetector, FloatArray, Progress, SeriesBatch
from detectors.fitted import calibrated, own, require, restore, trend_of, uncalibrated
from detectors.fitting import Plan, initial
from detectors.season import FEATURES
from detectors.stacked import Recurrence, Weights, cell, linear, tensors
from detectors.stepping import OLDEST, ages
from detectors.trend import Course, follow
from detectors.windows import Lessons, Material, learn, material, take

LEAST = 256  # samples
INPUTS = 4 + FEATURES  # last deviation, seen, age, profile, calendar
NARROWEST = 0.05  # spreads of the trend
FARTHEST = 8.0  # a deviation counts as this many spreads at most
OLDEST_TAUGHT = 64.0  # steps; older looks the same to the network


@dataclass(frozen=True)
class LSTM:
    """One-step forecaster with its own spread."""

    name: ClassVar[str] = "lstm"

    hidden: int = field(default=24, metadata={"range": (4, 256)})
    window: int = field(default=48, metadata={"range": (16, 512)})  # steps of a training window, a fifth as run-up
    batch: int = field(default=8, metadata={"range": (1, 256)})  # windows of a mini-batch
    steps: int = field(default=100, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.02, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    @property
    def warm_up(self) -> int:
        return 512

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`."""
        require(batch, LEAST)
        trend = trend_of(batch)
        weights = self._train(material(follow(trend, batch, None), batch, device), prior, device, progress)
        return calibrated(uncalibrated(self, trend, weights, device), batch, alert_budget)

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state, device)

    def _train(self, data: Material, prior: Arrays | None, device: str,
               progress: Progress | None) -> dict[str, NDArray[Any]]:
        shapes = {"input": (INPUTS, 4 * self.hidden), "recurrent": (self.hidden, 4 * self.hidden),
                  "bias": (4 * self.hidden,), "head": (self.hidden, 3), "offset": (3,)}
        start = initial(shapes, None if prior is None else own(prior), data.deviation.shape[0], self.seed)
        if prior is None:
            start["bias"][:, self.hidden:2 * self.hidden] = 1.0  # remember at first (Jozefowicz et al., 2015)
            start["head"] *= 0.1
        return learn(self._loss, data, start, Plan.of(self.steps, self.rate, warm=prior is not None),
                     Lessons(self.window, self.batch, 24, self.seed), device=device, progress=progress)

    def _loss(self, weights: Weights, data: Material, at: Tensor, rng: np.random.Generator | None) -> Tensor:
        """[S] mean Laplace loss over the windows at columns `at` [S, L, B]; rng drops samples and draws memory."""
        series, length, batch = at.shape
        device = at.device
        seen, target = take(data.seen, at), take(data.deviation, at)  # [S, L, B]
        shown = seen & torch.from_numpy(_dropped(rng, length, batch)).to(device) if rng else seen
        last, there, age = _last(target, shown)
        known = data.calendar[at] * data.known[:, None, None, :]
        x = _inputs(last, there, age, take(data.profile, at), known)  # [S, L, B, I]
        pre = linear(x.flatten(1, 2), weights["input"], weights["bias"]).view(series, length, batch, -1)
        memory = torch.zeros(2, batch, self.hidden, device=device)
        if rng:  # any memory must be forgotten: that is what keeps it sound over months
            memory = torch.from_numpy(rng.normal(0, 0.7, memory.shape).astype(np.float32)).to(device)
        h0, c0 = (part.expand(series, batch, self.hidden).contiguous() for part in (memory[0].tanh(), memory[1]))
        hidden = Recurrence.apply(pre, weights["recurrent"], h0, c0)
        out = linear(hidden.flatten(1, 2), weights["head"], weights["offset"]).view(series, length, batch, 3)
        run_up = length // 5
        mean, width = _head(out[:, run_up:], last[:, run_up:])
        counts = take(data.taught if rng else data.validated, at)[:, run_up:]
        error = (target[:, run_up:] - mean).abs() / width + width.log()
        total = (error * counts).sum(dim=(1, 2))
        return total / counts.sum(dim=(1, 2)).clamp(min=1 if rng else 0)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step, each step with the same shapes whatever the length of the batch."""
        rows, steps = course.deviation.shape
        own = tensors(weights, device)
        if carry is None:
            blank = np.zeros((rows, self.hidden), np.float32)
            carry = {"h": blank, "c": blank, "last": np.zeros(rows, np.float32), "age": np.full(rows, OLDEST),
                     "widest": np.zeros(rows, np.float32)}
        age, age_after = ages(course.seen, carry["age"])
        deviation, seen = (torch.from_numpy(np.ascontiguousarray(a.T, np.float32)).to(device)
                           for a in (course.deviation, course.seen))
        age_t, profile = (torch.from_numpy(np.ascontiguousarray(a.T, np.float32)).to(device)
                          for a in (age, course.profile))
        calendar, known = (torch.from_numpy(a).to(device) for a in (course.calendar, course.known))
        h, c, last, widest = (torch.as_tensor(carry[name], device=device) for name in ("h", "c", "last", "widest"))
        mean, width = torch.empty_like(deviation), torch.empty_like(deviation)
        with torch.inference_mode():
            h, c, there = h.unsqueeze(1), c.unsqueeze(1), age_t <= 1
            for t in range(steps):
                x = _inputs(last, there[t], age_t[t], profile[t], calendar[t] * known).unsqueeze(1)
                h, c = cell(torch.baddbmm(linear(x, own["input"], own["bias"]), h, own["recurrent"]), c)
                mean[t], now = _head(linear(h, own["head"], own["offset"]).squeeze(1), last)
                widest = torch.maximum(now, widest * ~there[t])  # in a gap the band only widens
                width[t] = widest
                last = torch.where(seen[t] > 0, deviation[t].clamp(-FARTHEST, FARTHEST), last)
        after = {"h": h.squeeze(1), "c": c.squeeze(1), "last": last, "widest": widest}
        return (mean.T.cpu().numpy().astype(np.float64), width.T.cpu().numpy().astype(np.float64),
                {**{name: tensor.cpu().numpy().copy() for name, tensor in after.items()}, "age": age_after})


def _inputs(last: Tensor, there: Tensor, age: Tensor, profile: Tensor, calendar: Tensor) -> Tensor:
    """[..., INPUTS] what the network sees before a sample, from arrays of shape [...] and calendar [..., FEATURES]."""
    numbers = torch.stack([torch.asinh(last), there.to(last.dtype), age.clamp(max=OLDEST_TAUGHT).log() / 2,
                           profile.clamp(-4.0, 4.0)], dim=-1)
    return torch.cat([numbers, calendar], dim=-1)


def _head(out: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] in spreads of the trend from out [..., 3] and the last deviation [...]."""
    net, gate, raw = out.unbind(-1)
    return net + torch.sigmoid(gate) * last, softplus(raw) + NARROWEST


def _last(deviation: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each of [S, L, B]: the last shown deviation before it, whether it is the one just before, and its age."""
    length = deviation.shape[1]
    at = torch.arange(length, device=deviation.device).view(1, -1, 1)
    place = torch.where(shown, at, torch.full_like(at, -1)).cummax(dim=1).values
    place = torch.cat([torch.full_like(place[:, :1], -1), place[:, :-1]], dim=1)
    found = place >= 0
    last = deviation.gather(1, place.clamp(min=0)).clamp(-FARTHEST, FARTHEST) * found
    age = torch.where(found, (at - place).to(deviation.dtype), torch.full_like(last, OLDEST_TAUGHT))
    return last, age == 1, age


def _dropped(rng: np.random.Generator, length: int, batch: int) -> NDArray[np.bool_]:
    """[L, B] False where a training window pretends a gap: single samples, and in every third window a run."""
    shown = rng.random((length, batch)) > 0.03
    begin, size = rng.integers(0, length, batch), rng.integers(2, length // 2, batch) * (rng.random(batch) < 0.33)
    at = np.arange(length)[:, None]
    return shown & ~((at >= begin) & (at < begin + size))


