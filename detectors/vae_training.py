"""How the variational autoencoder learns: reconstruction and a latent term with free bits."""

from typing import Any, Protocol

import numpy as np
import torch
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

FREE_BITS = 0.05  # nats of each latent that cost nothing


class Variational(NetworkOptions, Protocol):
    """A network whose code is a distribution; see `detectors.vae`."""

    @property
    def latent(self) -> int: ...
    @property
    def beta(self) -> float: ...

    def weight_shapes(self) -> dict[str, tuple[int, ...]]: ...

    def encode(
        self, layers: Layers, weights: NetworkWeights, values: Any, mask: Any, context: Any
    ) -> tuple[Any, Any]: ...

    def decode(
        self, layers: Layers, weights: NetworkWeights, latent: Any, context: Any
    ) -> tuple[Any, Any]: ...


def train_vae(
    network: Variational,
    view: TrendView,
    batch: SeriesBatch,
    prior: Arrays | None,
    device: str,
    progress: Progress | None,
) -> dict[str, NDArray[Any]]:
    """See `model.Model.train`."""
    prior_weights = None if prior is None else own_arrays(prior)
    layers = TorchLayers()

    def loss(
        weights: Weights, data: TrainingData, columns: Tensor, rng: np.random.Generator | None
    ) -> Tensor:
        """[S] over the windows at `columns` [S, W, B]: with rng the training loss, else that of
        the last place."""
        windows = window_batch(data, columns, rng)
        context = windows.context
        centre, log_variance = network.encode(
            layers, weights, windows.values, windows.shown, context
        )
        if rng is None:
            mean, width = network.decode(layers, weights, centre, context)
            return reconstruction(windows, mean, width, training=False)
        drawn = rng.normal(size=(columns.shape[2], network.latent)).astype(np.float32)
        noise = torch.from_numpy(drawn).to(columns.device)
        latent = centre + noise * (0.5 * log_variance).exp()
        mean, width = network.decode(layers, weights, latent, context)
        divergence = _divergence(centre, log_variance).mean(dim=1)  # [S, Z]
        term = network.beta * divergence.clamp(min=FREE_BITS).sum(dim=1)
        return reconstruction(windows, mean, width, training=True) + term / network.window

    return learn(
        loss,
        training_data(view, batch, device),
        initial(network.weight_shapes(), prior_weights, len(view.deviation), network.seed),
        TrainingPlan.of(network.steps, network.rate, warm=prior is not None),
        WindowSampling(network.window, network.batch, validation=256, seed=network.seed),
        progress,
    )


def _divergence(centre: Tensor, log_variance: Tensor) -> Tensor:
    """KL(posterior, standard normal) of each latent, in nats."""
    return 0.5 * (centre**2 + log_variance.exp() - 1 - log_variance)
