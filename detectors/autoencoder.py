"""Autoencoders over windows with missing data, of three kinds.

The encoder sees the last window - 1 deviations from the trend with the mask of those that were
there, never the sample to be scored, and reduces them to a code. From the code and the calendar the
decoder returns a Laplace distribution for every place of the window, and that of the last place is
the band. What the code cannot hold, such as an anomaly, does not come back.

* dense: one hidden layer on either side. Hinton & Salakhutdinov (2006).
* conv: strided convolutions down, and their transposes up. Masci et al. (2011).
* lstm: one network reads the window forwards, another writes it backwards, so that the place that
  is scored comes first. Malhotra et al. (2016), EncDec-AD. The code is an input at every step, as
  in Cho et al. (2014).
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from detectors.api import Arrays, FloatArray, Progress, SeriesBatch
from detectors.fitted import TrendDetector, own_arrays
from detectors.masked_windows import (
    CONTEXT,
    cold,
    positive_width,
    predict_windows,
    reconstruction,
    window_batch,
)
from detectors.stacked import Weights, linear, recur, tensors
from detectors.training import TrainingPlan, initial
from detectors.training_windows import TrainingData, WindowSampling, learn, training_data
from detectors.trend_view import TrendView

KERNEL_PLACES = 4  # of a convolution
STRIDE_PLACES = 2
CHANNELS = 8  # after the first of two convolutions; twice as many after the second
# Validations without progress: without noise or skip connection, the first are often worse than
# the start.
PATIENCE_CHECKS = 6
PATCH_PLACES = 8  # that the LSTM reads or writes at one step


@dataclass(frozen=True)
class Autoencoder(TrendDetector):
    """Window autoencoder that never sees the sample it judges."""

    name: ClassVar[str] = "autoencoder"
    least: ClassVar[int] = 256  # samples that a series must have

    kind: str = field(default="dense", metadata={"choices": ("dense", "conv", "lstm")})
    window: int = field(default=32, metadata={"range": (4, 256)})
    hidden: int = field(default=16, metadata={"range": (4, 256)})  # of `dense` and `lstm`
    latent: int = field(default=6, metadata={"range": (1, 64)})  # numbers of a code
    batch: int = field(default=24, metadata={"range": (1, 1024)})  # windows of a mini-batch
    # Of the optimizer; from a prior, a third of them.
    steps: int = field(default=160, metadata={"range": (1, 10_000)})
    rate: float = field(default=0.015, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

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
        prior_weights = None if prior is None else own_arrays(prior)
        start = initial(self.weight_shapes(), prior_weights, len(view.deviation), self.seed)
        if prior is None and self.kind == "lstm":
            for bias in ("read_bias", "write_bias"):  # remember at first (Jozefowicz et al., 2015)
                start[bias][:, self.hidden : 2 * self.hidden] = 1.0
        plan = TrainingPlan.of(self.steps, self.rate, warm=prior is not None)
        return learn(
            self._loss,
            data,
            start,
            replace(plan, patience=PATIENCE_CHECKS),
            WindowSampling(self.window, self.batch, validation=256, seed=self.seed),
            progress,
        )

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one model, by name, without the axis S."""
        if self.kind == "dense":
            return self._dense_shapes()
        return self._conv_shapes() if self.kind == "conv" else self._lstm_shapes()

    def _dense_shapes(self) -> dict[str, tuple[int, ...]]:
        hidden = self.hidden
        return {
            "enter": (2 * self.window + CONTEXT, hidden),
            "enter_bias": (hidden,),
            "encode": (hidden, self.latent),
            "encode_bias": (self.latent,),
            "decode": (self.latent + CONTEXT, hidden),
            "decode_bias": (hidden,),
            "leave": (hidden, 2 * self.window),
            "leave_bias": (2 * self.window,),
        }

    def _conv_shapes(self) -> dict[str, tuple[int, ...]]:
        deep = 2 * CHANNELS
        flat = deep * self._coarse
        return {
            "down": (2 * KERNEL_PLACES, CHANNELS),
            "down_bias": (CHANNELS,),
            "down2": (CHANNELS * KERNEL_PLACES, deep),
            "down2_bias": (deep,),
            "encode": (flat + CONTEXT, self.latent),
            "encode_bias": (self.latent,),
            "decode": (self.latent + CONTEXT, flat),
            "decode_bias": (flat,),
            "up2": (deep, STRIDE_PLACES * CHANNELS),
            "up2_bias": (STRIDE_PLACES * CHANNELS,),
            "up": (CHANNELS, STRIDE_PLACES * 2),
            "up_bias": (STRIDE_PLACES * 2,),
        }

    def _lstm_shapes(self) -> dict[str, tuple[int, ...]]:
        hidden = self.hidden
        return {
            "read": (2 * PATCH_PLACES, 4 * hidden),
            "read_again": (hidden, 4 * hidden),
            "read_bias": (4 * hidden,),
            "encode": (hidden + CONTEXT, self.latent),
            "encode_bias": (self.latent,),
            "write": (self.latent + CONTEXT, 4 * hidden),
            "write_again": (hidden, 4 * hidden),
            "write_bias": (4 * hidden,),
            "leave": (hidden, 2 * PATCH_PLACES),
            "leave_bias": (2 * PATCH_PLACES,),
        }

    @property
    def _coarse(self) -> int:
        """Places that are left of a window after two convolutions."""
        return -(-self.window // STRIDE_PLACES**2)

    @property
    def _patches(self) -> int:
        return -(-self.window // PATCH_PLACES)

    def _loss(
        self, weights: Weights, data: TrainingData, columns: Tensor, rng: np.random.Generator | None
    ) -> Tensor:
        """[S] over the windows at `columns` [S, W, B]: with rng the training loss, else that of
        the last place."""
        windows = window_batch(data, columns, rng)
        code = self._encode(weights, windows.values, windows.shown, windows.context)
        mean, width = self._decode(weights, code, windows.context, self.window)
        return reconstruction(windows, mean, width, training=rng is not None)

    def _encode(self, weights: Weights, values: Tensor, mask: Tensor, context: Tensor) -> Tensor:
        """The code [S, N, Z] of masked values and mask [S, N, W]."""
        if self.kind == "dense":
            x = torch.cat([values, mask, context], dim=-1)
            inner = torch.tanh(linear(x, weights["enter"], weights["enter_bias"]))
            return linear(inner, weights["encode"], weights["encode_bias"])
        x = torch.stack([values, mask], dim=-1)  # [S, N, W, 2]
        inner = self._convolve(weights, x) if self.kind == "conv" else self._read(weights, x)
        return linear(
            torch.cat([inner, context], dim=-1), weights["encode"], weights["encode_bias"]
        )

    def _decode(
        self, weights: Weights, code: Tensor, context: Tensor, places: int
    ) -> tuple[Tensor, Tensor]:
        """Mean and width [S, N, places] of the last places of the window, in spreads of the
        trend."""
        x = torch.cat([code, context], dim=-1)
        if self.kind == "lstm":
            out = self._write(weights, x, places)
        elif self.kind == "conv":
            out = self._deconvolve(weights, x)
        else:
            inner = torch.tanh(linear(x, weights["decode"], weights["decode_bias"]))
            out = linear(inner, weights["leave"], weights["leave_bias"]).view(*x.shape[:2], -1, 2)
        mean, raw = out[:, :, -places:].unbind(-1)
        return mean, positive_width(raw)

    def _convolve(self, weights: Weights, x: Tensor) -> Tensor:
        """x [S, N, W, 2] through two convolutions, each with blanks at both ends -> [S, N, coarse *
        channels]."""
        x = pad(x, (0, 0, STRIDE_PLACES**2 * self._coarse - self.window, 0))
        for layer in ("down", "down2"):
            # [S, N, W / STRIDE, channels * KERNEL]
            patches = pad(x, (0, 0, 1, 1)).unfold(2, KERNEL_PLACES, STRIDE_PLACES).flatten(3)
            out = linear(patches.flatten(1, 2), weights[layer], weights[f"{layer}_bias"])
            x = torch.tanh(out).view(*patches.shape[:3], -1)
        return x.flatten(2)

    def _deconvolve(self, weights: Weights, x: Tensor) -> Tensor:
        """The transpose: every place becomes `STRIDE` places, twice; x [S, N, Z + CONTEXT] -> [S,
        N, W, 2]."""
        series, count, _ = x.shape
        x = torch.tanh(linear(x, weights["decode"], weights["decode_bias"])).view(
            series, count * self._coarse, -1
        )
        x = torch.tanh(linear(x, weights["up2"], weights["up2_bias"])).view(series, -1, CHANNELS)
        return linear(x, weights["up"], weights["up_bias"]).view(series, count, -1, 2)[
            :, :, -self.window :
        ]

    def _read(self, weights: Weights, x: Tensor) -> Tensor:
        """The memory [S, N, H] after x [S, N, W, 2], `PATCH` places at a step."""
        x = pad(x, (0, 0, PATCH_PLACES * self._patches - self.window, 0)).view(
            *x.shape[:2], self._patches, 2 * PATCH_PLACES
        )
        x = x.transpose(1, 2)
        pre = linear(x.flatten(1, 2), weights["read"], weights["read_bias"]).view(*x.shape[:3], -1)
        blank = x.new_zeros(x.shape[0], x.shape[2], self.hidden)
        return recur("lstm", pre, weights["read_again"], (blank, blank))[:, -1]

    def _write(self, weights: Weights, x: Tensor, places: int) -> Tensor:
        """At least the last places, in their order, [S, N, ..., 2]: written from the last patch
        backwards."""
        patches = -(-places // PATCH_PLACES)
        pre = (
            linear(x, weights["write"], weights["write_bias"])
            .unsqueeze(1)
            .expand(-1, patches, -1, -1)
        )
        blank = x.new_zeros(*x.shape[:2], self.hidden)
        memory = recur("lstm", pre, weights["write_again"], (blank, blank)).transpose(1, 2).flip(2)
        out = linear(memory.flatten(1, 2), weights["leave"], weights["leave_bias"])
        return out.view(*x.shape[:2], patches * PATCH_PLACES, 2)

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None, device: str
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """The last place of the window that ends with each sample; the sample itself is masked."""
        weight_tensors = tensors(weights, device)

        def last_place(values: Tensor, mask: Tensor, context: Tensor) -> tuple[Tensor, ...]:
            mean, width = self._decode(
                weight_tensors, self._encode(weight_tensors, values, mask, context), context, 1
            )
            return mean[..., 0], width[..., 0]

        return predict_windows(last_place, view, carry or cold(len(view.seen), self.window), device)
