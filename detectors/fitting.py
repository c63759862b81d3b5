"""The one training loop: S losses summed, Adam element by element, gradients clipped series by series.

All weights of a series lie in one row of a [S, P] array, so that clipping, the optimizer, the best weights so far and
the test for divergence are one line each, and no series can reach into another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import Arrays, DetectorError, Diverged, Progress
from detectors.stacked import Shapes, Weights, draw

CLIP = 5.0  # largest norm of the gradient of one series
BETAS, EPSILON = (0.9, 0.99), 1e-4  # a large epsilon: weights without a gradient must not follow its rounding


@dataclass(frozen=True)
class Plan:
    """How long and how fast; steps are counted, never seconds, so that a fit can be repeated."""

    steps: int
    rate: float  # of Adam, falling to a twentieth along a cosine
    every: int = 20  # steps between validations
    patience: int = 3  # validations without progress after which a series is left alone

    @classmethod
    def of(cls, steps: int, rate: float, *, warm: bool) -> "Plan":
        """Whoever starts from a prior needs a third of the steps, at half the rate."""
        return cls(max(1, steps // 3), rate / 2) if warm else cls(steps, rate)


def initial(shapes: Shapes, prior: Arrays | None, rows: int, seed: int) -> Weights:
    """The weights to start from: those of the prior [S, ...], or one random draw for all series."""
    if prior is None:
        return draw(shapes, rows, seed)
    for name, shape in shapes.items():
        if name not in prior or prior[name].shape != (rows, *shape):
            found = prior[name].shape if name in prior else "nothing"
            raise DetectorError(f"prior `{name}` must be {(rows, *shape)}: got {found}; fit without a prior")
    return {name: torch.from_numpy(np.array(prior[name], np.float32)) for name in shapes}


def fleet_prior(state: Arrays, rows: int) -> dict[str, NDArray[Any]]:
    """A prior for `rows` series that have no model yet: the mean of fitted peers, from their state [P, ...].

    Whatever is not a number with a fraction (times, choices, periods) is zero: it says nothing of another series.
    """
    means = {name: (array.mean(axis=0) if np.issubdtype(array.dtype, np.floating) else np.zeros(array.shape[1:])
                    ).astype(array.dtype) for name, array in state.items()}
    return {name: np.repeat(mean[None], rows, axis=0) for name, mean in means.items()}


def train(loss: Callable[[Weights, int], Tensor], validate: Callable[[Weights], Tensor], start: Weights, plan: Plan,
          *, device: str = "cpu", progress: Progress | None = None) -> dict[str, NDArray[Any]]:
    """Minimises the sum of S losses; returns for each series the weights that validated best.

    loss: (weights, step) -> [S] on a mini-batch chosen by the number of the step. validate: weights -> [S]; NaN for a
    series that has nothing to validate on, which then keeps its last weights.
    Raises Diverged naming the rows that never had a finite loss.
    """
    rows = next(iter(start.values())).shape[0]
    shapes = {name: tuple(weight.shape[1:]) for name, weight in start.items()}
    flat = torch.cat([weight.reshape(rows, -1) for weight in start.values()], dim=1).to(device).requires_grad_()
    moments = (torch.zeros_like(flat), torch.zeros_like(flat))
    race = _Race(flat.detach().clone(), plan.patience)
    race.judge(flat.detach(), validate(_named(flat.detach(), shapes)))
    for step in range(plan.steps):
        losses = loss(_named(flat, shapes), step)
        flat.grad = None
        losses.sum().backward()  # type: ignore[no-untyped-call]
        _adam(flat, moments, step, plan)
        if (step + 1) % plan.every == 0 or step + 1 == plan.steps:
            race.judge(flat.detach(), validate(_named(flat.detach(), shapes)))
            if progress:
                progress((step + 1) / plan.steps)
            if race.over:
                break
    lost = torch.nonzero(race.lost).flatten().tolist()
    if lost:
        raise Diverged(f"{len(lost)} of {rows} series never had a finite loss, the first in row {lost[0]}: "
                       "look for values that jump by many orders of magnitude", lost)
    return {name: weight.cpu().numpy().copy() for name, weight in _named(race.best, shapes).items()}


class _Race:
    """Per series: the best weights so far, and whether it is still worth going on."""

    def __init__(self, best: Tensor, patience: int) -> None:
        self.best, self._patience = best, patience
        rows = best.shape[0]
        self._least = torch.full((rows,), torch.inf, device=best.device)
        self._waits = torch.zeros(rows, device=best.device)
        self._judged = torch.zeros(rows, dtype=torch.bool, device=best.device)
        self.lost = torch.ones_like(self._judged)

    def judge(self, flat: Tensor, losses: Tensor) -> None:
        """Takes part of each series whose patience has not run out; the others keep their best for good."""
        finite = torch.isfinite(flat).all(dim=1) & ~torch.isinf(losses)
        unjudged = torch.isnan(losses) & ~self._judged  # nothing to validate on
        running = self._waits < self._patience
        better = running & finite & ((losses < self._least) | unjudged)
        self.best = torch.where(better.unsqueeze(1), flat, self.best)
        progress = losses < self._least - 1e-3 * self._least.abs()
        progress |= torch.isinf(self._least) | unjudged
        self._least = torch.where(better & ~unjudged, losses, self._least)
        self._judged |= ~torch.isnan(losses)
        self._waits = torch.where(running, torch.where(progress & finite, 0.0, self._waits + 1), self._waits)
        self.lost &= ~better

    @property
    def over(self) -> bool:
        return bool((self._waits >= self._patience).all())


def _adam(flat: Tensor, moments: tuple[Tensor, Tensor], step: int, plan: Plan) -> None:
    """One step of Adam (Kingma & Ba, 2015), in place, after clipping each row; a row that is not finite stays."""
    assert flat.grad is not None
    grad = flat.grad
    norm = grad.norm(dim=1, keepdim=True)
    grad = torch.where(torch.isfinite(norm), grad * (CLIP / norm.clamp(min=CLIP)), torch.zeros_like(grad))
    first, second = moments
    first.lerp_(grad, 1 - BETAS[0])
    second.lerp_(grad * grad, 1 - BETAS[1])
    rate = plan.rate * (0.525 + 0.475 * float(np.cos(np.pi * step / plan.steps)))
    corrected = rate * (1 - BETAS[1] ** (step + 1)) ** 0.5 / (1 - BETAS[0] ** (step + 1))
    with torch.no_grad():
        flat.addcdiv_(first, second.sqrt().add_(EPSILON), value=-corrected)


def _named(flat: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> Weights:
    """Views of the rows [S, P] as weights [S, ...]."""
    parts = torch.split(flat, [int(np.prod(shape)) for shape in shapes.values()], dim=1)
    return {name: part.view(flat.shape[0], *shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
