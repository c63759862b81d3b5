"""A variational autoencoder over windows with missing data, whole in this file.

The encoder sees the last window - 1 deviations from the trend with the mask of what was there, never the sample to be
scored; the decoder gives a Laplace distribution for every place of the window, and the last place is the band. At
scoring the latent is the mean of its posterior, so that the same window always gives the same band.
Sources: Kingma & Welling (2014), VAE; Xu et al. (2018), Donut, for masked windows; Kingma et al. (2016), free bits.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import Arrays, FloatArray, Progress, SeriesBatch
from detectors.fitted import Standard, own
from detectors.fitting import Plan, initial
from detectors.masked import CONTEXT, banded, cold, examples, positive, reconstruction, slide
from detectors.stacked import Weights, linear, tensors
from detectors.trend import Course
from detectors.windows import Lessons, Material, learn, material

FREE_BITS = 0.05  # nats of each latent that cost nothing


@dataclass(frozen=True)
class VAE(Standard):
    """Window autoencoder that never sees the sample it judges."""

    name: ClassVar[str] = "vae"
    least: ClassVar[int] = 256  # samples that a series must have

    window: int = field(default=32, metadata={"range": (4, 256)})
    hidden: int = field(default=24, metadata={"range": (4, 256)})
    latent: int = field(default=6, metadata={"range": (1, 64)})
    batch: int = field(default=64, metadata={"range": (1, 1024)})  # windows of a mini-batch
    steps: int = field(default=250, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.01, metadata={"range": (1e-5, 1.0)})
    beta: float = field(default=0.3, metadata={"range": (0.0, 10.0)})  # weight of the latent term
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def train(self, course: Course, batch: SeriesBatch, prior: Arrays | None, device: str,
              progress: Progress | None) -> dict[str, NDArray[Any]]:
        """See `fitted.Model`."""
        data = material(course, batch, device)
        seen, hidden, latent = 2 * self.window + CONTEXT, self.hidden, self.latent
        shapes = {"enter": (seen, hidden), "enter_bias": (hidden,), "encode": (hidden, 2 * latent),
                  "encode_bias": (2 * latent,), "decode": (latent + CONTEXT, hidden), "decode_bias": (hidden,),
                  "leave": (hidden, 2 * self.window), "leave_bias": (2 * self.window,)}
        start = initial(shapes, None if prior is None else own(prior), data.deviation.shape[0], self.seed)
        return learn(self._loss, data, start, Plan.of(self.steps, self.rate, warm=prior is not None),
                     Lessons(self.window, self.batch, 256, self.seed), device=device, progress=progress)

    def _loss(self, weights: Weights, data: Material, at: Tensor, rng: np.random.Generator | None) -> Tensor:
        """[S] over the windows at columns `at` [S, W, B]: with rng the training loss, else that of the last place."""
        windows = examples(data, at, rng)
        centre, log_variance = self._encode(weights, windows.values, windows.shown, windows.context)
        if rng is None:
            return reconstruction(windows, *self._decode(weights, centre, windows.context), training=False)
        noise = torch.from_numpy(rng.normal(size=(at.shape[2], self.latent)).astype(np.float32)).to(at.device)
        mean, width = self._decode(weights, centre + noise * (0.5 * log_variance).exp(), windows.context)
        divergence = _divergence(centre, log_variance).mean(dim=1)  # [S, Z]
        latent = self.beta * divergence.clamp(min=FREE_BITS).sum(dim=1)
        return reconstruction(windows, mean, width, training=True) + latent / self.window

    def _encode(self, weights: Weights, values: Tensor, shown: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Posterior mean and log variance [S, B, Z] from masked values and mask [S, B, W]."""
        x = torch.cat([values, shown.to(values.dtype), context], dim=-1)
        inner = torch.tanh(linear(x, weights["enter"], weights["enter_bias"]))
        centre, log_variance = linear(inner, weights["encode"], weights["encode_bias"]).chunk(2, dim=-1)
        return centre, log_variance.clamp(-8.0, 4.0)

    def _decode(self, weights: Weights, latent: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and width [S, B, W] in spreads of the trend."""
        inner = torch.tanh(linear(torch.cat([latent, context], dim=-1), weights["decode"], weights["decode_bias"]))
        mean, raw = linear(inner, weights["leave"], weights["leave_bias"]).chunk(2, dim=-1)
        return mean, positive(raw)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Of the window that ends with each sample, itself masked, the place that is scored."""
        own = tensors(weights, device)

        def last_place(values: Tensor, shown: Tensor, context: Tensor) -> tuple[Tensor, ...]:
            means, widths = self._decode(own, self._encode(own, values, shown, context)[0], context)
            return means[..., -1], widths[..., -1]

        return banded(last_place, course, carry or cold(len(course.seen), self.window), device)

    def strain(self, weights: Arrays, course: Course, carry: Arrays | None, device: str) -> FloatArray:
        """[S, T] nats by which the posterior of each window, its last sample masked, is away from the prior.

        The latent evidence: how unusual the past is of which the band of that sample is made. `carry` is the one that
        `predict` is given.
        """
        own = tensors(weights, device)

        def divergence(values: Tensor, shown: Tensor, context: Tensor) -> tuple[Tensor, ...]:
            return _divergence(*self._encode(own, values, shown, context)).sum(dim=-1),

        (nats,), _ = slide(divergence, course, carry or cold(len(course.seen), self.window), device)
        return nats


def _divergence(centre: Tensor, log_variance: Tensor) -> Tensor:
    """KL(posterior, standard normal) of each latent, in nats."""
    return 0.5 * (centre**2 + log_variance.exp() - 1 - log_variance)
