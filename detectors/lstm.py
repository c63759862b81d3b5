"""A one-step probabilistic forecaster: an LSTM or a GRU that runs statefully from sample to sample, whole in this file.

It forecasts the deviation from the trend, in spreads of the trend, as a Laplace distribution: a learned share of the
last deviation (a gated skip connection, so that training is short) plus what the network adds, and a width. In a gap
the last deviation fades, so that after an hour without samples there is the trend and what the network adds to it.
Covariates, where the batch has any, first explain what they can (`detectors.covariates`), then become inputs.
Sources: Hochreiter & Schmidhuber (1997), LSTM; Cho et al. (2014), GRU; Salinas et al. (2020), DeepAR, for forecasting
a distribution.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import Arrays, FittedDetector, FloatArray, Progress, SeriesBatch
from detectors.covariates import Shares, WithCovariates, explained, fit_shares
from detectors.fitted import Standard, fit, own, restore
from detectors.fitting import Plan, initial
from detectors.recurrent import (
    INPUTS,
    blocks,
    covariate_inputs,
    dropped,
    faded,
    gated_head,
    inputs,
    laplace,
    last_shown,
    scored_head,
)
from detectors.stacked import GATES, Weights, linear, recur, remembered, run, tensors
from detectors.stepping import OLDEST, ages, hold, latest
from detectors.trend import Course
from detectors.windows import Lessons, Material, learn, material, take


@dataclass(frozen=True)
class LSTM(Standard):
    """One-step forecaster with its own spread."""

    name: ClassVar[str] = "lstm"
    least: ClassVar[int] = 256  # samples that a series must have
    takes_covariates: ClassVar[bool] = True  # any number of them: as many as the batch has

    cell: str = field(default="lstm", metadata={"choices": tuple(GATES)})
    layers: int = field(default=1, metadata={"range": (1, 4)})
    hidden: int = field(default=24, metadata={"range": (4, 256)})
    window: int = field(default=48, metadata={"range": (16, 512)})  # steps of a training window, a fifth as run-up
    batch: int = field(default=8, metadata={"range": (1, 256)})  # windows of a mini-batch
    steps: int = field(default=100, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.02, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`."""
        if not batch.covariates.shape[1]:
            return fit(self, batch, prior, alert_budget=alert_budget, device=device, progress=progress)
        shares = fit_shares(batch)
        inner = fit(self, explained(shares, batch).rest, prior, alert_budget=alert_budget, device=device,
                    progress=progress)
        return WithCovariates(inner, shares)

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        inner = restore(self, state, device)
        with_covariates = inner.weights["input"].shape[1] > INPUTS
        return WithCovariates(inner, Shares.restore(state)) if with_covariates else inner

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """See `fitted.Model`."""
        data = material(course, batch, device)
        count = course.covariates.shape[1]
        start = initial(self._shapes(count), None if prior is None else own(prior), data.deviation.shape[0], self.seed)
        if prior is None:
            for tag in self._tags:  # remember at first (Jozefowicz et al., 2015)
                start[f"bias{tag}"][:, self.hidden:2 * self.hidden] = 1.0
            start["head"] *= 0.1
        further = covariate_inputs(course.covariates).to(device) if count else None
        return learn(partial(self._loss, further), data, start, Plan.of(self.steps, self.rate, warm=prior is not None),
                     Lessons(self.window, self.batch, 24, self.seed), device=device, progress=progress)

    @property
    def _tags(self) -> list[str]:
        """What the names of the arrays of each layer end with."""
        return ["", "2", "3", "4"][:self.layers]

    def _shapes(self, covariates: int) -> dict[str, tuple[int, ...]]:
        wide, shapes = GATES[self.cell] * self.hidden, dict[str, tuple[int, ...]]()
        for tag in self._tags:
            shapes |= {f"input{tag}": (self.hidden if tag else INPUTS + 2 * covariates, wide),
                       f"recurrent{tag}": (self.hidden, wide), f"bias{tag}": (wide,)}
        return {**shapes, "head": (self.hidden, 3), "offset": (3,)}

    def _stack(self, weights: Weights) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The weights of each layer: input, bias, recurrent."""
        for tag in self._tags:
            yield weights[f"input{tag}"], weights[f"bias{tag}"], weights[f"recurrent{tag}"]

    def _loss(self, further: Tensor | None, weights: Weights, data: Material, at: Tensor,
              rng: np.random.Generator | None) -> Tensor:
        """[S] mean Laplace loss over the windows at columns `at` [S, L, B]; rng drops samples and draws memory.

        further: [S, T, K] inputs made of covariates.
        """
        series, length, batch = at.shape
        seen, target = take(data.seen, at), take(data.deviation, at)  # [S, L, B]
        shown = seen & torch.from_numpy(dropped(rng, length, batch)).to(at.device) if rng else seen
        last, there, age = last_shown(target, shown)
        known = data.calendar[at] * data.known[:, None, None, :]
        x = inputs(last, there, age, take(data.profile, at), known)  # [S, L, B, I]
        if further is not None:
            given = further[torch.arange(series, device=at.device)[:, None, None], at]  # [S, L, B, K]
            if rng:  # some windows have none of them
                given = given * torch.from_numpy(rng.random((batch, 1)) > 0.1).to(at.device)
            x = torch.cat([x, given], dim=-1)
        for enter, bias, recurrent in self._stack(weights):
            pre = linear(x.flatten(1, 2), enter, bias).view(series, length, batch, -1)
            x = recur(self.cell, pre, recurrent, self._memory(rng, series, batch, at.device))
        out = linear(x.flatten(1, 2), weights["head"], weights["offset"]).view(series, length, batch, 3)
        run_up = length // 5
        mean, width = gated_head(out[:, run_up:], last[:, run_up:])
        counts = take(data.taught if rng else data.validated, at)[:, run_up:]
        total = (laplace(target[:, run_up:], mean, width) * counts).sum(dim=(1, 2))
        return total / counts.sum(dim=(1, 2)).clamp(min=1 if rng else 0)

    def _memory(self, rng: np.random.Generator | None, series: int, batch: int, device: torch.device,
                ) -> tuple[Tensor, ...]:
        """First memory [S, B, H]: with rng any, that it must learn to forget, which keeps it sound over months."""
        shape = (GATES[self.cell] - 2, batch, self.hidden)
        drawn = rng.normal(0, 0.7, shape).astype(np.float32) if rng else np.zeros(shape, np.float32)
        h, *c = torch.from_numpy(drawn).to(device)
        return tuple(part.expand(series, batch, self.hidden).contiguous() for part in (h.tanh(), *c))

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step, each step with the same shapes whatever the length of the batch."""
        rows, steps = course.deviation.shape
        own, memory = tensors(weights, device), ("h", "c")[:GATES[self.cell] - 2]
        if carry is None:
            carry = {name + tag: np.zeros((rows, self.hidden), np.float32) for name in memory for tag in self._tags}
            carry |= {"last": np.zeros(rows), "age": np.full(rows, OLDEST), "widest": np.zeros(rows)}
        age, age_after = ages(course.seen, carry["age"])
        last, last_after = latest(course.deviation, course.seen, carry["last"])
        recent = faded(torch.from_numpy(last), torch.from_numpy(age)).numpy()
        states = [tuple(remembered(carry[name + tag], device).unsqueeze(1) for name in memory)
                  for tag in self._tags]
        out = torch.empty(3, rows, steps, device=device)
        further = covariate_inputs(course.covariates) if course.covariates.shape[1] else None
        with torch.inference_mode():
            for block, x in blocks(course, recent, age, device, further=further):
                for layer, (enter, bias, recurrent) in enumerate(self._stack(own)):
                    pre = linear(x, enter, bias)
                    x, states[layer] = run(self.cell, pre, recurrent, states[layer], block.places)
                head = linear(x, own["head"], own["offset"])[:, block.places]
                out[..., block.columns] = head.movedim(-1, 0)
        mean, width = scored_head(out, recent)
        width, widest = hold(width, age, carry["widest"])
        after = {name + tag: part.squeeze(1).cpu().numpy().copy() for tag, state in zip(self._tags, states, strict=True)
                 for name, part in zip(memory, state, strict=True)}
        return mean, width, {**after, "last": last_after, "age": age_after, "widest": widest}
