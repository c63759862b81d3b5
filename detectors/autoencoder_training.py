"""How the autoencoders learn: by the reconstruction of masked windows."""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from detectors.api import Arrays, Progress, SeriesBatch
from detectors.fitted import own_arrays
from detectors.layers import Layers, NetworkWeights
from detectors.masked_window_training import reconstruction, window_batch
from detectors.model import NetworkOptions
from detectors.stacked import TorchLayers, Weights
from detectors.training import TrainingPlan, initial
from detectors.training_windows import TrainingData, WindowSampling, learn, training_data
from detectors.trend_view import TrendView

# Validations without progress: without noise or skip connection, the first are often worse than
# the start.
PATIENCE_CHECKS = 6


class EncoderDecoder(NetworkOptions, Protocol):
    """An autoencoder of any kind; see `detectors.autoencoder`."""

    @property
    def kind(self) -> str: ...

    def weight_shapes(self) -> dict[str, tuple[int, ...]]: ...

    def encode(
        self, layers: Layers, weights: NetworkWeights, values: Any, mask: Any, context: Any
    ) -> Any: ...

    def decode(
        self, layers: Layers, weights: NetworkWeights, code: Any, context: Any, places: int
    ) -> tuple[Any, Any]: ...


def train_autoencoder(
    network: EncoderDecoder,
    view: TrendView,
    batch: SeriesBatch,
    prior: Arrays | None,
    device: str,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """See `model.Model.train`."""
    prior_weights = None if prior is None else own_arrays(prior)
    start = initial(network.weight_shapes(), prior_weights, len(view.deviation), network.seed)
    if prior is None and network.kind == "lstm":
        for bias in ("read_bias", "write_bias"):  # remember at first (Jozefowicz et al., 2015)
            start[bias][:, network.hidden : 2 * network.hidden] = 1.0
    layers = TorchLayers()

    def loss(
        weights: Weights, data: TrainingData, columns: Tensor, rng: np.random.Generator | None
    ) -> Tensor:
        """[S] over the windows at `columns` [S, W, B]: with rng the training loss, else that of
        the last place."""
        windows = window_batch(data, columns, rng)
        code = network.encode(layers, weights, windows.values, windows.shown, windows.context)
        mean, width = network.decode(layers, weights, code, windows.context, network.window)
        return reconstruction(windows, mean, width, training=rng is not None)

    plan = TrainingPlan.of(network.steps, network.rate, warm=prior is not None)
    return learn(
        loss,
        training_data(view, batch, device),
        start,
        replace(plan, patience=PATIENCE_CHECKS),
        WindowSampling(network.window, network.batch, validation=256, seed=network.seed),
        progress,
    )
