"""What a model must offer so that `detectors.fitted` can serve it: train and predict."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from detectors.api import Arrays, DetectorError, FloatArray, Progress, SeriesBatch
from detectors.trend_view import TrendView

# Offset and width [S, T], and what the next call needs to go on.
Prediction = tuple[FloatArray, FloatArray, Arrays]


class Predictor(Protocol):
    """What a fitted detector adds to the trend. Weights and carry have leading axis S."""

    def predict(self, weights: Arrays, view: TrendView, carry: Arrays | None) -> Prediction:
        """The forecast as an offset from the trend, and its width, both [S, T] in spreads of the
        trend. Those of t are made of samples before t. Also the carry for the next call."""


class Model(Predictor, Protocol):
    """A predictor that can be trained."""

    least: ClassVar[int]  # trusted samples that a series must have

    def train(
        self,
        view: TrendView,
        batch: SeriesBatch,
        prior: Arrays | None,
        device: str,
        progress: Progress | None,
    ) -> dict[str, NDArray[Any]]:
        """The weights, learnt from a view without its held-out samples.

        prior: a state whose weights are the start; None = a random draw.
        """


class NetworkOptions(Protocol):
    """What every network says of its own size and training; each detector documents its own."""

    @property
    def hidden(self) -> int: ...
    @property
    def window(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def seed(self) -> int: ...


class TorchMissing(DetectorError):
    """A network is to learn, and torch is not installed."""


@contextmanager
def learn_with_torch(detector: str) -> Iterator[None]:
    """Around the import of what trains a detector: only that needs torch.

    Raises TorchMissing when it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TorchMissing(
            f"detector `{detector}` cannot learn: torch is not installed; "
            "install `bandwatch[torch]`, or choose the detector `baseline`"
        ) from error
