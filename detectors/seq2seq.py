"""A forecaster of many steps: one GRU reads the past, another writes the future that follows.

The encoder keeps its memory between samples. At every sample the decoder starts from the memory of
the encoder and forecasts the next step. In a gap the decoder goes on from its own memory. It then
sees only what is known beforehand: the calendar, the profile, how old the last sample is, and what
this time of the last day looked like. So a forecast is what the decoder writes into a gap.

It is trained from random origins: one step from each of them, and a whole horizon from the last.
So it has learnt the steps of a long gap as such, and not as a chain of guesses.

Sources: Sutskever et al. (2014), encoder and decoder; Cho et al. (2014), GRU; Wen et al. (2017),
MQ-RNN, for many origins in one window and for inputs known beforehand; Salinas et al. (2020),
DeepAR, for a distribution at each step.
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
from detectors.fitted import TrendDetector, own_arrays
from detectors.recurrent import (
    INPUTS,
    RecentColumns,
    drop_samples,
    fade,
    gated_head,
    input_blocks,
    inputs,
    laplace,
    last_samples,
    scored_head,
    sigmoid,
)
from detectors.stacked import GatedRecurrence, Weights, advance, linear, run, state_tensor, tensors
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

# The inputs that are known beforehand: all but the last deviation, and whether it is present.
KNOWN_INPUTS = slice(2, None)


@dataclass(frozen=True)
class Seq2Seq(TrendDetector):
    """Encoder and decoder: many steps ahead, each with its own spread."""

    name: ClassVar[str] = "seq2seq"
    least: ClassVar[int] = 256  # samples that a series must have

    hidden: int = field(default=16, metadata={"range": (4, 256)})
    # Steps that the encoder reads; the first fifth is run-up.
    window: int = field(default=36, metadata={"range": (16, 512)})
    # Steps that the decoder learns to write.
    horizon: int = field(default=120, metadata={"range": (2, 512)})
    batch: int = field(default=4, metadata={"range": (1, 256)})  # windows of a mini-batch
    # Of the optimizer; from a prior, a third of them.
    steps: int = field(default=60, metadata={"range": (1, 10_000)})
    rate: float = field(default=0.03, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    @property
    def _max_age(self) -> float:
        """Steps after which nothing is left of the last deviation."""
        return 2.0 * self.horizon

    def train(
        self,
        view: TrendView,
        batch: SeriesBatch,
        prior: Arrays | None,
        device: str,
        progress: Progress | None,
    ) -> dict[str, NDArray[Any]]:
        """See `model.Model`."""
        rows = len(view.deviation)
        prior_weights = None if prior is None else own_arrays(prior)
        start = initial(self.weight_shapes(), prior_weights, rows, self.seed)
        if prior is None:
            for bias in ("read_bias", "write_bias"):  # remember at first
                start[bias][:, self.hidden : 2 * self.hidden] = 1.0
            start["head"] *= 0.1
        lags, _ = _lags(view, yesterday.cold(rows))
        return learn(
            partial(self._loss, torch.from_numpy(lags.astype(np.float32)).to(device)),
            training_data(view, batch, device),
            start,
            TrainingPlan.of(self.steps, self.rate, warm=prior is not None),
            WindowSampling(self.window + self.horizon, self.batch, validation=16, seed=self.seed),
            progress,
        )

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one model, by name, without the axis S."""
        encoder_inputs = INPUTS + 1
        width = 3 * self.hidden
        return {
            "read": (encoder_inputs, width),
            "read_again": (self.hidden, width),
            "read_bias": (width,),
            "write": (encoder_inputs - KNOWN_INPUTS.start, width),
            "write_again": (self.hidden, width),
            "write_bias": (width,),
            "head": (self.hidden, 4),
            "offset": (4,),
        }

    def _loss(
        self,
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
        observed = observed & (torch.arange(length, device=device) < self.window - 1)[:, None]
        last = last_samples(target, observed, self._max_age)
        calendar = data.calendar[columns] * data.known[:, None, None, :]
        x = inputs(last, gather_columns(data.profile, columns), calendar, self._max_age, lag)
        size = (batch, self.hidden)
        start_state = np.tanh(rng.normal(0, 0.7, size) if rng else np.zeros(size)).astype(
            np.float32
        )
        memory = torch.from_numpy(start_state).to(device).expand(series, -1, -1)
        decoded = self._write(weights, x, memory)
        out = linear(decoded.flatten(1, 2), weights["head"], weights["offset"])
        mean, width = _head(out.view(series, length, batch, 4), last.deviation, lag)
        mask = gather_columns(data.train_mask if rng else data.validation_mask, columns)
        error = laplace(target, mean, width) * mask
        one_step, horizon = (
            error[:, part].sum(dim=(1, 2))
            / mask[:, part].sum(dim=(1, 2)).clamp(min=1 if rng else 0)
            for part in (slice(self.window // 5, self.window), slice(self.window, None))
        )
        return one_step + horizon

    def _write(self, weights: Weights, x: Tensor, memory: Tensor) -> Tensor:
        """The memory of the decoder [S, L, B, H]: within the window one step after that of the
        encoder at each place, then on from its own."""
        series, length, batch, _ = x.shape
        window_steps = self.window - 1  # the last place of the encoder is where the horizon begins
        pre = linear(x[:, : self.window].flatten(1, 2), weights["read"], weights["read_bias"])
        pre = pre.view(series, self.window, batch, -1)
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

    def _cold_carry(self, rows: int) -> dict[str, NDArray[Any]]:
        blank = np.zeros((rows, self.hidden), np.float32)
        return {
            "read": blank,
            "written": blank,
            "last": np.zeros(rows),
            "age": np.full(rows, MAX_AGE_STEPS),
            "widest": np.zeros(rows),
            **yesterday.cold(rows),
        }

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None, device: str
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step: the decoder starts anew after a sample, and goes on in a gap."""
        rows, steps = view.deviation.shape
        weight_tensors = tensors(weights, device)
        carry = self._cold_carry(rows) if carry is None else carry
        age, next_age = ages(view.seen, carry["age"])
        last, next_last = latest(view.deviation, view.seen, carry["last"])
        lag, ring = _lags(view, carry)
        faded = fade(torch.from_numpy(last), torch.from_numpy(age), self._max_age).numpy()
        read = state_tensor(carry["read"], device).unsqueeze(1)
        last_memory = state_tensor(carry["written"], device).unsqueeze(1)
        out = torch.empty(4, rows, steps, device=device)
        recent = RecentColumns(faded, age, self._max_age, lag)
        with torch.inference_mode():
            for block, x in input_blocks(view, recent, device):
                places = block.places
                pre = linear(x, weight_tensors["read"], weight_tensors["read_bias"])
                memory, (read,) = run("gru", pre, weight_tensors["read_again"], (read,), places)
                pre = linear(
                    x[..., KNOWN_INPUTS], weight_tensors["write"], weight_tensors["write_bias"]
                )
                gap = age[:, block.columns] > 1
                memory = _decode(
                    weight_tensors["write_again"], pre, memory, last_memory, gap, places.start
                )
                last_memory = memory[:, places.stop - 1 : places.stop].clone()
                head = linear(memory, weight_tensors["head"], weight_tensors["offset"])[:, places]
                out[..., block.columns] = head.movedim(-1, 0)
        mean, width = _scored_head(out, faded, lag)
        width, widest = hold(width, age, carry["widest"])
        next_carry = {
            "read": read.squeeze(1).cpu().numpy().copy(),
            "written": last_memory.squeeze(1).cpu().numpy().copy(),
            **ring,
            "last": next_last,
            "age": next_age,
            "widest": widest,
        }
        return mean, width, next_carry


def _lags(view: TrendView, carry: Arrays) -> tuple[FloatArray, dict[str, NDArray[Any]]]:
    """[S, T] the deviation at this time of the last day, 0 for a series that does not know a day;
    the next carry."""
    lag, next_carry = yesterday.lags(
        view.deviation, view.seen, yesterday.slots(view.calendar), carry
    )
    return lag * view.known[:, :1], next_carry


def _decode(
    recurrent: Tensor, pre: Tensor, read: Tensor, last_memory: Tensor, gap: BoolArray, first: int
) -> Tensor:
    """The memory of the decoder [S, N, H]: a step from that of the encoder; in a gap, from its own.

    pre: [S, N, 3H]. read: [S, N, H] of the encoder. last_memory: [S, 1, H] the last one from
    before.
    gap: [S, L] of the places from `first` on.
    """
    (memory,) = advance("gru", pre, recurrent, (read,))
    for t in np.flatnonzero(gap.any(axis=0)):
        column = slice(first + t, first + t + 1)
        last = (memory[:, column.start - 1 : column.start] if t else last_memory).contiguous()
        (next_memory,) = advance("gru", pre[:, column], recurrent, (last,))
        sampled = torch.from_numpy(~gap[:, t]).to(pre.device)[:, None, None]
        memory[:, column] = torch.where(sampled, memory[:, column], next_memory)
    return memory


def _head(out: Tensor, last: Tensor, lag: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and width [...] from out [..., 4]: shares of the last deviation and of the day before,
    and the rest."""
    mean, width = gated_head(out[..., :3], last)
    return mean + torch.sigmoid(out[..., 3] - 2.0) * lag, width


def _scored_head(out: Tensor, last: FloatArray, lag: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`_head` of a whole batch, out [4, S, T]: see `recurrent.scored_head`."""
    mean, width = scored_head(out[:3], last)
    return mean + sigmoid(out[3].cpu().double().numpy() - 2.0) * lag, width
