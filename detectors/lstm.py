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
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FittedDetector, FloatArray, Progress, SeriesBatch
from detectors.covariates import CovariateFit, WithCovariates, explain_batch, fit_covariates
from detectors.fitted import TrendDetector, fit, restore
from detectors.layers import CELLS, NetworkWeights, linear, run
from detectors.model import learn_with_torch
from detectors.recurrent import (
    INPUTS,
    RecentColumns,
    covariate_inputs,
    fade,
    gated_head,
    input_blocks,
)
from detectors.stepping import MAX_AGE_STEPS, ages, hold, latest
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
        inner = restore(self, state)
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
        with learn_with_torch(self.name):
            from detectors.lstm_training import train_lstm
        return train_lstm(self, view, batch, prior, device, progress)

    @property
    def tags(self) -> list[str]:
        """What the names of the arrays of each layer end with."""
        return ["", "2", "3", "4"][: self.layers]

    def weight_shapes(self, covariates: int = 0) -> dict[str, tuple[int, ...]]:
        """Of one model, by name, without the axis S; covariates: how many there are."""
        width = CELLS[self.cell].gates * self.hidden
        shapes = dict[str, tuple[int, ...]]()
        for tag in self.tags:
            shapes |= {
                f"input{tag}": (self.hidden if tag else INPUTS + 2 * covariates, width),
                f"recurrent{tag}": (self.hidden, width),
                f"bias{tag}": (width,),
            }
        return {**shapes, "head": (self.hidden, 3), "offset": (3,)}

    def stack(self, weights: NetworkWeights) -> Iterator[tuple[Any, Any, Any]]:
        """The weights of each layer: input, bias, recurrent."""
        for tag in self.tags:
            yield weights[f"input{tag}"], weights[f"bias{tag}"], weights[f"recurrent{tag}"]

    @property
    def _memory_names(self) -> tuple[str, ...]:
        """The stored arrays of the memory of a layer; the tag of the layer follows."""
        return ("h", "c")[: CELLS[self.cell].states]

    def _cold_carry(self, rows: int) -> dict[str, NDArray[Any]]:
        blank = np.zeros((rows, self.hidden), np.float32)
        memory = {name + tag: blank for name in self._memory_names for tag in self.tags}
        return {
            **memory,
            "last": np.zeros(rows),
            "age": np.full(rows, MAX_AGE_STEPS),
            "widest": np.zeros(rows),
        }

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step, each step with the same shapes whatever the length of the batch."""
        rows, steps = view.deviation.shape
        carry = self._cold_carry(rows) if carry is None else carry
        age, next_age = ages(view.seen, carry["age"])
        last, next_last = latest(view.deviation, view.seen, carry["last"])
        faded = fade(last, age)
        states = [
            tuple(carry[name + tag][:, None] for name in self._memory_names) for tag in self.tags
        ]
        out = np.empty((3, rows, steps), np.float32)
        covariates = covariate_inputs(view.covariates) if view.covariates.shape[1] else None
        for block, x in input_blocks(view, RecentColumns(faded, age), covariates):
            for layer, (enter, bias, recurrent) in enumerate(self.stack(weights)):
                pre = linear(x, enter, bias)
                x, states[layer] = run(self.cell, pre, recurrent, states[layer], block.places)
            head = linear(x, weights["head"], weights["offset"])[:, block.places]
            out[..., block.columns] = np.moveaxis(head, -1, 0)
        mean, width = gated_head(out, faded)
        width, widest = hold(width, age, carry["widest"])
        memory = {
            name + tag: np.array(part[:, 0])
            for tag, state in zip(self.tags, states, strict=True)
            for name, part in zip(self._memory_names, state, strict=True)
        }
        return mean, width, {**memory, "last": next_last, "age": next_age, "widest": widest}
