"""Layers whose weights carry a leading axis S: one batched product serves S models that never touch each other.

Sources: Hochreiter & Schmidhuber (1997) for the cell; gates stand in the order input, forget, output, candidate.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx

Weights = dict[str, Tensor]  # every one with leading axis S
Shapes = Mapping[str, tuple[int, ...]]  # of one model, without the axis S


def draw(shapes: Shapes, rows: int, seed: int) -> Weights:
    """Initial weights, drawn once and the same for all `rows`, so that company does not matter.

    Matrices [inputs, outputs] are uniform within 1 / sqrt(inputs), everything else is zero.
    """
    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for name, shape in shapes.items():
        edge = shape[0] ** -0.5 if len(shape) == 2 else 0.0
        one = torch.from_numpy(rng.uniform(-1.0, 1.0, shape).astype(np.float32) * np.float32(edge))
        weights[name] = one.expand(rows, *shape).clone()
    return weights


def tensors(arrays: Mapping[str, NDArray[Any]], device: str) -> Weights:
    """Arrays as tensors; on the CPU they share memory and must not be written to."""
    return {name: torch.as_tensor(np.ascontiguousarray(array), device=device) for name, array in arrays.items()}


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x [S, N, I], weight [S, I, O], bias [S, O] -> [S, N, O]."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight)


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the LSTM from gates [S, B, 4H], which it overwrites, and memory c [S, B, H]: new h and c."""
    size = c.shape[-1]
    gates[..., :3 * size].sigmoid_()
    gates[..., 3 * size:].tanh_()
    i, f, o, g = torch.split(gates, size, dim=-1)
    c = torch.addcmul(f * c, i, g)
    return o * torch.tanh(c), c


class Recurrence(torch.autograd.Function):
    """The LSTM over L steps, with its backward pass written out.

    Autograd would keep a graph of ten nodes per step and form the gradient of the weights step by step; here the
    gates are kept in one array, and that gradient is one product at the end.
    """

    @staticmethod
    def forward(ctx: Any, pre: Tensor, weight: Tensor, h: Tensor, c: Tensor) -> Tensor:
        """pre [S, L, B, 4H] input projections with bias, weight [S, H, 4H], h and c [S, B, H] -> h [S, L, B, H]."""
        series, steps, batch, width = pre.shape
        gates = torch.empty_like(pre)
        before = pre.new_empty(series, steps + 1, batch, width // 4)  # h before each step; the last = after all
        memory = torch.empty_like(before)
        before[:, 0], memory[:, 0] = h, c
        for t in range(steps):
            now = torch.baddbmm(pre[:, t], h, weight)
            h, c = cell(now, c)
            gates[:, t], before[:, t + 1], memory[:, t + 1] = now, h, c
        ctx.save_for_backward(weight, gates, before, memory)
        return before[:, 1:]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `pre` and `weight`; the initial h and c are noise and need none."""
        weight, gates, before, memory = ctx.saved_tensors  # type: ignore[attr-defined]
        grad, size = grads[0], before.shape[-1]
        i, f, o, g = gates.split(size, dim=-1)
        bent = torch.tanh(memory[:, 1:])
        to_o, to_c = bent * o * (1 - o), o * (1 - bent * bent)
        slopes = torch.cat([g * i * (1 - i), memory[:, :-1] * f * (1 - f), i * (1 - g * g)], dim=-1)
        across = weight.transpose(1, 2)
        out = torch.empty_like(gates)
        dh, dc = torch.zeros_like(before[:, 0]), torch.zeros_like(before[:, 0])
        for t in range(gates.shape[1] - 1, -1, -1):
            dh = dh + grad[:, t]
            dc = torch.addcmul(dc, dh, to_c[:, t])
            now = out[:, t]
            step = slopes[:, t]
            torch.mul(dc, step[..., :size], out=now[..., :size])
            torch.mul(dc, step[..., size:2 * size], out=now[..., size:2 * size])
            torch.mul(dh, to_o[:, t], out=now[..., 2 * size:3 * size])
            torch.mul(dc, step[..., 2 * size:], out=now[..., 3 * size:])
            dc = dc * f[:, t]
            dh = torch.bmm(now, across)
        flat = before[:, :-1].flatten(1, 2)
        return out, torch.bmm(flat.transpose(1, 2), out.flatten(1, 2)), None, None
