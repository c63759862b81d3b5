"""The layers of the networks. A network is written down once, in these terms, and runs on numpy
where it scores and on torch where it learns (`detectors.stacked`).

All weights carry a leading axis S: one call serves S models that never touch each other. What only
scores needs numpy alone. numpy multiplies the matrices of each model by themselves, always so many
rows at once, and rounds each element of a function alike. So neither the neighbours of a series nor
the length of a batch matter, bit for bit.

Sources: Hochreiter & Schmidhuber (1997) for the LSTM, gates in the order input, forget, output,
candidate; Cho et al. (2014) for the GRU, gates in the order reset, update, candidate, the reset
applied after the product as cuDNN does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
NetworkWeights = Mapping[str, Any]  # arrays or tensors, every one with leading axis S
# Rows of a product that are computed together. A product may round a row by its place among the
# rows and by how many there are: see `detectors.places`.
ROWS = 4
HALF = np.float32(0.5)


@dataclass(frozen=True)
class CellKind:
    """The sizes of a recurrent cell."""

    gates: int  # its products are so many times H wide
    states: int  # arrays [S, B, H] of its state: h, or h and c


CELLS = {"lstm": CellKind(gates=4, states=2), "gru": CellKind(gates=3, states=1)}


class Layers(Protocol):
    """What a network is made of, for arrays of numpy or tensors of torch."""

    def linear(self, x: Any, weight: Any, bias: Any) -> Any:
        """x [S, N, I], weight [S, I, O], bias [S, O] -> [S, N, O]."""

    def tanh(self, x: Any) -> Any:
        """Element by element."""

    def softplus(self, x: Any) -> Any:
        """log(1 + exp(x)), element by element."""

    def join(self, parts: Sequence[Any]) -> Any:
        """Arrays [..., K], side by side on their last axis."""

    def pad_places(self, x: Any, before: int, after: int) -> Any:
        """x [S, N, W, C] with blank places at both ends of W."""

    def patches(self, x: Any, size: int, stride: int) -> Any:
        """x [S, N, W, C] -> [S, N, P, C * size]: every `stride` places, `size` of them."""

    def recur(self, kind: str, pre: Any, weight: Any) -> Any:
        """A cell over L steps from a blank state: pre [S, L, B, gates * H], weight [S, H, gates *
        H] -> h [S, L, B, H]."""

    def flip_steps(self, x: Any) -> Any:
        """x [S, L, ...], the last step first."""

    def repeat_steps(self, x: Any, count: int) -> Any:
        """x [S, B, K] at each of `count` steps, [S, count, B, K]."""


class NumpyLayers:
    """`Layers` on arrays of single precision."""

    def linear(self, x: Floats, weight: Floats, bias: Floats) -> Floats:
        return linear(x, weight, bias)

    def tanh(self, x: Floats) -> Floats:
        return np.tanh(x)

    def softplus(self, x: Floats) -> Floats:
        return np.asarray(np.logaddexp(np.float32(0.0), x))

    def join(self, parts: Sequence[Floats]) -> Floats:
        return np.concatenate(parts, axis=-1)

    def pad_places(self, x: Floats, before: int, after: int) -> Floats:
        return np.pad(x, ((0, 0), (0, 0), (before, after), (0, 0)))

    def patches(self, x: Floats, size: int, stride: int) -> Floats:
        views = np.lib.stride_tricks.sliding_window_view(x, size, axis=2)[:, :, ::stride]
        return np.asarray(views.reshape(*views.shape[:3], -1))

    def recur(self, kind: str, pre: Floats, weight: Floats) -> Floats:
        shape = (pre.shape[0], pre.shape[2], weight.shape[1])
        state = tuple(np.zeros(shape, np.float32) for _ in range(CELLS[kind].states))
        hidden = np.empty((*pre.shape[:3], weight.shape[1]), np.float32)
        for step in range(pre.shape[1]):
            state = advance(kind, pre[:, step], weight, state)
            hidden[:, step] = state[0]
        return hidden

    def flip_steps(self, x: Floats) -> Floats:
        return x[:, ::-1]

    def repeat_steps(self, x: Floats, count: int) -> Floats:
        return np.broadcast_to(x[:, None], (len(x), count, *x.shape[1:]))


def linear(x: Floats, weight: Floats, bias: Floats) -> Floats:
    """See `Layers.linear`."""
    product = rows_product(x, weight)
    product += bias[:, None]
    return product


def rows_product(x: Floats, weight: Floats) -> Floats:
    """x [S, N, I], weight [S, I, O] -> [S, N, O], `ROWS` rows at once; N is a multiple of it, or
    always the same."""
    series, count, width = x.shape
    if count % ROWS:
        return np.asarray(np.matmul(np.ascontiguousarray(x), weight))
    blocks = np.ascontiguousarray(x).reshape(series, count // ROWS, ROWS, width)
    return np.asarray(np.matmul(blocks, weight[:, None]).reshape(series, count, -1))


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    """Element by element, in the precision of x."""
    return np.asarray(np.tanh(x * HALF) * HALF + HALF)


def advance(
    kind: str, pre: Floats, weight: Floats, state: tuple[Floats, ...]
) -> tuple[Floats, ...]:
    """One step of a cell: the next state, whose first part is the output.

    pre: [S, B, gates * H] what the input contributes. state: h, or h and c, [S, B, H].
    """
    size = weight.shape[1]
    product = rows_product(state[0], weight)
    if kind == "lstm":
        product += pre
        share = sigmoid(product[..., : 3 * size])
        candidate = np.tanh(product[..., 3 * size :])
        c = share[..., size : 2 * size] * state[1] + share[..., :size] * candidate
        return share[..., 2 * size :] * np.tanh(c), c
    share = sigmoid(pre[..., : 2 * size] + product[..., : 2 * size])
    reset = share[..., :size]
    update = share[..., size:]
    candidate = np.tanh(pre[..., 2 * size :] + reset * product[..., 2 * size :])
    return (candidate + update * (state[0] - candidate),)


def run(
    kind: str, pre: Floats, weight: Floats, state: tuple[Floats, ...], places: slice
) -> tuple[Floats, tuple[Floats, ...]]:
    """Steps over `places` of pre [S, N, gates * H], from a state [S, 1, H].

    Returns h [S, N, H], 0 elsewhere, and the next state.
    """
    hidden = np.zeros((*pre.shape[:2], weight.shape[1]), np.float32)
    for place in range(places.start, places.stop):
        column = slice(place, place + 1)
        state = advance(kind, pre[:, column], weight, state)
        hidden[:, column] = state[0]
    return hidden, state
