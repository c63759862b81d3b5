"""Layers whose weights carry a leading axis S: one batched product serves S models that never touch each other.

Sources: Hochreiter & Schmidhuber (1997) for the LSTM, gates in the order input, forget, output, candidate; Cho et al.
(2014) for the GRU, gates in the order reset, update, candidate, the reset applied after the product as cuDNN does.
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


def remembered(array: NDArray[Any], device: str) -> Tensor:
    """A carried array as a tensor [S, ...] of its own, laid out as a step leaves it."""
    return torch.as_tensor(array, device=device).clone(memory_format=torch.contiguous_format)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x [S, N, I], weight [S, I, O], bias [S, O] -> [S, N, O]."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight)


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the LSTM from gates [S, B, 4H], which it overwrites, and memory c [S, B, H]: new h and c."""
    size = c.shape[-1]
    gates[..., :3 * size].sigmoid_()
    gates[..., 3 * size:].tanh_()
    i, f, o, g = gates.chunk(4, dim=-1)
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
        places = (pre.unbind(1), gates.unbind(1), before.unbind(1)[1:], memory.unbind(1)[1:])
        for entered, gate, h_then, c_then in zip(*places, strict=True):
            now = torch.baddbmm(entered, h, weight)
            h, c = cell(now, c)
            gate.copy_(now)
            h_then.copy_(h)
            c_then.copy_(c)
        ctx.save_for_backward(weight, gates, before, memory)
        return before[:, 1:]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `pre`, `weight`, and the initial h and c."""
        weight, gates, before, memory = ctx.saved_tensors  # type: ignore[attr-defined]
        grad, size = grads[0], before.shape[-1]
        i, f, o, g = gates.split(size, dim=-1)
        bent = torch.tanh(memory[:, 1:])
        to_o, to_c = bent * o * (1 - o), o * (1 - bent * bent)
        slopes = torch.cat([g * i * (1 - i), memory[:, :-1] * f * (1 - f), i * (1 - g * g)], dim=-1)
        across = weight.transpose(1, 2)
        out = torch.empty_like(gates)
        dh, dc = torch.zeros_like(before[:, 0]), torch.zeros_like(before[:, 0])
        places = [part.unbind(1)[::-1] for part in (grad, to_c, to_o, f, slopes, out)]
        for come, c_share, o_share, kept, slope, now in zip(*places, strict=True):
            dh = dh + come
            dc = torch.addcmul(dc, dh, c_share)
            to_i, to_f, to_g = torch.split(slope, size, dim=-1)
            at_i, at_f, at_o, at_g = torch.split(now, size, dim=-1)
            torch.mul(dc, to_i, out=at_i)
            torch.mul(dc, to_f, out=at_f)
            torch.mul(dh, o_share, out=at_o)
            torch.mul(dc, to_g, out=at_g)
            dc = dc * kept
            dh = torch.bmm(now, across)
        flat = before[:, :-1].flatten(1, 2)
        return out, torch.bmm(flat.transpose(1, 2), out.flatten(1, 2)), dh, dc


def gated_cell(pre: Tensor, across: Tensor, h: Tensor, gates: Tensor, then: Tensor) -> Tensor:
    """One step of the GRU from the products of the input and of h, both [S, B, 3H], and h [S, B, H]: the new h.

    It is written to `then` [S, B, H], and the gates to `gates` [S, B, 3H].
    """
    size = h.shape[-1]
    reset, update, candidate = gates.chunk(3, dim=-1)
    both, at_last = pre.split_with_sizes((2 * size, size), dim=-1)
    both_across, across = across.split_with_sizes((2 * size, size), dim=-1)
    torch.add(both, both_across, out=gates[..., :2 * size]).sigmoid_()
    torch.addcmul(at_last, reset, across, out=candidate).tanh_()
    return torch.lerp(candidate, h, update, out=then)


class GatedRecurrence(torch.autograd.Function):
    """The GRU over L steps, with its backward pass written out as that of `Recurrence`."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, weight: Tensor, h: Tensor) -> Tensor:
        """pre [S, L, B, 3H] input projections with bias, weight [S, H, 3H], h [S, B, H] -> h [S, L, B, H]."""
        series, steps, batch, width = pre.shape
        size = width // 3
        gates, inner = torch.empty_like(pre), pre.new_empty(series, steps, batch, size)
        before = pre.new_empty(series, steps + 1, batch, size)  # h before each step; the last = after all
        before[:, 0] = h
        for now, gate, kept, then in zip(pre.unbind(1), gates.unbind(1), inner.unbind(1), before.unbind(1)[1:],
                                         strict=True):
            across = torch.bmm(h, weight)
            h = gated_cell(now, across, h, gate, then)
            kept.copy_(across[..., 2 * size:])
        ctx.save_for_backward(weight, gates, inner, before)
        return before[:, 1:]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `pre`, `weight`, and the initial h: each gate takes dh times a slope known beforehand."""
        weight, gates, inner, before = ctx.saved_tensors  # type: ignore[attr-defined]
        grad, past = grads[0], before[:, :-1]
        reset, update, candidate = gates.split(past.shape[-1], dim=-1)
        to_candidate = (1 - update) * (1 - candidate * candidate)
        slopes = torch.stack([to_candidate * inner * reset * (1 - reset),
                              (past - candidate) * update * (1 - update), to_candidate * reset], dim=-2)
        out, total = torch.empty_like(slopes), torch.empty_like(past)  # of the products with h [S, L, B, 3, H]; dh
        across, dh = weight.transpose(1, 2), torch.zeros_like(past[:, 0])
        steps = [part.unbind(1)[::-1] for part in (grad, total, slopes, out, out.flatten(-2), update)]
        for come, into, slope, product, flat, kept in zip(*steps, strict=True):
            dh = torch.add(dh, come, out=into)
            torch.mul(slope, dh.unsqueeze(-2), out=product)
            dh = torch.baddbmm(dh * kept, flat, across)
        product = torch.bmm(past.flatten(1, 2).transpose(1, 2), out.flatten(-2).flatten(1, 2))
        return torch.cat([out[..., :2, :].flatten(-2), total * to_candidate], dim=-1), product, dh


GATES = {"lstm": 4, "gru": 3}  # the choices of a `cell`, and how many times H its products are wide


def recur(kind: str, pre: Tensor, weight: Tensor, state: tuple[Tensor, ...]) -> Tensor:
    """Such a cell over L steps: pre [S, L, B, gates * H], first state, h or (h, c), [S, B, H] -> h [S, L, B, H]."""
    hidden: Tensor = (Recurrence if kind == "lstm" else GatedRecurrence).apply(pre, weight, *state)
    return hidden


def advance(kind: str, pre: Tensor, weight: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of it without a gradient, from pre [S, B, gates * H]: the next state, whose first part is the output."""
    if kind == "lstm":
        return cell(torch.baddbmm(pre, state[0], weight), state[1])
    return (gated_cell(pre, torch.bmm(state[0], weight), state[0], torch.empty_like(pre), torch.empty_like(state[0])),)


def run(kind: str, pre: Tensor, weight: Tensor, state: tuple[Tensor, ...], places: slice,
        ) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Such steps over `places` of pre [S, N, gates * H], from a state [S, 1, H].

    Returns h [S, N, H], 0 elsewhere, and the state.
    """
    hidden = pre.new_zeros(*pre.shape[:2], weight.shape[1])
    steps = (torch.split(array[:, places], 1, dim=1) for array in (pre, hidden))
    for now, then in zip(*steps, strict=True):
        state = advance(kind, now, weight, state)
        then.copy_(state[0])
    return hidden, state
