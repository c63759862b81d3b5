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
from torch.nn.functional import softplus

from detectors.api import Arrays, FittedDetector, FloatArray, Progress, SeriesBatch
from detectors.fitted import calibrated, own, require, restore, trend_of, uncalibrated
from detectors.fitting import Plan, initial
from detectors.season import FEATURES
from detectors.stacked import Weights, linear, tensors
from detectors.stepping import OLDEST, ages
from detectors.trend import Course, follow
from detectors.windows import Lessons, Material, learn, material, take

LEAST = 256  # samples
CONTEXT = FEATURES + 1  # calendar and profile of the scored sample
NARROWEST = 0.05  # spreads of the trend
FARTHEST = 8.0  # a deviation counts as this many spreads at most
FREE_BITS = 0.05  # nats of each latent that cost nothing


@dataclass(frozen=True)
class VAE:
    """Window autoencoder that never sees the sample it judges."""

    name: ClassVar[str] = "vae"

    window: int = field(default=32, metadata={"range": (4, 256)})
    hidden: int = field(default=24, metadata={"range": (4, 256)})
    latent: int = field(default=6, metadata={"range": (1, 64)})
    batch: int = field(default=64, metadata={"range": (1, 1024)})  # windows of a mini-batch
    steps: int = field(default=250, metadata={"range": (1, 10_000)})  # of the optimizer, a third from a prior
    rate: float = field(default=0.01, metadata={"range": (1e-5, 1.0)})
    beta: float = field(default=0.3, metadata={"range": (0.0, 10.0)})  # weight of the latent term
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    @property
    def warm_up(self) -> int:
        return 512

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`."""
        require(batch, LEAST)
        trend = trend_of(batch)
        weights = self._train(material(follow(trend, batch, None), batch, device), prior, device, progress)
        return calibrated(uncalibrated(self, trend, weights, device), batch, alert_budget)

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state, device)

    def _train(self, data: Material, prior: Arrays | None, device: str,
               progress: Progress | None) -> dict[str, NDArray[Any]]:
        seen, hidden, latent = 2 * self.window + CONTEXT, self.hidden, self.latent
        shapes = {"enter": (seen, hidden), "enter_bias": (hidden,), "encode": (hidden, 2 * latent),
                  "encode_bias": (2 * latent,), "decode": (latent + CONTEXT, hidden), "decode_bias": (hidden,),
                  "leave": (hidden, 2 * self.window), "leave_bias": (2 * self.window,)}
        start = initial(shapes, None if prior is None else own(prior), data.deviation.shape[0], self.seed)
        return learn(self._loss, data, start, Plan.of(self.steps, self.rate, warm=prior is not None),
                     Lessons(self.window, self.batch, 256, self.seed), device=device, progress=progress)

    def _loss(self, weights: Weights, data: Material, at: Tensor, rng: np.random.Generator | None) -> Tensor:
        """[S] over the windows at columns `at` [S, W, B]: with rng the training loss, else that of the last place."""
        columns, device = at.transpose(1, 2), at.device  # [S, B, W]
        target, shown = take(data.deviation, columns), take(data.seen, columns)
        hidden = _hidden(rng, *columns.shape[1:]) if rng else _last_only(*columns.shape[1:])
        shown = shown & ~torch.from_numpy(hidden).to(device)
        last = at[:, -1]  # [S, B]
        context = torch.cat([data.calendar[last] * data.known[:, None, :],
                             take(data.profile, last).clamp(-4.0, 4.0).unsqueeze(-1)], dim=-1)  # [S, B, CONTEXT]
        centre, log_variance = self._encode(weights, _squash(target) * shown, shown, context)
        if rng:
            noise = torch.from_numpy(rng.normal(size=(at.shape[2], self.latent)).astype(np.float32)).to(device)
            mean, width = self._decode(weights, centre + noise * (0.5 * log_variance).exp(), context)
            error = ((target - mean).abs() / width + width.log()) * take(data.taught, columns)
            error[..., -1] *= self.window  # the place that is scored weighs as much as all others together
            divergence = 0.5 * (centre**2 + log_variance.exp() - 1 - log_variance).mean(dim=1)  # [S, Z]
            latent = self.beta * divergence.clamp(min=FREE_BITS).sum(dim=1)
            return (error.sum(dim=2).mean(dim=1) / 2 + latent) / self.window
        mean, width = self._decode(weights, centre, context)
        counts = take(data.validated, last)
        error = (target - mean)[..., -1].abs() / width[..., -1] + width[..., -1].log()
        return (error * counts).sum(dim=1) / counts.sum(dim=1)

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
        return mean, softplus(raw) + NARROWEST

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """Window by window, each with the same shapes whatever the length of the batch."""
        rows, steps = course.deviation.shape
        own, past = tensors(weights, device), self.window - 1
        if carry is None:
            blank = np.zeros((rows, past), np.float32)
            carry = {"values": blank, "shown": blank, "age": np.full(rows, OLDEST), "widest": blank[:, 0]}
        age, age_after = ages(course.seen, carry["age"])
        deviation, seen, profile, there = (torch.from_numpy(np.ascontiguousarray(a.T, np.float32)).to(device)
                                           for a in (course.deviation, course.seen, course.profile, age <= 1))
        values = torch.cat([torch.as_tensor(carry["values"], device=device).T, _squash(deviation) * seen])
        shown = torch.cat([torch.as_tensor(carry["shown"], device=device).T, seen])  # [W - 1 + T, S]
        calendar, known = (torch.from_numpy(a).to(device) for a in (course.calendar, course.known))
        widest, mean, width = (torch.as_tensor(carry["widest"], device=device), torch.empty_like(deviation),
                               torch.empty_like(deviation))
        masked = torch.zeros(1, rows, device=device)  # the scored sample itself
        with torch.inference_mode():
            for t in range(steps):
                window, mask = (torch.cat([part[t:t + past], masked]).T.unsqueeze(1) for part in (values, shown))
                context = torch.cat([calendar[t] * known, profile[t].clamp(-4.0, 4.0).unsqueeze(-1)], dim=-1)
                centre, _ = self._encode(own, window, mask, context.unsqueeze(1))
                means, widths = self._decode(own, centre, context.unsqueeze(1))
                mean[t] = means[:, 0, -1]
                widest = torch.maximum(widths[:, 0, -1], widest * (1 - there[t]))  # in a gap the band only widens
                width[t] = widest
        after = {"values": values[steps:].T, "shown": shown[steps:].T, "widest": widest}
        return (mean.T.cpu().numpy().astype(np.float64), width.T.cpu().numpy().astype(np.float64),
                {**{name: tensor.cpu().numpy().copy() for name, tensor in after.items()}, "age": age_after})


def _squash(deviation: Tensor) -> Tensor:
    return torch.asinh(deviation.clamp(-FARTHEST, FARTHEST))


def _last_only(batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] True at the last place, which is the one to be scored."""
    hidden = np.zeros((batch, window), bool)
    hidden[:, -1] = True
    return hidden


def _hidden(rng: np.random.Generator, batch: int, window: int) -> NDArray[np.bool_]:
    """[B, W] what the encoder may not see: the last place, some others, and in every fourth window a recent run."""
    run = rng.integers(2, window, batch) * (rng.random(batch) < 0.25)
    ended = np.arange(window) >= window - run[:, None]
    return _last_only(batch, window) | ended | (rng.random((batch, window)) < 0.1)
