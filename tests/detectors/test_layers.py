"""The layers of numpy and those of torch are the same, each alone and in whole networks; what only
scores needs no torch."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from detectors.api import Detector
from detectors.autoencoder import Autoencoder
from detectors.check_series import FIT_SAMPLES, synthetic
from detectors.checks import ALERT_BUDGET
from detectors.layers import CELLS, Layers, NumpyLayers, advance, run
from detectors.masked_windows import CONTEXT
from detectors.model import TorchMissing, learn_with_torch
from detectors.stacked import TorchLayers, draw, recur
from detectors.vae import VAE

S = 3
B = 4
L = 5
H = 6


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _drawn(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_of_numpy_equals_that_of_torch(kind: str) -> None:
    gates = CELLS[kind].gates
    pre = _drawn(S, L, B, gates * H)
    weight = _drawn(S, H, gates * H, seed=1)
    first = tuple(_drawn(S, B, H, seed=2 + number) for number in range(CELLS[kind].states))
    learnt = recur(
        kind,
        torch.from_numpy(pre),
        torch.from_numpy(weight),
        tuple(torch.from_numpy(part) for part in first),
    )
    state = first
    for step in range(L):
        state = advance(kind, pre[:, step], weight, state)
        assert np.allclose(state[0], learnt[:, step].numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", CELLS)
def test_a_run_leaves_blanks_where_it_does_not_go(kind: str) -> None:
    gates = CELLS[kind].gates
    pre = _drawn(S, L, gates * H)
    weight = _drawn(S, H, gates * H, seed=1)
    first = tuple(np.zeros((S, 1, H), np.float32) for _ in range(CELLS[kind].states))
    whole, last = run(kind, pre, weight, first, slice(0, L))
    start, between = run(kind, pre, weight, first, slice(0, 2))
    end, after = run(kind, pre, weight, between, slice(2, L))
    assert (start[:, 2:] == 0).all() and (end[:, :2] == 0).all()
    assert np.array_equal(start + end, whole)
    assert all(np.array_equal(one, other) for one, other in zip(after, last, strict=True))


LAYER_CALLS = {
    "linear": lambda layers, x: layers.linear(x[..., 0], x[..., 0].swapaxes(1, 2), x[:, :, 0, 0]),
    "tanh": lambda layers, x: layers.tanh(100 * x),
    "softplus": lambda layers, x: layers.softplus(100 * x),
    "join": lambda layers, x: layers.join([x, 2 * x]),
    "pad_places": lambda layers, x: layers.pad_places(x, 2, 1),
    "patches": lambda layers, x: layers.patches(x, 3, 2),
    "flip_steps": lambda layers, x: layers.flip_steps(x),
    "repeat_steps": lambda layers, x: layers.repeat_steps(x[..., 0], 3),
    "recur": lambda layers, x: layers.recur("gru", x, x[:, :2, 0].reshape(len(x), 2, -1)),
}


@pytest.mark.parametrize("name", LAYER_CALLS)
def test_a_layer_of_numpy_equals_that_of_torch(name: str) -> None:
    x = _drawn(S, 4, 7, 6)
    scored = LAYER_CALLS[name](NumpyLayers(), x)
    learnt = LAYER_CALLS[name](TorchLayers(), torch.from_numpy(x)).numpy()
    assert scored.shape == learnt.shape and scored.dtype == np.float32
    assert np.allclose(scored, learnt, rtol=1e-5, atol=1e-6)


NETWORKS = (
    *(
        Autoencoder(kind=kind, window=window)
        for kind in ("dense", "conv", "lstm")
        for window in (9, 32)
    ),
    VAE(window=20),
)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_network_of_numpy_equals_that_of_torch(network: Autoencoder | VAE) -> None:
    weights = draw(network.weight_shapes(), S, seed=0)
    values = _drawn(S, 16, network.window)
    mask = (values > 0).astype(np.float32)
    context = _drawn(S, 16, CONTEXT)

    def decoded(layers: Layers, own: Any, *inputs: Any) -> list[Any]:
        code = network.encode(layers, own, *inputs)
        if isinstance(network, VAE):
            return [code[1], *network.decode(layers, own, code[0], inputs[2])]
        return list(network.decode(layers, own, code, inputs[2], network.window))

    scored = decoded(
        NumpyLayers(),
        {name: weight.numpy() for name, weight in weights.items()},
        values,
        mask,
        context,
    )
    learnt = decoded(TorchLayers(), weights, *map(torch.from_numpy, (values, mask, context)))
    for one, other in zip(scored, learnt, strict=True):
        assert one.dtype == np.float32 and np.allclose(one, other.numpy(), atol=1e-6)


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # an import of it fails
from detectors.api import NotEnoughData
from detectors.check_series import synthetic
from detectors.registry import detector_named, detector_names
from detectors.model import TorchMissing
batch = synthetic()
for name in detector_names():
    try:
        fitted = detector_named(name, {}).fit(batch, alert_budget=1e-6)
    except TorchMissing as error:
        assert "bandwatch[torch]" in str(error), error
        continue
    fitted.score(batch)
    print(name)
"""


def test_without_torch_the_baseline_serves_and_a_network_says_what_it_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert {"auto", "baseline"} <= set(done.stdout.split())


SCORING = """
import sys
from detectors.check_series import synthetic
from detectors.registry import detector_named
from safetensors.numpy import load_file
fitted = detector_named(sys.argv[1], {}).restore(load_file(sys.argv[2]))
fitted.score(synthetic().steps(0, 40))
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("name", ["autoencoder", "vae", "lstm", "seq2seq", "auto"])
def test_scoring_never_imports_torch(name: str, tmp_path: Any) -> None:
    from safetensors.numpy import save_file

    from detectors.registry import detector_named

    network: Detector = detector_named(name, {} if name == "auto" else {"steps": 2})
    fitted = network.fit(synthetic().steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    path = tmp_path / "state.safetensors"
    save_file({key: np.ascontiguousarray(array) for key, array in fitted.state.items()}, path)
    done = subprocess.run(
        [sys.executable, "-c", SCORING, name, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_another_missing_module_is_not_taken_for_torch() -> None:
    with pytest.raises(ModuleNotFoundError), learn_with_torch("lstm"):
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
    with pytest.raises(TorchMissing, match="baseline"), learn_with_torch("lstm"):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
