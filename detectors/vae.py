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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
from detectors.stacked import Weights, linear, tensors
from detectors.training import TrainingPlan, initial
from detectors.training_windows import TrainingData, WindowSampling, learn, training_data
from detectors.trend_view import TrendView

FREE_BITS = 0.05  # nats of each latent that cost nothing


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
        data = training_data(view, batch, device)
        prior_weights = None if prior is None else own_arrays(prior)
        return learn(
            self._loss,
            data,
            initial(self.weight_shapes(), prior_weights, len(view.deviation), self.seed),
            TrainingPlan.of(self.steps, self.rate, warm=prior is not None),
            WindowSampling(self.window, self.batch, validation=256, seed=self.seed),
            progress,
        )

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

    def _loss(
        self, weights: Weights, data: TrainingData, columns: Tensor, rng: np.random.Generator | None
    ) -> Tensor:
        """[S] over the windows at `columns` [S, W, B]: with rng the training loss, else that of
        the last place."""
        windows = window_batch(data, columns, rng)
        centre, log_variance = self._encode(weights, windows.values, windows.shown, windows.context)
        if rng is None:
            return reconstruction(
                windows, *self._decode(weights, centre, windows.context), training=False
            )
        noise = torch.from_numpy(
            rng.normal(size=(columns.shape[2], self.latent)).astype(np.float32)
        ).to(columns.device)
        mean, width = self._decode(
            weights, centre + noise * (0.5 * log_variance).exp(), windows.context
        )
        divergence = _divergence(centre, log_variance).mean(dim=1)  # [S, Z]
        latent = self.beta * divergence.clamp(min=FREE_BITS).sum(dim=1)
        return reconstruction(windows, mean, width, training=True) + latent / self.window

    def _encode(
        self, weights: Weights, values: Tensor, mask: Tensor, context: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance [S, B, Z] from masked values and mask [S, B, W]."""
        x = torch.cat([values, mask.to(values.dtype), context], dim=-1)
        inner = torch.tanh(linear(x, weights["enter"], weights["enter_bias"]))
        centre, log_variance = linear(inner, weights["encode"], weights["encode_bias"]).chunk(
            2, dim=-1
        )
        return centre, log_variance.clamp(-8.0, 4.0)

    def _decode(self, weights: Weights, latent: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and width [S, B, W] in spreads of the trend."""
        inner = torch.tanh(
            linear(torch.cat([latent, context], dim=-1), weights["decode"], weights["decode_bias"])
        )
        mean, raw = linear(inner, weights["leave"], weights["leave_bias"]).chunk(2, dim=-1)
        return mean, positive_width(raw)

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None, device: str
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """The last place of the window that ends with each sample; the sample itself is masked."""
        weight_tensors = tensors(weights, device)

        def last_place(values: Tensor, mask: Tensor, context: Tensor) -> tuple[Tensor, ...]:
            means, widths = self._decode(
                weight_tensors, self._encode(weight_tensors, values, mask, context)[0], context
            )
            return means[..., -1], widths[..., -1]

        return predict_windows(last_place, view, carry or cold(len(view.seen), self.window), device)


def _divergence(centre: Tensor, log_variance: Tensor) -> Tensor:
    """KL(posterior, standard normal) of each latent, in nats."""
    return 0.5 * (centre**2 + log_variance.exp() - 1 - log_variance)
