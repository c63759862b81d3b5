"""Champions of one detector spec, side by side in one stack, with what they carry from sample to
sample."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, FittedDetector, Scores, SeriesBatch
from detectors.registry import from_spec
from plugin.jobs.weights_file import read_rows, split_weights
from plugin.series import IntArray
from plugin.store import DetectorState, ModelRecord, Store

Rows = NDArray[np.bool_] | slice


@dataclass(frozen=True)
class ModelStack:
    """S fitted models that are scored by one call; replaced whole, never mutated."""

    spec: str
    ids: IntArray  # [S] series ids
    version: IntArray  # [S] model versions
    fitted: FittedDetector
    carry: Arrays | None = None  # as of the last sample seen; None = cold

    @classmethod
    def load(cls, store: Store, models: Sequence[ModelRecord]) -> "ModelStack":
        """The stack of champions that share one spec, as of the end of the window that each has
        learnt from."""
        state, carry = split_weights(
            read_rows(store, tuple((model.path, model.row) for model in models))
        )
        return cls(
            models[0].spec,
            np.array([model.series_id for model in models], np.int64),
            np.array([model.version for model in models], np.int64),
            from_spec(models[0].spec).restore(state),
            carry,
        )

    @property
    def warm_up(self) -> int:
        """Samples that a cold stack wants to see first; at least one."""
        return max(1, from_spec(self.spec).warm_up)

    def score(self, batch: SeriesBatch) -> tuple[Scores, "ModelStack"]:
        """The scores of the samples that follow, and the stack that has seen them."""
        scores = self.fitted.score(batch, self.carry)
        return scores, replace(self, carry=scores.carry)

    def part(self, rows: Rows) -> "ModelStack":
        """Some of the series."""
        state = {name: array[rows] for name, array in self.fitted.state.items()}
        carry = (
            None
            if self.carry is None
            else {name: array[rows] for name, array in self.carry.items()}
        )
        return replace(
            self,
            ids=self.ids[rows],
            version=self.version[rows],
            carry=carry,
            fitted=from_spec(self.spec).restore(state),
        )

    def without(self, ids: IntArray) -> "ModelStack | None":
        """The stack less some series; None when nothing is left."""
        keep = ~np.isin(self.ids, ids)
        if keep.all():
            return self
        return self.part(keep) if keep.any() else None

    def join(self, other: "ModelStack") -> "ModelStack":
        """Both stacks as one; both must have seen the same last sample, or both be cold."""
        cold = self.carry is None or other.carry is None
        return replace(
            self,
            ids=np.concatenate([self.ids, other.ids]),
            version=np.concatenate([self.version, other.version]),
            carry=None if cold else _joined(self.carry or {}, other.carry or {}),
            fitted=from_spec(self.spec).restore(_joined(self.fitted.state, other.fitted.state)),
        )

    def resume(
        self, states: Sequence[DetectorState], time: int
    ) -> tuple["ModelStack | None", "ModelStack | None"]:
        """The models whose state was stored at `time`, with that state, and the others, as they
        are."""
        rows_by_model = {
            (int(series_id), int(state.model_version[row])): (state, row)
            for state in states
            if state.time == time
            for row, series_id in enumerate(state.ids)
        }
        keys = list(zip(self.ids.tolist(), self.version.tolist(), strict=True))
        warm = np.array([key in rows_by_model for key in keys], bool)
        rows = [rows_by_model[key] for key in keys if key in rows_by_model]
        if not rows:
            return None, self
        carry = {
            name: np.stack([state.arrays[name][row] for state, row in rows])
            for name in rows[0][0].arrays
        }
        return (
            replace(self if warm.all() else self.part(warm), carry=carry),
            None if warm.all() else self.part(~warm),
        )


def _joined(first: Arrays, second: Arrays) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([array, second[name]]) for name, array in first.items()}
