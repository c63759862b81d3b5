"""A batch seen against its trend: what models learn from and predict."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray


@dataclass(frozen=True)
class TrendView:
    """A batch seen against its trend; the trend at t is made of samples before t."""

    deviation: FloatArray  # [S, T] (value - expected) / spread; 0 where not observed
    observed: BoolArray  # [S, T]
    seen: BoolArray  # [S, T] trusted: observed, usable and within the gate; may steer what follows
    expected: FloatArray  # [S, T] in units of `scale`, without the centre
    spread: FloatArray  # [S, T] in units of `scale`
    profile: FloatArray  # [S, T] in units of `scale`
    # [S, T] how far from the profile an edge that comes early or late reaches; in units of `scale`
    below: FloatArray
    above: FloatArray
    calendar: NDArray[np.float32]  # [T, FEATURES]
    known: NDArray[np.float32]  # [S, FEATURES] 0 or 1
    step: int  # seconds
    carry: dict[str, NDArray[np.float64]]
    covariates: FloatArray  # [S, C, T] as the batch has them
    # t -> [S] True = the series accepted a new level with sample t
    acceptances: Mapping[int, BoolArray] = field(default_factory=dict)
    first: int = 0  # number of column 0 on the grid of time: steps since the epoch

    def steps(self, start: int, end: int) -> "TrendView":
        """The columns start..end as a view; the carry stays that of the end."""
        cut = np.s_[:, start:end]
        return replace(
            self,
            deviation=self.deviation[cut],
            observed=self.observed[cut],
            seen=self.seen[cut],
            expected=self.expected[cut],
            spread=self.spread[cut],
            profile=self.profile[cut],
            calendar=self.calendar[start:end],
            covariates=self.covariates[:, :, start:end],
            acceptances={
                t - start: rows for t, rows in self.acceptances.items() if start <= t < end
            },
            first=self.first + start,
            below=self.below[cut],
            above=self.above[cut],
        )

    def rows(self, index: NDArray[np.generic]) -> "TrendView":
        """The series chosen by an index or a mask."""
        return replace(
            self,
            deviation=self.deviation[index],
            observed=self.observed[index],
            seen=self.seen[index],
            expected=self.expected[index],
            spread=self.spread[index],
            profile=self.profile[index],
            known=self.known[index],
            covariates=self.covariates[index],
            below=self.below[index],
            above=self.above[index],
            acceptances={t: rows[index] for t, rows in self.acceptances.items()},
            carry={name: array[index] for name, array in self.carry.items()},
        )
