"""Season, slow level and slow spread, and nothing else. No torch: it serves from the first hour, and is the control.

This is the example to copy: a frozen dataclass of hyper-parameters, and a model that says how far and how wide.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.api import Arrays, FittedDetector, FloatArray, Progress, SeriesBatch
from detectors.fitted import calibrated, require, restore, trend_of, uncalibrated
from detectors.stepping import ages
from detectors.trend import Course

LEAST = 8  # samples


@dataclass(frozen=True)
class Baseline:
    """Robust seasonal median with a spread around it."""

    name: ClassVar[str] = "baseline"

    @property
    def warm_up(self) -> int:
        return 512

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`. A prior is of no use to it, nor is a device."""
        require(batch, LEAST)
        fitted = calibrated(uncalibrated(self, trend_of(batch), {}, device), batch, alert_budget)
        if progress:
            progress(1.0)
        return fitted

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state, device)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None,
                device: str) -> tuple[FloatArray, FloatArray, Arrays]:
        """The trend itself; the longer a gap, the wider."""
        age, age_after = ages(course.observed, None if carry is None else carry["age"])
        return np.zeros(age.shape), 1 + 0.01 * (age - 1), {"age": age_after}
