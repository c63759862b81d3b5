"""Three kinds of encoder and decoder, and what they have in common."""

import numpy as np
import pytest
import torch

from detectors.autoencoder import Autoencoder
from detectors.masked_windows import CONTEXT
from detectors.stacked import TorchLayers, Weights, draw

KINDS = ("dense", "conv", "lstm")
S = 2
N = 3
LAYERS = TorchLayers()


def _parts(kind: str, window: int) -> tuple[Autoencoder, Weights, tuple[torch.Tensor, ...]]:
    model = Autoencoder(kind=kind, window=window)
    rng = np.random.default_rng(0)
    shapes = ((S, N, window), (S, N, window), (S, N, CONTEXT))
    return (
        model,
        draw(model.weight_shapes(), S, 0),
        tuple(torch.from_numpy(rng.normal(size=shape).astype(np.float32)) for shape in shapes),
    )


@pytest.mark.parametrize("window", [4, 7, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_every_place_of_a_window_of_any_length_is_written(kind: str, window: int) -> None:
    model, weights, (values, shown, context) = _parts(kind, window)
    code = model.encode(LAYERS, weights, values, shown, context)
    mean, width = model.decode(LAYERS, weights, code, context, window)
    assert code.shape == (S, N, model.latent) and mean.shape == width.shape == (S, N, window)
    assert (width > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_place_alone_is_the_last_of_all(kind: str) -> None:
    model, weights, (values, shown, context) = _parts(kind, 32)
    code = model.encode(LAYERS, weights, values, shown, context)
    some, all_places = (model.decode(LAYERS, weights, code, context, places) for places in (1, 32))
    for one, every in zip(some, all_places, strict=True):
        assert torch.allclose(one[..., -1], every[..., -1], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_that_may_be_seen_changes_the_code(kind: str) -> None:
    model, weights, (values, shown, context) = _parts(kind, 32)
    values.requires_grad_()
    model.encode(LAYERS, weights, values, shown, context).abs().sum().backward()
    assert values.grad is not None and (values.grad[..., :-1] != 0).all()
