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
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors import yesterday
from detectors.api import Arrays, BoolArray, FloatArray, Progress, SeriesBatch
from detectors.fitted import TrendDetector
from detectors.layers import Floats, advance, linear, run, sigmoid
from detectors.model import learn_with_torch
from detectors.recurrent import INPUTS, KNOWN_INPUTS, RecentColumns, fade, gated_head, input_blocks
from detectors.stepping import MAX_AGE_STEPS, ages, hold, latest
from detectors.trend_view import TrendView


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
    def max_age(self) -> float:
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
        with learn_with_torch(self.name):
            from detectors.seq2seq_training import train_seq2seq
        return train_seq2seq(self, view, batch, prior, device, progress)

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
        self, weights: Arrays, view: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """Step by step: the decoder starts anew after a sample, and goes on in a gap."""
        rows, steps = view.deviation.shape
        carry = self._cold_carry(rows) if carry is None else carry
        age, next_age = ages(view.seen, carry["age"])
        last, next_last = latest(view.deviation, view.seen, carry["last"])
        lag, ring = yesterday.day_lags(view, carry)
        faded = fade(last, age, self.max_age)
        read = carry["read"][:, None]
        last_memory = carry["written"][:, None]
        out = np.empty((4, rows, steps), np.float32)
        for block, x in input_blocks(view, RecentColumns(faded, age, self.max_age, lag)):
            places = block.places
            pre = linear(x, weights["read"], weights["read_bias"])
            memory, (read,) = run("gru", pre, weights["read_again"], (read,), places)
            pre = linear(x[..., KNOWN_INPUTS], weights["write"], weights["write_bias"])
            gap = age[:, block.columns] > 1
            memory = _decode(weights["write_again"], pre, memory, last_memory, gap, places.start)
            last_memory = memory[:, places.stop - 1 : places.stop].copy()
            head = linear(memory, weights["head"], weights["offset"])[:, places]
            out[..., block.columns] = np.moveaxis(head, -1, 0)
        mean, width = gated_head(out[:3], faded)
        mean = mean + sigmoid(out[3].astype(np.float64) - yesterday.LAG_BIAS) * lag
        width, widest = hold(width, age, carry["widest"])
        next_carry = {
            "read": np.array(read[:, 0]),
            "written": last_memory[:, 0],
            **ring,
            "last": next_last,
            "age": next_age,
            "widest": widest,
        }
        return mean, width, next_carry


def _decode(
    recurrent: Floats, pre: Floats, read: Floats, last_memory: Floats, gap: BoolArray, first: int
) -> Floats:
    """The memory of the decoder [S, N, H]: a step from that of the encoder; in a gap, from its own.

    pre: [S, N, 3H]. read: [S, N, H] of the encoder. last_memory: [S, 1, H] the last one from
    before.
    gap: [S, L] of the places from `first` on.
    """
    (memory,) = advance("gru", pre, recurrent, (read,))
    for t in np.flatnonzero(gap.any(axis=0)):
        column = slice(first + t, first + t + 1)
        last = memory[:, column.start - 1 : column.start] if t else last_memory
        (next_memory,) = advance("gru", pre[:, column], recurrent, (np.ascontiguousarray(last),))
        in_gap = gap[:, t, None, None]
        memory[:, column] = np.where(in_gap, next_memory, memory[:, column])
    return memory
