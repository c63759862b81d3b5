"""Champions of one detector spec, side by side in one stack, with what they carry from sample to
sample."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import Arrays, DividedDetector, FittedDetector, Scores, SeriesBatch
from detectors.named_arrays import Rows, rows_of
from detectors.registry import from_spec
from plugin.jobs.weights_file import read_rows, split_weights
from plugin.series import BoolArray, IntArray
from plugin.store import DetectorState, ModelRecord, Store


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
        return replace(
            self,
            ids=self.ids[rows],
            version=self.version[rows],
            carry=None if self.carry is None else rows_of(self.carry, rows),
            fitted=from_spec(self.spec).restore(rows_of(self.fitted.state, rows)),
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

    def divided(self) -> Iterator["ModelStack"]:
        """The same series in stacks that hold no array which does not score them."""
        detector = from_spec(self.spec)
        if not isinstance(detector, DividedDetector):
            yield self
            return
        for rows, state in detector.divide(self.fitted.state):
            yield replace(
                self,
                ids=self.ids[rows],
                version=self.version[rows],
                carry=None if self.carry is None else rows_of(self.carry, rows),
                fitted=detector.restore(state),
            )

    def fits(self, other: "ModelStack", most: int) -> bool:
        """Whether both can be one stack of `most` series at most."""
        return (
            self.spec == other.spec
            and len(self.ids) + len(other.ids) <= most
            and self.fitted.state.keys() == other.fitted.state.keys()
        )

    def resume(
        self, states: Sequence[DetectorState], time: int
    ) -> tuple["ModelStack | None", "ModelStack | None"]:
        """The models whose state was stored at `time`, with that state, and the others, as they
        are."""
        warm = np.zeros(len(self.ids), bool)
        carry: dict[str, NDArray[Any]] = {}
        for state in states:
            if state.time != time:
                continue
            rows, found = self._rows_in(state)
            if not found.any():
                continue
            warm |= found
            carry = carry or {
                name: np.zeros((len(self.ids), *array.shape[1:]), array.dtype)
                for name, array in state.arrays.items()
            }
            for name, array in carry.items():
                array[found] = state.arrays[name][rows[found]]
        if not warm.any():
            return None, self
        if warm.all():
            return replace(self, carry=carry), None
        return replace(self.part(warm), carry=rows_of(carry, warm)), self.part(~warm)

    def _rows_in(self, state: DetectorState) -> tuple[IntArray, BoolArray]:
        """[S] the row of each series in a stored state, and whether it is there, carried by the
        model that it has now."""
        order = np.argsort(state.ids)
        places = np.searchsorted(state.ids[order], self.ids)
        rows = order[np.minimum(places, len(order) - 1)]
        found = (state.ids[rows] == self.ids) & (state.model_version[rows] == self.version)
        return rows, found


def _joined(first: Arrays, second: Arrays) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([array, second[name]]) for name, array in first.items()}
