"""How the one-step forecasters learn: over windows whose first fifth is run-up."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import Arrays, Progress, SeriesBatch
from detectors.fitted import own_arrays
from detectors.layers import CELLS, NetworkWeights
from detectors.model import NetworkOptions
from detectors.recurrent import covariate_inputs
from detectors.recurrent_training import drop_samples, gated_head, inputs, laplace, last_samples
from detectors.stacked import Weights, linear, recur
from detectors.training import TrainingPlan, initial
from detectors.training_windows import (
    TrainingData,
    WindowSampling,
    gather_columns,
    learn,
    training_data,
)
from detectors.trend_view import TrendView


class RecurrentStack(NetworkOptions, Protocol):
    """Recurrent layers and a head; see `detectors.lstm`."""

    @property
    def cell(self) -> str: ...
    @property
    def tags(self) -> list[str]: ...

    def weight_shapes(self, covariates: int = 0) -> dict[str, tuple[int, ...]]: ...

    def stack(self, weights: NetworkWeights) -> Iterator[tuple[Any, Any, Any]]: ...


def train_lstm(
    network: RecurrentStack,
    view: TrendView,
    batch: SeriesBatch,
    prior: Arrays | None,
    device: str,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """See `model.Model.train`."""
    count = view.covariates.shape[1]
    prior_weights = None if prior is None else own_arrays(prior)
    shapes = network.weight_shapes(count)
    start = initial(shapes, prior_weights, len(view.deviation), network.seed)
    if prior is None:
        for tag in network.tags:  # remember at first (Jozefowicz et al., 2015)
            start[f"bias{tag}"][:, network.hidden : 2 * network.hidden] = 1.0
        start["head"] *= 0.1
    covariates = None
    if count:
        covariates = torch.from_numpy(covariate_inputs(view.covariates)).to(device)
    return learn(
        partial(_loss, network, covariates),
        training_data(view, batch, device),
        start,
        TrainingPlan.of(network.steps, network.rate, warm=prior is not None),
        WindowSampling(network.window, network.batch, validation=24, seed=network.seed),
        progress,
    )


def _loss(
    network: RecurrentStack,
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
        observed = observed & torch.from_numpy(drop_samples(rng, length, batch)).to(columns.device)
    last = last_samples(target, observed)
    calendar = data.calendar[columns] * data.known[:, None, None, :]
    x = inputs(last, gather_columns(data.profile, columns), calendar)  # [S, L, B, I]
    if covariates is not None:
        x = torch.cat([x, _covariate_windows(covariates, columns, rng)], dim=-1)
    for enter, bias, recurrent in network.stack(weights):
        pre = linear(x.flatten(1, 2), enter, bias).view(series, length, batch, -1)
        memory = _initial_memory(network, rng, columns)
        x = recur(network.cell, pre, recurrent, memory)
    out = linear(x.flatten(1, 2), weights["head"], weights["offset"])
    out = out.view(series, length, batch, 3)
    scored = slice(length // 5, None)  # the first part is run-up
    mean, width = gated_head(out[:, scored], last.deviation[:, scored])
    mask = gather_columns(data.train_mask if rng else data.validation_mask, columns)[:, scored]
    total = (laplace(target[:, scored], mean, width) * mask).sum(dim=(1, 2))
    return total / mask.sum(dim=(1, 2)).clamp(min=1 if rng else 0)


def _initial_memory(
    network: RecurrentStack, rng: np.random.Generator | None, columns: Tensor
) -> tuple[Tensor, ...]:
    """First memory, arrays [S, B, H]; with rng at random.

    The network must learn to forget any memory: that keeps it stable over months.
    """
    series, _, batch = columns.shape
    shape = (CELLS[network.cell].states, batch, network.hidden)
    values = rng.normal(0, 0.7, shape) if rng else np.zeros(shape)
    h, *c = torch.from_numpy(values.astype(np.float32)).to(columns.device)
    return tuple(part.expand(series, batch, network.hidden).contiguous() for part in (h.tanh(), *c))


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
