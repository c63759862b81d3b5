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

from dataclasses import dataclass, field
from typing import Any, ClassVar

from numpy.typing import NDArray

from detectors.api import Arrays, FloatArray, Progress, SeriesBatch
from detectors.fitted import TrendDetector
from detectors.layers import Floats, Layers, NetworkWeights, NumpyLayers
from detectors.masked_windows import CONTEXT, cold, positive_width, predict_windows
from detectors.model import learn_with_torch
from detectors.trend_view import TrendView

KERNEL_PLACES = 4  # of a convolution
STRIDE_PLACES = 2
CHANNELS = 8  # after the first of two convolutions; twice as many after the second
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
        with learn_with_torch(self.name):
            from detectors.autoencoder_training import train_autoencoder
        return train_autoencoder(self, view, batch, prior, device, progress)

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

    def encode(
        self, layers: Layers, weights: NetworkWeights, values: Any, mask: Any, context: Any
    ) -> Any:
        """The code [S, N, Z] of masked values and mask [S, N, W]."""
        if self.kind == "dense":
            x = layers.join([values, mask, context])
            inner = layers.tanh(layers.linear(x, weights["enter"], weights["enter_bias"]))
            return layers.linear(inner, weights["encode"], weights["encode_bias"])
        x = layers.join([values[..., None], mask[..., None]])  # [S, N, W, 2]
        read = self._convolve if self.kind == "conv" else self._read
        inner = layers.join([read(layers, weights, x), context])
        return layers.linear(inner, weights["encode"], weights["encode_bias"])

    def decode(
        self, layers: Layers, weights: NetworkWeights, code: Any, context: Any, places: int
    ) -> tuple[Any, Any]:
        """Mean and width [S, N, places] of the last places of the window, in spreads of the
        trend."""
        x = layers.join([code, context])
        if self.kind == "lstm":
            out = self._write(layers, weights, x, places)
        elif self.kind == "conv":
            out = self._deconvolve(layers, weights, x)
        else:
            inner = layers.tanh(layers.linear(x, weights["decode"], weights["decode_bias"]))
            out = layers.linear(inner, weights["leave"], weights["leave_bias"])
            out = out.reshape(*x.shape[:2], -1, 2)
        last = out[:, :, -places:]
        return last[..., 0], positive_width(layers, last[..., 1])

    def _convolve(self, layers: Layers, weights: NetworkWeights, x: Any) -> Any:
        """x [S, N, W, 2] through two convolutions, each with blanks at both ends -> [S, N, coarse *
        channels]."""
        x = layers.pad_places(x, STRIDE_PLACES**2 * self._coarse - self.window, 0)
        for layer in ("down", "down2"):
            # [S, N, W / STRIDE, channels * KERNEL]
            patches = layers.patches(layers.pad_places(x, 1, 1), KERNEL_PLACES, STRIDE_PLACES)
            flat = patches.reshape(len(patches), -1, patches.shape[-1])
            out = layers.tanh(layers.linear(flat, weights[layer], weights[f"{layer}_bias"]))
            x = out.reshape(*patches.shape[:3], -1)
        return x.reshape(*x.shape[:2], -1)

    def _deconvolve(self, layers: Layers, weights: NetworkWeights, x: Any) -> Any:
        """The transpose: every place becomes `STRIDE` places, twice; x [S, N, Z + CONTEXT] -> [S,
        N, W, 2]."""
        series, count, _ = x.shape
        x = layers.tanh(layers.linear(x, weights["decode"], weights["decode_bias"]))
        x = x.reshape(series, count * self._coarse, -1)
        x = layers.tanh(layers.linear(x, weights["up2"], weights["up2_bias"]))
        x = layers.linear(x.reshape(series, -1, CHANNELS), weights["up"], weights["up_bias"])
        return x.reshape(series, count, -1, 2)[:, :, -self.window :]

    def _read(self, layers: Layers, weights: NetworkWeights, x: Any) -> Any:
        """The memory [S, N, H] after x [S, N, W, 2], `PATCH` places at a step."""
        x = layers.pad_places(x, PATCH_PLACES * self._patches - self.window, 0)
        x = x.reshape(*x.shape[:2], self._patches, 2 * PATCH_PLACES).swapaxes(1, 2)
        flat = x.reshape(len(x), -1, 2 * PATCH_PLACES)
        pre = layers.linear(flat, weights["read"], weights["read_bias"])
        pre = pre.reshape(*x.shape[:3], -1)
        return layers.recur("lstm", pre, weights["read_again"])[:, -1]

    def _write(self, layers: Layers, weights: NetworkWeights, x: Any, places: int) -> Any:
        """At least the last places, in their order, [S, N, ..., 2]: written from the last patch
        backwards."""
        patches = -(-places // PATCH_PLACES)
        pre = layers.linear(x, weights["write"], weights["write_bias"])
        memory = layers.recur("lstm", layers.repeat_steps(pre, patches), weights["write_again"])
        memory = layers.flip_steps(memory).swapaxes(1, 2)
        flat = memory.reshape(len(memory), -1, self.hidden)
        out = layers.linear(flat, weights["leave"], weights["leave_bias"])
        return out.reshape(*x.shape[:2], patches * PATCH_PLACES, 2)

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """The last place of the window that ends with each sample; the sample itself is masked."""
        layers = NumpyLayers()

        def last_place(values: Floats, mask: Floats, context: Floats) -> tuple[Floats, ...]:
            code = self.encode(layers, weights, values, mask, context)
            mean, width = self.decode(layers, weights, code, context, 1)
            return mean[..., 0], width[..., 0]

        return predict_windows(last_place, view, carry or cold(len(view.seen), self.window))
