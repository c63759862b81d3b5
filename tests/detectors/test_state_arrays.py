"""A state keeps its names, whatever the code calls its arrays."""

from dataclasses import dataclass, fields

import numpy as np

from detectors.api import FloatArray
from detectors.covariates import CovariateFit
from detectors.limits import Limits
from detectors.state_arrays import from_arrays, stored_as, to_arrays
from detectors.trend import Trend


@dataclass(frozen=True)
class Example:
    width: FloatArray
    max_drift: FloatArray = stored_as("leash")


def test_there_and_back() -> None:
    example = Example(np.zeros(2), np.ones(2))
    state = to_arrays(example, "model.")
    assert list(state) == ["model.width", "model.leash"]
    again = from_arrays(Example, {**state, "model.other": np.zeros(2)}, "model.")
    assert again.width is example.width and again.max_drift is example.max_drift


def test_stored_names_are_those_of_models_fitted_before() -> None:
    """Renaming one makes every stored model useless."""
    stored = {
        kind: {item.metadata.get("key", item.name) for item in fields(kind)}
        for kind in (Limits, Trend, CovariateFit)
    }
    assert stored == {
        Limits: {"reach", "lasting", "long_mean_limit", "patience"},
        Trend: {"power", "shift", "centre", "scale", "unit", "resolution", "lowest"}
        | {"profile", "rhythm", "period", "floor", "usual", "leash"},
        CovariateFit: {"centre", "scale", "profile", "reach", "slope", "resolution", "unit"},
    }
