"""How encoder and decoder learn: one step from every place of a window, a horizon from its last."""

from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors import yesterday
from detectors.api import Arrays, Progress, SeriesBatch
from detectors.fitted import own_arrays
from detectors.model import NetworkOptions
from detectors.recurrent import KNOWN_INPUTS
from detectors.recurrent_training import drop_samples, gated_head, inputs, laplace, last_samples
from detectors.stacked import GatedRecurrence, Weights, linear
from detectors.training import TrainingPlan, initial
from detectors.training_windows import (
    TrainingData,
    WindowSampling,
    gather_columns,
    learn,
    training_data,
)
from detectors.trend_view import TrendView


class ForecastNetwork(NetworkOptions, Protocol):
    """An encoder and a decoder; see `detectors.seq2seq`."""

    @property
    def horizon(self) -> int: ...
    @property
    def max_age(self) -> float: ...

    def weight_shapes(self) -> dict[str, tuple[int, ...]]: ...


def train_seq2seq(
    network: ForecastNetwork,
    view: TrendView,
    batch: SeriesBatch,
    prior: Arrays | None,
    device: str,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """See `model.Model.train`."""
    rows = len(view.deviation)
    prior_weights = None if prior is None else own_arrays(prior)
    start = initial(network.weight_shapes(), prior_weights, rows, network.seed)
    if prior is None:
        for bias in ("read_bias", "write_bias"):  # remember at first
            start[bias][:, network.hidden : 2 * network.hidden] = 1.0
        start["head"] *= 0.1
    lags, _ = yesterday.day_lags(view, yesterday.cold(rows))
    windows = WindowSampling(
        network.window + network.horizon, network.batch, validation=16, seed=network.seed
    )
    return learn(
        partial(_loss, network, torch.from_numpy(lags.astype(np.float32)).to(device)),
        training_data(view, batch, device),
        start,
        TrainingPlan.of(network.steps, network.rate, warm=prior is not None),
        windows,
        progress,
    )


def _loss(
    network: ForecastNetwork,
    lags: Tensor,
    weights: Weights,
    data: TrainingData,
    columns: Tensor,
    rng: np.random.Generator | None,
) -> Tensor:
    """[S] Laplace loss of one step from every place of the encoder, plus that of the horizon
    from its last. columns: [S, L, B] of the windows."""
    series, length, batch = columns.shape
    device = columns.device
    target = gather_columns(data.deviation, columns)  # [S, L, B]
    lag = gather_columns(lags, columns)
    observed = gather_columns(data.seen, columns)
    if rng:
        observed = observed & torch.from_numpy(drop_samples(rng, length, batch)).to(device)
    observed = observed & (torch.arange(length, device=device) < network.window - 1)[:, None]
    last = last_samples(target, observed, network.max_age)
    calendar = data.calendar[columns] * data.known[:, None, None, :]
    x = inputs(last, gather_columns(data.profile, columns), calendar, network.max_age, lag)
    size = (batch, network.hidden)
    start_state = np.tanh(rng.normal(0, 0.7, size) if rng else np.zeros(size)).astype(np.float32)
    memory = torch.from_numpy(start_state).to(device).expand(series, -1, -1)
    decoded = _write(network, weights, x, memory)
    out = linear(decoded.flatten(1, 2), weights["head"], weights["offset"])
    mean, width = _head(out.view(series, length, batch, 4), last.deviation, lag)
    mask = gather_columns(data.train_mask if rng else data.validation_mask, columns)
    error = laplace(target, mean, width) * mask
    one_step, horizon = (
        error[:, part].sum(dim=(1, 2)) / mask[:, part].sum(dim=(1, 2)).clamp(min=1 if rng else 0)
        for part in (slice(network.window // 5, network.window), slice(network.window, None))
    )
    return one_step + horizon


def _write(network: ForecastNetwork, weights: Weights, x: Tensor, memory: Tensor) -> Tensor:
    """The memory of the decoder [S, L, B, H]: within the window one step after that of the
    encoder at each place, then on from its own."""
    series, length, batch, _ = x.shape
    window_steps = network.window - 1  # the last place of the encoder is where the horizon begins
    pre = linear(x[:, : network.window].flatten(1, 2), weights["read"], weights["read_bias"])
    pre = pre.view(series, network.window, batch, -1)
    read = GatedRecurrence.apply(pre, weights["read_again"], memory)
    pre = linear(x[..., KNOWN_INPUTS].flatten(1, 2), weights["write"], weights["write_bias"])
    pre = pre.view(series, length, batch, -1)
    one_step = GatedRecurrence.apply(
        pre[:, :window_steps].flatten(1, 2).unsqueeze(1),
        weights["write_again"],
        read[:, :window_steps].flatten(1, 2),
    )
    horizon = GatedRecurrence.apply(
        pre[:, window_steps:], weights["write_again"], read[:, window_steps]
    )
    return torch.cat([one_step.view(series, window_steps, batch, -1), horizon], dim=1)


def _head(out: Tensor, last: Tensor, lag: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] from out [..., 4]: shares of the last deviation and of the day before,
    and the rest."""
    mean, width = gated_head(out[..., :3], last)
    return mean + torch.sigmoid(out[..., 3] - yesterday.LAG_BIAS) * lag, width
