"""The layers of `detectors.layers` for learning, by torch: one batched product serves S models."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn.functional import pad, softplus

from detectors.layers import CELLS

Weights = dict[str, Tensor]  # every one with leading axis S
Shapes = Mapping[str, tuple[int, ...]]  # of one model, without the axis S


def draw(shapes: Shapes, rows: int, seed: int) -> Weights:
    """Initial weights, the same for all `rows`, so that the neighbours of a series do not matter.

    Matrices [inputs, outputs] are uniform within 1 / sqrt(inputs), everything else is zero.
    """
    rng = np.random.default_rng(seed)
    weights: Weights = {}
    for name, shape in shapes.items():
        edge = shape[0] ** -0.5 if len(shape) == 2 else 0.0
        array = rng.uniform(-1.0, 1.0, shape).astype(np.float32) * np.float32(edge)
        weights[name] = torch.from_numpy(array).expand(rows, *shape).clone()
    return weights


class TorchLayers:
    """`layers.Layers` on tensors."""

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return linear(x, weight, bias)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def softplus(self, x: Tensor) -> Tensor:
        return softplus(x)

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), dim=-1)

    def pad_places(self, x: Tensor, before: int, after: int) -> Tensor:
        return pad(x, (0, 0, before, after))

    def patches(self, x: Tensor, size: int, stride: int) -> Tensor:
        return x.unfold(2, size, stride).flatten(3)

    def recur(self, kind: str, pre: Tensor, weight: Tensor) -> Tensor:
        blank = pre.new_zeros(pre.shape[0], pre.shape[2], weight.shape[1])
        return recur(kind, pre, weight, (blank,) * CELLS[kind].states)

    def flip_steps(self, x: Tensor) -> Tensor:
        return x.flip(1)

    def repeat_steps(self, x: Tensor, count: int) -> Tensor:
        return x.unsqueeze(1).expand(-1, count, -1, -1)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x [S, N, I], weight [S, I, O], bias [S, O] -> [S, N, O]."""
    return torch.baddbmm(bias.unsqueeze(1), x, weight)


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the LSTM from gates [S, B, 4H], which it overwrites, and memory c [S, B, H]: new
    h and c."""
    size = c.shape[-1]
    gates[..., : 3 * size].sigmoid_()
    gates[..., 3 * size :].tanh_()
    i, f, o, g = gates.chunk(4, dim=-1)
    c = torch.addcmul(f * c, i, g)
    return o * torch.tanh(c), c


class MemoryRecurrence(torch.autograd.Function):
    """The LSTM over L steps, with its backward pass written out.

    It is ours because it is faster. Autograd would keep a graph of ten nodes per step and form the
    gradient of the weights step by step. Here the gates are kept in one array, and that gradient is
    one product at the end.
    """

    @staticmethod
    def forward(ctx: Any, pre: Tensor, weight: Tensor, h: Tensor, c: Tensor) -> Tensor:
        """pre [S, L, B, 4H] input projections with bias, weight [S, H, 4H], h and c [S, B, H] -> h
        [S, L, B, H]."""
        series, steps, batch, width = pre.shape
        gates = torch.empty_like(pre)
        # Before each step; the last one is after all steps.
        hidden = pre.new_empty(series, steps + 1, batch, width // 4)
        memory = torch.empty_like(hidden)
        hidden[:, 0] = h
        memory[:, 0] = c
        rows = (pre.unbind(1), gates.unbind(1), hidden.unbind(1)[1:], memory.unbind(1)[1:])
        for pre_row, gate_row, hidden_row, memory_row in zip(*rows, strict=True):
            product = torch.baddbmm(pre_row, h, weight)
            h, c = cell(product, c)
            gate_row.copy_(product)
            hidden_row.copy_(h)
            memory_row.copy_(c)
        ctx.save_for_backward(weight, gates, hidden, memory)
        return hidden[:, 1:]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `pre`, `weight`, and the initial h and c."""
        # Dense on purpose: all that does not depend on dh and dc is computed before the loop.
        weight, gates, hidden, memory = ctx.saved_tensors  # type: ignore[attr-defined]
        size = hidden.shape[-1]
        i, f, o, g = gates.split(size, dim=-1)
        bent = torch.tanh(memory[:, 1:])
        o_slope = bent * o * (1 - o)
        c_slope = o * (1 - bent * bent)
        slopes = torch.cat([g * i * (1 - i), memory[:, :-1] * f * (1 - f), i * (1 - g * g)], dim=-1)
        transposed = weight.transpose(1, 2)
        out = torch.empty_like(gates)
        dh = torch.zeros_like(hidden[:, 0])
        dc = torch.zeros_like(hidden[:, 0])
        rows = [part.unbind(1)[::-1] for part in (grads[0], c_slope, o_slope, f, slopes, out)]
        for grad, to_c, to_o, forget, slope, row in zip(*rows, strict=True):
            dh = dh + grad
            dc = torch.addcmul(dc, dh, to_c)
            to_i, to_f, to_g = torch.split(slope, size, dim=-1)
            row_i, row_f, row_o, row_g = torch.split(row, size, dim=-1)
            torch.mul(dc, to_i, out=row_i)
            torch.mul(dc, to_f, out=row_f)
            torch.mul(dh, to_o, out=row_o)
            torch.mul(dc, to_g, out=row_g)
            dc = dc * forget
            dh = torch.bmm(row, transposed)
        flat = hidden[:, :-1].flatten(1, 2)
        return out, torch.bmm(flat.transpose(1, 2), out.flatten(1, 2)), dh, dc


def gated_cell(pre: Tensor, product: Tensor, h: Tensor, gates: Tensor, out: Tensor) -> Tensor:
    """One step of the GRU: the new h, which is written to `out` [S, B, H].

    pre, product: [S, B, 3H] what the input and h contribute. h: [S, B, H]. gates: [S, B, 3H] is
    overwritten.
    """
    size = h.shape[-1]
    reset, update, candidate = gates.chunk(3, dim=-1)
    pre_gates, pre_candidate = pre.split_with_sizes((2 * size, size), dim=-1)
    product_gates, product_candidate = product.split_with_sizes((2 * size, size), dim=-1)
    torch.add(pre_gates, product_gates, out=gates[..., : 2 * size]).sigmoid_()
    torch.addcmul(pre_candidate, reset, product_candidate, out=candidate).tanh_()
    return torch.lerp(candidate, h, update, out=out)


class GatedRecurrence(torch.autograd.Function):
    """The GRU over L steps; its backward pass is written out for the same reason."""

    @staticmethod
    def forward(ctx: Any, pre: Tensor, weight: Tensor, h: Tensor) -> Tensor:
        """pre [S, L, B, 3H] input projections with bias, weight [S, H, 3H], h [S, B, H] -> h [S, L,
        B, H]."""
        series, steps, batch, width = pre.shape
        size = width // 3
        gates = torch.empty_like(pre)
        inner = pre.new_empty(series, steps, batch, size)
        # Before each step; the last one is after all steps.
        hidden = pre.new_empty(series, steps + 1, batch, size)
        hidden[:, 0] = h
        rows = (pre.unbind(1), gates.unbind(1), inner.unbind(1), hidden.unbind(1)[1:])
        for pre_row, gate_row, inner_row, hidden_row in zip(*rows, strict=True):
            product = torch.bmm(h, weight)
            h = gated_cell(pre_row, product, h, gate_row, hidden_row)
            inner_row.copy_(product[..., 2 * size :])
        ctx.save_for_backward(weight, gates, inner, hidden)
        return hidden[:, 1:]

    @staticmethod
    def backward(ctx: FunctionCtx, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of `pre`, `weight`, and the initial h: each gate takes dh times a slope that is
        known before the loop."""
        weight, gates, inner, hidden = ctx.saved_tensors  # type: ignore[attr-defined]
        previous_hidden = hidden[:, :-1]
        reset, update, candidate = gates.split(previous_hidden.shape[-1], dim=-1)
        candidate_slope = (1 - update) * (1 - candidate * candidate)
        slopes = torch.stack(
            [
                candidate_slope * inner * reset * (1 - reset),
                (previous_hidden - candidate) * update * (1 - update),
                candidate_slope * reset,
            ],
            dim=-2,
        )
        out = torch.empty_like(slopes)  # of the products with h [S, L, B, 3, H]
        total = torch.empty_like(previous_hidden)  # dh
        transposed = weight.transpose(1, 2)
        dh = torch.zeros_like(previous_hidden[:, 0])
        parts = (grads[0], total, slopes, out, out.flatten(-2), update)
        rows = [part.unbind(1)[::-1] for part in parts]
        for grad, total_row, slope, row, flat_row, share in zip(*rows, strict=True):
            dh = torch.add(dh, grad, out=total_row)
            torch.mul(slope, dh.unsqueeze(-2), out=row)
            dh = torch.baddbmm(dh * share, flat_row, transposed)
        of_weight = torch.bmm(
            previous_hidden.flatten(1, 2).transpose(1, 2), out.flatten(-2).flatten(1, 2)
        )
        of_pre = torch.cat([out[..., :2, :].flatten(-2), total * candidate_slope], dim=-1)
        return of_pre, of_weight, dh


def recur(kind: str, pre: Tensor, weight: Tensor, state: tuple[Tensor, ...]) -> Tensor:
    """A cell over L steps: pre [S, L, B, gates * H], first state, h or (h, c), [S, B, H] -> h [S,
    L, B, H]."""
    hidden: Tensor = (MemoryRecurrence if kind == "lstm" else GatedRecurrence).apply(
        pre, weight, *state
    )
    return hidden
