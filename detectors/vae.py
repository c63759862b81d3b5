"""A variational autoencoder over windows with missing data.

The encoder sees the last window - 1 deviations from the trend with the mask of those that were
there, never the sample to be scored. The decoder returns a Laplace distribution for every place of
the window, and that of the last place is the band. At scoring the latent is the mean of its
posterior, so that the same window always gives the same band.

Sources: Kingma & Welling (2014), VAE; Xu et al. (2018), Donut, for masked windows; Kingma et al.
(2016), free bits.
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


@dataclass(frozen=True)
class VAE(TrendDetector):
    """Window autoencoder that never sees the sample it judges."""

    name: ClassVar[str] = "vae"
    least: ClassVar[int] = 256  # samples that a series must have

    window: int = field(default=32, metadata={"range": (4, 256)})
    hidden: int = field(default=24, metadata={"range": (4, 256)})
    latent: int = field(default=6, metadata={"range": (1, 64)})
    batch: int = field(default=64, metadata={"range": (1, 1024)})  # windows of a mini-batch
    # Of the optimizer; from a prior, a third of them.
    steps: int = field(default=250, metadata={"range": (1, 10_000)})
    rate: float = field(default=0.01, metadata={"range": (1e-5, 1.0)})
    beta: float = field(default=0.3, metadata={"range": (0.0, 10.0)})  # weight of the latent term
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
            from detectors.vae_training import train_vae
        return train_vae(self, view, batch, prior, device, progress)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one model, by name, without the axis S."""
        hidden = self.hidden
        return {
            "enter": (2 * self.window + CONTEXT, hidden),
            "enter_bias": (hidden,),
            "encode": (hidden, 2 * self.latent),
            "encode_bias": (2 * self.latent,),
            "decode": (self.latent + CONTEXT, hidden),
            "decode_bias": (hidden,),
            "leave": (hidden, 2 * self.window),
            "leave_bias": (2 * self.window,),
        }

    def encode(
        self, layers: Layers, weights: NetworkWeights, values: Any, mask: Any, context: Any
    ) -> tuple[Any, Any]:
        """Posterior mean and log variance [S, B, Z] from masked values and mask [S, B, W]."""
        x = layers.join([values, mask, context])
        inner = layers.tanh(layers.linear(x, weights["enter"], weights["enter_bias"]))
        code = layers.linear(inner, weights["encode"], weights["encode_bias"])
        return code[..., : self.latent], code[..., self.latent :].clip(-8.0, 4.0)

    def decode(
        self, layers: Layers, weights: NetworkWeights, latent: Any, context: Any
    ) -> tuple[Any, Any]:
        """Mean and width [S, B, W] in spreads of the trend."""
        x = layers.join([latent, context])
        inner = layers.tanh(layers.linear(x, weights["decode"], weights["decode_bias"]))
        out = layers.linear(inner, weights["leave"], weights["leave_bias"])
        return out[..., : self.window], positive_width(layers, out[..., self.window :])

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """The last place of the window that ends with each sample; the sample itself is masked."""
        layers = NumpyLayers()

        def last_place(values: Floats, mask: Floats, context: Floats) -> tuple[Floats, ...]:
            latent, _ = self.encode(layers, weights, values, mask, context)
            mean, width = self.decode(layers, weights, latent, context)
            return mean[..., -1], width[..., -1]

        return predict_windows(last_place, view, carry or cold(len(view.seen), self.window))
