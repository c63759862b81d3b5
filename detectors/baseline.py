"""Season, slow level and slow spread, and nothing else. No torch: it serves from the first hour,
and is the control.

This is the example to copy: a frozen dataclass of hyper-parameters, and a model that says how far
and how wide.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FloatArray, Progress, SeriesBatch
from detectors.fitted import TrendDetector
from detectors.trend_view import TrendView


@dataclass(frozen=True)
class Baseline(TrendDetector):
    """Robust seasonal median with a spread around it."""

    name: ClassVar[str] = "baseline"
    least: ClassVar[int] = 8  # samples that a series must have
    trains_on_device: ClassVar[bool] = False  # it learns without torch

    def train(
        self,
        view: TrendView,
        batch: SeriesBatch,
        prior: Arrays | None,
        device: str,
        progress: Progress | None,
    ) -> dict[str, NDArray[Any]]:
        """Nothing to train."""
        return {}

    def predict(
        self, weights: Arrays, view: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        """The trend itself."""
        return np.zeros(view.deviation.shape), np.ones(view.deviation.shape), {}
