"""The one training loop: S losses summed, Adam element by element, gradients clipped per series.

All weights of a series lie in one row of a [S, P] array. So clipping, the optimizer, the best
weights so far and the test for divergence are one line each, and no series can change another.
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

MAX_GRADIENT_NORM = 5.0  # of one series
ADAM_BETAS = (0.9, 0.99)
ADAM_EPSILON = 1e-4  # large, so that weights without a gradient do not follow its rounding


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast; steps are counted, never seconds, so that a fit can be repeated."""

    steps: int
    rate: float  # of Adam, falling to a twentieth along a cosine
    every: int = 20  # steps between validations
    patience: int = 3  # validations without progress after which a series is left alone

    @classmethod
    def of(cls, steps: int, rate: float, *, warm: bool) -> "TrainingPlan":
        """From a prior (warm), a third of the steps at half the rate is enough."""
        return cls(max(1, steps // 3), rate / 2) if warm else cls(steps, rate)


def initial(shapes: Shapes, prior: Arrays | None, rows: int, seed: int) -> Weights:
    """The weights to start from: those of the prior [S, ...], or one random draw for all series."""
    if prior is None:
        return draw(shapes, rows, seed)
    for name, shape in shapes.items():
        if name not in prior or prior[name].shape != (rows, *shape):
            prior_shape = prior[name].shape if name in prior else "nothing"
            raise DetectorError(
                f"prior `{name}` must be {(rows, *shape)}: got {prior_shape}; fit without a prior"
            )
    return {name: torch.from_numpy(np.array(prior[name], np.float32)) for name in shapes}


def train(
    loss: Callable[[Weights, int], Tensor],
    validate: Callable[[Weights], Tensor],
    start: Weights,
    plan: TrainingPlan,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> dict[str, NDArray[Any]]:
    """Minimises the sum of S losses; returns for each series the weights that validated best.

    loss: (weights, step) -> [S] on a mini-batch chosen by the number of the step. validate: weights
    -> [S]; NaN for a series that has nothing to validate on, which then keeps its last weights.
    Raises Diverged naming the rows that never had a finite loss.
    """
    rows = next(iter(start.values())).shape[0]
    shapes = {name: tuple(weight.shape[1:]) for name, weight in start.items()}
    flat = (
        torch.cat([weight.reshape(rows, -1) for weight in start.values()], dim=1)
        .to(device)
        .requires_grad_()
    )
    moments = (torch.zeros_like(flat), torch.zeros_like(flat))
    stopping = _EarlyStopping(flat.detach().clone(), plan.patience)
    stopping.update(flat.detach(), validate(_split_weights(flat.detach(), shapes)))
    for step in range(plan.steps):
        losses = loss(_split_weights(flat, shapes), step)
        flat.grad = None
        losses.sum().backward()  # type: ignore[no-untyped-call]
        _adam(flat, moments, step, plan)
        if (step + 1) % plan.every == 0 or step + 1 == plan.steps:
            stopping.update(flat.detach(), validate(_split_weights(flat.detach(), shapes)))
            if progress:
                progress((step + 1) / plan.steps)
            if stopping.over:
                break
    lost = torch.nonzero(stopping.lost).flatten().tolist()
    if lost:
        raise Diverged(
            f"{len(lost)} of {rows} series never had a finite loss, the first in row {lost[0]}: "
            "look for values that jump by many orders of magnitude",
            lost,
        )
    best = _split_weights(stopping.best, shapes)
    return {name: weight.cpu().numpy().copy() for name, weight in best.items()}


class _EarlyStopping:
    """Per series: the best weights so far, and whether it is still worth going on."""

    def __init__(self, best: Tensor, patience: int) -> None:
        self.best = best
        self._patience = patience
        rows = best.shape[0]
        self._least = torch.full((rows,), torch.inf, device=best.device)
        self._waits = torch.zeros(rows, device=best.device)
        self._judged = torch.zeros(rows, dtype=torch.bool, device=best.device)
        self.lost = torch.ones_like(self._judged)

    def update(self, flat: Tensor, losses: Tensor) -> None:
        """Keeps better weights, series by series; once its patience has run out, a series keeps its
        best ones for good."""
        finite = torch.isfinite(flat).all(dim=1) & ~torch.isinf(losses)
        unjudged = torch.isnan(losses) & ~self._judged  # nothing to validate on
        running = self._waits < self._patience
        better = running & finite & ((losses < self._least) | unjudged)
        self.best = torch.where(better.unsqueeze(1), flat, self.best)
        progress = losses < self._least - 1e-3 * self._least.abs()
        progress |= torch.isinf(self._least) | unjudged
        self._least = torch.where(better & ~unjudged, losses, self._least)
        self._judged |= ~torch.isnan(losses)
        self._waits = torch.where(
            running, torch.where(progress & finite, 0.0, self._waits + 1), self._waits
        )
        self.lost &= ~better

    @property
    def over(self) -> bool:
        return bool((self._waits >= self._patience).all())


def _adam(flat: Tensor, moments: tuple[Tensor, Tensor], step: int, plan: TrainingPlan) -> None:
    """One step of Adam (Kingma & Ba, 2015), in place, after clipping each row; a row whose gradient
    is not finite does not move.

    It is ours because `torch.optim.Adam` adds epsilon and corrects the bias in another order: the
    numbers of every fit would change, and five lines are not worth that.
    """
    assert flat.grad is not None
    grad = flat.grad
    norm = grad.norm(dim=1, keepdim=True)
    grad = torch.where(
        torch.isfinite(norm),
        grad * (MAX_GRADIENT_NORM / norm.clamp(min=MAX_GRADIENT_NORM)),
        torch.zeros_like(grad),
    )
    first, second = moments
    first.lerp_(grad, 1 - ADAM_BETAS[0])
    second.lerp_(grad * grad, 1 - ADAM_BETAS[1])
    rate = plan.rate * (0.525 + 0.475 * float(np.cos(np.pi * step / plan.steps)))
    corrected = rate * (1 - ADAM_BETAS[1] ** (step + 1)) ** 0.5 / (1 - ADAM_BETAS[0] ** (step + 1))
    with torch.no_grad():
        flat.addcdiv_(first, second.sqrt().add_(ADAM_EPSILON), value=-corrected)


def _split_weights(flat: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> Weights:
    """Views of the rows [S, P] as weights [S, ...]."""
    parts = torch.split(flat, [int(np.prod(shape)) for shape in shapes.values()], dim=1)
    return {
        name: part.view(flat.shape[0], *shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
