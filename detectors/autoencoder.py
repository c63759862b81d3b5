"""Autoencoders over windows with missing data, of three kinds, whole in this file.

The encoder sees the last window - 1 deviations from the trend with the mask of what was there, never the sample to be
scored, and presses them into a code; the decoder says from the code and the calendar where every place of the window
should be, as a Laplace distribution, and the last place is the band. What does not fit the code cannot come back.

dense  one hidden layer on either side. Hinton & Salakhutdinov (2006).
conv   strided convolutions down, and their transposes up. Masci et al. (2011).
lstm   one network reads the window forwards, another writes it backwards, so that the place that is scored comes
       first. Malhotra et al. (2016), EncDec-AD; the code is given at every step as by Cho et al. (2014).
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from detectors.api import Arrays, FloatArray, Progress, SeriesBatch
from detectors.fitted import Standard, own
from detectors.fitting import Plan, initial
from detectors.masked import CONTEXT, banded, cold, examples, positive, reconstruction
from detectors.stacked import Weights, linear, recur, tensors
from detectors.trend import Course
from detectors.windows import Lessons, Material, learn, material

KERNEL, STRIDE = 4, 2  # of the convolutions
CHANNELS = 8  # after the first of two convolutions; twice as many after the second
PATIENCE = 6  # validations; the first of a network without noise or skip are often worse than its start
PATCH = 8  # places that the LSTM reads or writes at one step


@dataclass(frozen=True)
class Autoencoder(Standard):
    """Window autoencoder that never sees the sample it judges."""

    name: ClassVar[str] = "autoencoder"
    least: ClassVar[int] = 256  # samples that a series must have

    kind: str = field(default="dense", metadata={"choices": ("dense", "conv", "lstm")})
    window: int = field(default=32, metadata={"range": (4, 256)})
    hidden: int = field(default=16, metadata={"range": (4, 256)})  # of `dense` and `lstm`
    latent: int = field(default=6, metadata={"range": (1, 64)})  # numbers of a code
    batch: int = field(default=24, metadata={"range": (1, 1024)})  # windows of a mini-batch
    steps: int = field(default=160, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.015, metadata={"range": (1e-5, 1.0)})
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """See `fitted.Model`."""
        data = material(course, batch, device)
        start = initial(self._shapes(), None if prior is None else own(prior), data.deviation.shape[0], self.seed)
        if prior is None and self.kind == "lstm":
            for bias in ("read_bias", "write_bias"):
                start[bias][:, self.hidden:2 * self.hidden] = 1.0  # remember at first (Jozefowicz et al., 2015)
        plan = replace(Plan.of(self.steps, self.rate, warm=prior is not None), patience=PATIENCE)
        return learn(self._loss, data, start, plan,
                     Lessons(self.window, self.batch, 256, self.seed), device=device, progress=progress)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        code, hidden, deep = self.latent + CONTEXT, self.hidden, 2 * CHANNELS
        if self.kind == "dense":
            return {"enter": (2 * self.window + CONTEXT, hidden), "enter_bias": (hidden,),
                    "encode": (hidden, self.latent), "encode_bias": (self.latent,),
                    "decode": (code, hidden), "decode_bias": (hidden,),
                    "leave": (hidden, 2 * self.window), "leave_bias": (2 * self.window,)}
        if self.kind == "conv":
            return {"down": (2 * KERNEL, CHANNELS), "down_bias": (CHANNELS,),
                    "down2": (CHANNELS * KERNEL, deep), "down2_bias": (deep,),
                    "encode": (deep * self._coarse + CONTEXT, self.latent), "encode_bias": (self.latent,),
                    "decode": (code, deep * self._coarse), "decode_bias": (deep * self._coarse,),
                    "up2": (deep, STRIDE * CHANNELS), "up2_bias": (STRIDE * CHANNELS,),
                    "up": (CHANNELS, STRIDE * 2), "up_bias": (STRIDE * 2,)}
        return {"read": (2 * PATCH, 4 * hidden), "read_again": (hidden, 4 * hidden), "read_bias": (4 * hidden,),
                "encode": (hidden + CONTEXT, self.latent), "encode_bias": (self.latent,),
                "write": (code, 4 * hidden), "write_again": (hidden, 4 * hidden), "write_bias": (4 * hidden,),
                "leave": (hidden, 2 * PATCH), "leave_bias": (2 * PATCH,)}

    @property
    def _coarse(self) -> int:
        """Places that are left of a window after two convolutions."""
        return -(-self.window // STRIDE**2)

    @property
    def _patches(self) -> int:
        return -(-self.window // PATCH)

    def _loss(self, weights: Weights, data: Material, at: Tensor, rng: np.random.Generator | None) -> Tensor:
        """[S] over the windows at columns `at` [S, W, B]: with rng the training loss, else that of the last place."""
        windows = examples(data, at, rng)
        code = self._encode(weights, windows.values, windows.shown, windows.context)
        mean, width = self._decode(weights, code, windows.context, self.window)
        return reconstruction(windows, mean, width, training=rng is not None)

    def _encode(self, weights: Weights, values: Tensor, shown: Tensor, context: Tensor) -> Tensor:
        """The code [S, N, Z] of masked values and mask [S, N, W]."""
        if self.kind == "dense":
            x = torch.cat([values, shown, context], dim=-1)
            inner = torch.tanh(linear(x, weights["enter"], weights["enter_bias"]))
            return linear(inner, weights["encode"], weights["encode_bias"])
        x = torch.stack([values, shown], dim=-1)  # [S, N, W, 2]
        inner = self._narrowed(weights, x) if self.kind == "conv" else self._read(weights, x)
        return linear(torch.cat([inner, context], dim=-1), weights["encode"], weights["encode_bias"])

    def _decode(self, weights: Weights, code: Tensor, context: Tensor, places: int) -> tuple[Tensor, Tensor]:
        """Mean and width [S, N, places] of the last places of the window, in spreads of the trend."""
        x = torch.cat([code, context], dim=-1)
        if self.kind == "lstm":
            out = self._written(weights, x, places)
        elif self.kind == "conv":
            out = self._widened(weights, x)
        else:
            inner = torch.tanh(linear(x, weights["decode"], weights["decode_bias"]))
            out = linear(inner, weights["leave"], weights["leave_bias"]).view(*x.shape[:2], -1, 2)
        mean, raw = out[:, :, -places:].unbind(-1)
        return mean, positive(raw)

    def _narrowed(self, weights: Weights, x: Tensor) -> Tensor:
        """x [S, N, W, 2] through two convolutions, each with blanks at both ends -> [S, N, coarse * channels]."""
        x = pad(x, (0, 0, STRIDE**2 * self._coarse - self.window, 0))
        for layer in ("down", "down2"):
            patches = pad(x, (0, 0, 1, 1)).unfold(2, KERNEL, STRIDE).flatten(3)  # [S, N, W / STRIDE, channels * KERNEL]
            out = linear(patches.flatten(1, 2), weights[layer], weights[f"{layer}_bias"])
            x = torch.tanh(out).view(*patches.shape[:3], -1)
        return x.flatten(2)

    def _widened(self, weights: Weights, x: Tensor) -> Tensor:
        """The transpose: every place becomes `STRIDE` places, twice; x [S, N, Z + CONTEXT] -> [S, N, W, 2]."""
        series, count, _ = x.shape
        x = torch.tanh(linear(x, weights["decode"], weights["decode_bias"])).view(series, count * self._coarse, -1)
        x = torch.tanh(linear(x, weights["up2"], weights["up2_bias"])).view(series, -1, CHANNELS)
        return linear(x, weights["up"], weights["up_bias"]).view(series, count, -1, 2)[:, :, -self.window:]

    def _read(self, weights: Weights, x: Tensor) -> Tensor:
        """The memory [S, N, H] after x [S, N, W, 2], `PATCH` places at a step."""
        x = pad(x, (0, 0, PATCH * self._patches - self.window, 0)).view(*x.shape[:2], self._patches, 2 * PATCH)
        x = x.transpose(1, 2)
        pre = linear(x.flatten(1, 2), weights["read"], weights["read_bias"]).view(*x.shape[:3], -1)
        blank = x.new_zeros(x.shape[0], x.shape[2], self.hidden)
        return recur("lstm", pre, weights["read_again"], (blank, blank))[:, -1]

    def _written(self, weights: Weights, x: Tensor, places: int) -> Tensor:
        """At least the last places, in their order, [S, N, ..., 2]: written from the last patch backwards."""
        patches = -(-places // PATCH)
        pre = linear(x, weights["write"], weights["write_bias"]).unsqueeze(1).expand(-1, patches, -1, -1)
        blank = x.new_zeros(*x.shape[:2], self.hidden)
        written = recur("lstm", pre, weights["write_again"], (blank, blank)).transpose(1, 2).flip(2)
        out = linear(written.flatten(1, 2), weights["leave"], weights["leave_bias"])
        return out.view(*x.shape[:2], patches * PATCH, 2)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Of the window that ends with each sample, itself masked, the place that is scored."""
        own = tensors(weights, device)

        def last_place(values: Tensor, shown: Tensor, context: Tensor) -> tuple[Tensor, ...]:
            mean, width = self._decode(own, self._encode(own, values, shown, context), context, 1)
            return mean[..., 0], width[..., 0]

        return banded(last_place, course, carry or cold(len(course.seen), self.window), device)
