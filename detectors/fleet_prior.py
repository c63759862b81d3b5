"""What a series without a model begins with: the mean of its fitted peers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays


def fleet_prior(state: Arrays, rows: int) -> dict[str, NDArray[Any]]:
    """A prior for `rows` series that have no model yet: the mean of fitted peers, from their state
    [P, ...].

    Integers (times, choices, periods) are zero: they mean nothing for another series.
    """
    prior = dict[str, NDArray[Any]]()
    for name, array in state.items():
        is_float = np.issubdtype(array.dtype, np.floating)
        mean = array.mean(axis=0) if is_float else np.zeros(array.shape[1:])
        prior[name] = np.repeat(mean.astype(array.dtype)[None], rows, axis=0)
    return prior
