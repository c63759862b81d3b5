"""Stacked layers against torch's own, and against each model alone."""

import numpy as np
import pytest
import torch

from detectors.stacked import CELLS, GatedRecurrence, MemoryRecurrence, cell, draw, linear, recur

S = 3
L = 5
B = 4
H = 6


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _weights(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((S, L, B, 4 * H), (S, H, 4 * H), (S, B, H), (S, B, H))
    return tuple(torch.randn(*shape, generator=generator, dtype=dtype) * 0.5 for shape in shapes)


def test_recurrence_equals_torch_lstm() -> None:
    pre, weight, h, c = _weights()
    ours = MemoryRecurrence.apply(pre, weight, h, c)
    order = torch.cat(
        [torch.arange(0, 2 * H), torch.arange(3 * H, 4 * H), torch.arange(2 * H, 3 * H)]
    )  # i f g o
    for row in range(S):
        theirs = torch.nn.LSTM(4 * H, H, dtype=torch.float64)
        with torch.no_grad():
            theirs.weight_ih_l0.copy_(torch.eye(4 * H, dtype=torch.float64))
            theirs.weight_hh_l0.copy_(weight[row].T[order])
            theirs.bias_ih_l0.zero_()
            theirs.bias_hh_l0.zero_()
            out, _ = theirs(pre[row][..., order], (h[row][None], c[row][None]))
        assert torch.allclose(out, ours[row], atol=1e-12)


def _gru(dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    pre, weight, h, _ = _weights(dtype)
    return pre[..., : 3 * H].contiguous(), weight[..., : 3 * H].contiguous(), h


def test_gated_recurrence_equals_torch_gru() -> None:
    pre, weight, h = _gru()
    ours = GatedRecurrence.apply(pre, weight, h)
    for row in range(S):
        theirs = torch.nn.GRU(3 * H, H, dtype=torch.float64)
        with torch.no_grad():
            theirs.weight_ih_l0.copy_(torch.eye(3 * H, dtype=torch.float64))
            theirs.weight_hh_l0.copy_(weight[row].T)
            theirs.bias_ih_l0.zero_()
            theirs.bias_hh_l0.zero_()
            out, _ = theirs(pre[row], h[row][None])
        assert torch.allclose(out, ours[row], atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "given"), [(MemoryRecurrence, _weights()), (GatedRecurrence, _gru())], ids=CELLS
)
def test_written_backward_equals_finite_differences(
    kind: type[torch.autograd.Function], given: tuple[torch.Tensor, ...]
) -> None:
    free = tuple(part.clone().requires_grad_() for part in given)
    assert torch.autograd.gradcheck(kind.apply, free, atol=1e-7)


def test_written_backward_equals_autograd() -> None:
    pre, weight, h = (part.requires_grad_() for part in _gru())
    theirs = h
    steps = []
    for t in range(L):
        reset, update, _ = (
            torch.sigmoid(part) for part in (pre[:, t] + theirs @ weight).split(H, dim=-1)
        )
        candidate = torch.tanh(pre[:, t, :, 2 * H :] + reset * (theirs @ weight)[..., 2 * H :])
        theirs = (1 - update) * candidate + update * theirs
        steps.append(theirs)
    ours = GatedRecurrence.apply(pre, weight, h)
    pull = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = torch.autograd.grad((ours * pull).sum(), (pre, weight, h))
    wanted = torch.autograd.grad((torch.stack(steps, dim=1) * pull).sum(), (pre, weight, h))
    assert all(
        torch.allclose(one, other, atol=1e-12) for one, other in zip(found, wanted, strict=True)
    )


@pytest.mark.parametrize("kind", CELLS)
def test_stack_equals_each_alone(kind: str) -> None:
    pre, weight, *state = (_weights if kind == "lstm" else _gru)(torch.float32)
    together = recur(kind, pre, weight, tuple(state))
    for row in range(S):
        one = slice(row, row + 1)
        alone = recur(kind, pre[one], weight[one], tuple(part[one] for part in state))
        assert torch.allclose(alone, together[one], atol=1e-6)


def test_cell_by_hand() -> None:
    h, c = cell(torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]), torch.tensor([[[2.0]]]))
    assert c.item() == pytest.approx(0.5 * 2 + 0.5 * np.tanh(1), rel=1e-6)
    assert h.item() == pytest.approx(0.5 * np.tanh(c.item()), rel=1e-6)


def test_linear_multiplies_row_by_row() -> None:
    x = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])  # [2, 1, 2]
    weight = torch.tensor([[[1.0], [0.0]], [[0.0], [10.0]]])
    assert linear(x, weight, torch.tensor([[0.5], [1.0]])).flatten().tolist() == [1.5, 41.0]


def test_draw_is_the_same_for_all_rows_and_any_company() -> None:
    shapes = {"matrix": (4, 3), "bias": (3,)}
    three = draw(shapes, 3, seed=1)
    one = draw(shapes, 1, seed=1)
    assert torch.equal(three["matrix"][2], one["matrix"][0])
    assert (three["bias"] == 0).all() and three["matrix"].abs().max() <= 0.5
    assert not torch.equal(three["matrix"], draw(shapes, 3, seed=2)["matrix"])
