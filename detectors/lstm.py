"""A one-step probabilistic forecaster: an LSTM or a GRU that keeps its memory between samples.

It forecasts the deviation from the trend, in spreads of the trend, as a Laplace distribution: a
learned share of the last deviation (a gated skip connection, so that training is short) plus what
the network adds, and a width. In a gap the last deviation fades. After an hour without samples the
forecast is the trend and what the network adds to it. Covariates, if the batch has any, first
explain what they can (`detectors.covariates`), then become inputs.

Sources: Hochreiter & Schmidhuber (1997), LSTM; Cho et al. (2014), GRU; Salinas et al. (2020),
DeepAR, for forecasting a distribution.
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
from detectors.covariates import CovariateFit, WithCovariates, explain_batch, fit_covariates
from detectors.fitted import TrendDetector, fit, own_arrays, restore
from detectors.recurrent import (
    INPUTS,
    RecentColumns,
    covariate_inputs,
    drop_samples,
    fade,
    gated_head,
    input_blocks,
    inputs,
    laplace,
    last_samples,
    scored_head,
)
from detectors.stacked import CELLS, Weights, linear, recur, run, state_tensor, tensors
from detectors.stepping import MAX_AGE_STEPS, ages, hold, latest
from detectors.training import TrainingPlan, initial
from detectors.training_windows import (
    TrainingData,
    WindowSampling,
    gather_columns,
    learn,
    training_data,
)
from detectors.trend_view import TrendView


@dataclass(frozen=True)
class LSTM(TrendDetector):
    """One-step forecaster with its own spread."""

    name: ClassVar[str] = "lstm"
    least: ClassVar[int] = 256  # samples that a series must have
    takes_covariates: ClassVar[bool] = True  # any number of them: as many as the batch has

    cell: str = field(default="lstm", metadata={"choices": tuple(CELLS)})
    layers: int = field(default=1, metadata={"range": (1, 4)})
    hidden: int = field(default=24, metadata={"range": (4, 256)})
    # Steps of a training window; the first fifth is run-up.
    window: int = field(default=48, metadata={"range": (16, 512)})
    batch: int = field(default=8, metadata={"range": (1, 256)})  # windows of a mini-batch
    # Of the optimizer; from a prior, a third of them.
    steps: int = field(default=100, metadata={"range": (1, 10_000)})
    rate: float = field(default=0.02, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def fit(
        self,
        batch: SeriesBatch,
        prior: Arrays | None = None,
        *,
        alert_budget: float,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> FittedDetector:
        """See `Detector.fit`."""
        if not batch.covariates.shape[1]:
            return fit(
                self, batch, prior, alert_budget=alert_budget, device=device, progress=progress
            )
        covariate_fit = fit_covariates(batch)
        inner = fit(
            self,
            explain_batch(covariate_fit, batch).residual,
            prior,
            alert_budget=alert_budget,
            device=device,
            progress=progress,
        )
        return WithCovariates(inner, covariate_fit)

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        inner = restore(self, state, device)
        with_covariates = inner.weights["input"].shape[1] > INPUTS
        return WithCovariates(inner, CovariateFit.restore(state)) if with_covariates else inner

    def train(
        self,
        view: TrendView,
        batch: SeriesBatch,
        prior: Arrays | None,
        device: str,
        progress: Progress | None,
    ) -> dict[str, NDArray[Any]]:
        """See `model.Model`."""
        data = training_data(view, batch, device)
        count = view.covariates.shape[1]
        prior_weights = None if prior is None else own_arrays(prior)
        shapes = self.weight_shapes(count)
        start = initial(shapes, prior_weights, len(view.deviation), self.seed)
        if prior is None:
            for tag in self._tags:  # remember at first (Jozefowicz et al., 2015)
                start[f"bias{tag}"][:, self.hidden : 2 * self.hidden] = 1.0
            start["head"] *= 0.1
        covariates = covariate_inputs(view.covariates).to(device) if count else None
        return learn(
            partial(self._loss, covariates),
            data,
            start,
            TrainingPlan.of(self.steps, self.rate, warm=prior is not None),
            WindowSampling(self.window, self.batch, validation=24, seed=self.seed),
            progress,
        )

    @property
    def _tags(self) -> list[str]:
        """What the names of the arrays of each layer end with."""
        return ["", "2", "3", "4"][: self.layers]

    def weight_shapes(self, covariates: int = 0) -> dict[str, tuple[int, ...]]:
        """Of one model, by name, without the axis S; covariates: how many there are."""
        width = CELLS[self.cell].gates * self.hidden
        shapes = dict[str, tuple[int, ...]]()
        for tag in self._tags:
            shapes |= {
                f"input{tag}": (self.hidden if tag else INPUTS + 2 * covariates, width),
                f"recurrent{tag}": (self.hidden, width),
                f"bias{tag}": (width,),
            }
        return {**shapes, "head": (self.hidden, 3), "offset": (3,)}

    def _stack(self, weights: Weights) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The weights of each layer: input, bias, recurrent."""
        for tag in self._tags:
            yield weights[f"input{tag}"], weights[f"bias{tag}"], weights[f"recurrent{tag}"]

    def _loss(
        self,
        covariates: Tensor | None,
        weights: Weights,
        data: TrainingData,
        columns: Tensor,
        rng: np.random.Generator | None,
    ) -> Tensor:
        """[S] mean Laplace loss over windows; rng drops samples and draws memory.

        covariates: [S, T, K] inputs made of covariates. columns: [S, L, B] of the windows.
        """
        series, length, batch = columns.shape
        target = gather_columns(data.deviation, columns)  # [S, L, B]
        observed = gather_columns(data.seen, columns)
        if rng:
            observed = observed & torch.from_numpy(drop_samples(rng, length, batch)).to(
                columns.device
            )
        last = last_samples(target, observed)
        calendar = data.calendar[columns] * data.known[:, None, None, :]
        x = inputs(last, gather_columns(data.profile, columns), calendar)  # [S, L, B, I]
        if covariates is not None:
            x = torch.cat([x, _covariate_windows(covariates, columns, rng)], dim=-1)
        for enter, bias, recurrent in self._stack(weights):
            pre = linear(x.flatten(1, 2), enter, bias).view(series, length, batch, -1)
            memory = self._initial_memory(rng, series, batch, columns.device)
            x = recur(self.cell, pre, recurrent, memory)
        out = linear(x.flatten(1, 2), weights["head"], weights["offset"])
        out = out.view(series, length, batch, 3)
        scored = slice(length // 5, None)  # the first part is run-up
        mean, width = gated_head(out[:, scored], last.deviation[:, scored])
        mask = gather_columns(data.train_mask if rng else data.validation_mask, columns)[:, scored]
        total = (laplace(target[:, scored], mean, width) * mask).sum(dim=(1, 2))
        return total / mask.sum(dim=(1, 2)).clamp(min=1 if rng else 0)

    def _initial_memory(
        self, rng: np.random.Generator | None, series: int, batch: int, device: torch.device
    ) -> tuple[Tensor, ...]:
        """First memory, arrays [S, B, H]; with rng at random.

        The network must learn to forget any memory: that keeps it stable over months.
        """
        shape = (CELLS[self.cell].states, batch, self.hidden)
        values = rng.normal(0, 0.7, shape) if rng else np.zeros(shape)
        h, *c = torch.from_numpy(values.astype(np.float32)).to(device)
        return tuple(
            part.expand(series, batch, self.hidden).contiguous() for part in (h.tanh(), *c)
        )

    @property
    def _memory_names(self) -> tuple[str, ...]:
        """The stored arrays of the memory of a layer; the tag of the layer follows."""
        return ("h", "c")[: CELLS[self.cell].states]

    def _cold_carry(self, rows: int) -> dict[str, NDArray[Any]]:
        blank = np.zeros((rows, self.hidden), np.float32)
        memory = {name + tag: blank for name in self._memory_names for tag in self._tags}
        return {
            **memory,
            "last": np.zeros(rows),
            "age": np.full(rows, MAX_AGE_STEPS),
            "widest": np.zeros(rows),
        }

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None, device: str
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step, each step with the same shapes whatever the length of the batch."""
        rows, steps = view.deviation.shape
        weight_tensors = tensors(weights, device)
        carry = self._cold_carry(rows) if carry is None else carry
        age, next_age = ages(view.seen, carry["age"])
        last, next_last = latest(view.deviation, view.seen, carry["last"])
        faded = fade(torch.from_numpy(last), torch.from_numpy(age)).numpy()
        states = [
            tuple(
                state_tensor(carry[name + tag], device).unsqueeze(1) for name in self._memory_names
            )
            for tag in self._tags
        ]
        out = torch.empty(3, rows, steps, device=device)
        covariates = covariate_inputs(view.covariates) if view.covariates.shape[1] else None
        with torch.inference_mode():
            for block, x in input_blocks(view, RecentColumns(faded, age), device, covariates):
                for layer, (enter, bias, recurrent) in enumerate(self._stack(weight_tensors)):
                    pre = linear(x, enter, bias)
                    x, states[layer] = run(self.cell, pre, recurrent, states[layer], block.places)
                head = linear(x, weight_tensors["head"], weight_tensors["offset"])[:, block.places]
                out[..., block.columns] = head.movedim(-1, 0)
        mean, width = scored_head(out, faded)
        width, widest = hold(width, age, carry["widest"])
        memory = {
            name + tag: part.squeeze(1).cpu().numpy().copy()
            for tag, state in zip(self._tags, states, strict=True)
            for name, part in zip(self._memory_names, state, strict=True)
        }
        return mean, width, {**memory, "last": next_last, "age": next_age, "widest": widest}


def _covariate_windows(
    covariates: Tensor, columns: Tensor, rng: np.random.Generator | None
) -> Tensor:
    """[S, L, B, K] of the windows; with rng, some windows have no covariates."""
    series, _, batch = columns.shape
    row = torch.arange(series, device=columns.device)[:, None, None]
    windows = covariates[row, columns]
    if rng is None:
        return windows
    return windows * torch.from_numpy(rng.random((batch, 1)) > 0.1).to(columns.device)
