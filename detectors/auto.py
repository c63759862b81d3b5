"""One model of several for each series, chosen by how it does on samples that it has not learnt from; the default.

    trend ─┬─ baseline ──────┐
           ├─ autoencoder ───┼─ held-out loss, calm ─> choice [S] ─> offset and width of the chosen ─> one band
           └─ gru ───────────┘

All candidates learn from one trend and one course. Then they are compared in their order, the simpler ones first, on
the last quarter of each series' samples. A candidate takes the place of the one that leads

* by its loss: the pinball loss of what it leaves (Koenker & Bassett, 1978) is lower by at least `MARGIN`; or
* by its calm: what the leading one leaves is beyond its own earlier .98 quantile more than `UNEVEN` times as often.

It never does if it is itself so uneven beside the leading one. No label has a say, and no part of a far tail. A
series that is too young for a network, or whose training diverges, keeps the baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.api import (
    Arrays,
    BoolArray,
    DetectorError,
    Diverged,
    FittedDetector,
    FloatArray,
    IntArray,
    Progress,
    SeriesBatch,
)
from detectors.autoencoder import Autoencoder
from detectors.baseline import Baseline
from detectors.fitted import OWN, Said, completed, held_out_loss, own, restore
from detectors.history import History, prepared
from detectors.lstm import LSTM
from detectors.scaling import quantile
from detectors.seq2seq import Seq2Seq
from detectors.trend import Course
from detectors.vae import VAE

MARGIN = 0.03  # share of the loss that a further network must save
BODY = 0.02  # share of the samples that should lie beyond the .98 quantile
UNEVEN = 2.0  # times as many as another leaves there, or as should
Network = Autoencoder | LSTM | Seq2Seq | VAE
NETWORKS: dict[str, Network] = {"autoencoder": Autoencoder(), "gru": LSTM(cell="gru", hidden=16, steps=60),
                                "lstm": LSTM(), "seq2seq": Seq2Seq(), "vae": VAE()}
OwnArrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Auto:
    """The baseline, or the network that beats it; series by series."""

    name: ClassVar[str] = "auto"
    least: ClassVar[int] = Baseline.least  # samples that a series must have

    candidates: str = "autoencoder,gru"  # besides the baseline, the simplest first
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def __post_init__(self) -> None:
        names = self._names
        if not set(names) <= set(NETWORKS) or len(set(names)) < len(names):
            raise DetectorError(f"detector `auto`: `candidates` must be some of {', '.join(NETWORKS)}, each once, with "
                                f"commas between them: got {self.candidates!r}")

    @property
    def warm_up(self) -> int:
        return max(model.warm_up for model in (Baseline(), *self._networks.values()))

    def fit(self, batch: SeriesBatch, prior: Arrays | None = None, *, alert_budget: float, device: str = "cpu",
            progress: Progress | None = None) -> FittedDetector:
        """See `Detector.fit`."""
        history = prepared(replace(batch, covariates=batch.covariates[:, :0]), self.least, prior)
        weights, said = self._chosen(history, {} if prior is None else own(prior), device, progress)
        fitted = completed(self, weights, said, history, alert_budget=alert_budget, device=device)
        if progress:
            progress(1.0)
        return fitted

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state, device)

    def predict(self, weights: Arrays, course: Course, carry: Arrays | None, device: str) -> Said:
        """What the chosen model of each series says; the carry of the others stays as it is."""
        course, after = replace(course, covariates=course.covariates[:, :0]), OwnArrays()
        offset, width = np.zeros(course.deviation.shape), np.ones(course.deviation.shape)
        for number, (name, model) in enumerate({Baseline.name: Baseline(), **self._networks}.items()):
            mine, here = _of(name, weights), np.flatnonzero(weights["choice"] == number)
            now = _of(name, carry) if carry is not None else model.predict(mine, course.steps(0, 0), None, device)[2]
            if len(here):
                said = model.predict(_rows(mine, here), course.rows(here), _rows(now, here), device)
                offset[here], width[here] = said[:2]
                now = {key: _placed(array, here, said[2][key]) for key, array in now.items()}
            after |= _named(name, now)
        return offset, width, after

    @property
    def _names(self) -> list[str]:
        return [name.strip() for name in self.candidates.split(",")]

    @property
    def _networks(self) -> dict[str, Network]:
        return {name: replace(NETWORKS[name], seed=self.seed) for name in self._names}

    def _chosen(self, history: History, prior: Arrays, device: str, progress: Progress | None,
                ) -> tuple[OwnArrays, Said]:
        """The weights of all candidates with the choice [S], and what the chosen ones say of the history."""
        course, weights, moved = history.course, OwnArrays(), dict[str, OwnArrays]()
        offset, width, carry = Baseline().predict({}, course, None, device)
        best, choice = _Record.of(history, offset), np.zeros(len(offset), np.int64)
        moved[Baseline.name] = dict(carry)
        for number, (name, model) in enumerate(self._networks.items(), start=1):
            mine, able = _taught(model, history, _of(name, prior), device, _part(progress, number, len(self._names)))
            weights |= _named(name, mine)
            if able.any():
                says, wide, carry = model.predict(mine, course, None, device)
                record = _Record.of(history, says)
                won = able & record.beats(best)
                best, choice = record.where(won, best), np.where(won, number, choice)
                offset, width = np.where(won[:, None], says, offset), np.where(won[:, None], wide, width)
                moved[name] = dict(carry)
        weights["choice"] = choice
        return weights, (offset, width, self._carried(weights, moved, course, device))

    def _carried(self, weights: Arrays, moved: Mapping[str, Arrays], course: Course, device: str) -> OwnArrays:
        """What follows a history: the carry of the chosen candidate of each series; the others have seen nothing."""
        after = dict(self.predict(weights, course.steps(0, 0), None, device)[2])
        for number, name in enumerate((Baseline.name, *self._names)):
            here = np.flatnonzero(weights["choice"] == number)
            for key, array in _named(name, moved.get(name, {})).items():
                after[key] = _placed(after[key], here, array[here])
        return after


@dataclass(frozen=True)
class _Record:
    """How a candidate did on the held-out samples of each series; all [S]."""

    loss: FloatArray  # NaN where there are none
    beyond: FloatArray  # share of them beyond the .98 quantile of those before

    @classmethod
    def of(cls, history: History, offset: FloatArray) -> "_Record":
        rest, late = np.abs(history.course.deviation - offset), history.late
        body = quantile(rest, history.calm & ~late, 1 - BODY)
        beyond = (late & (rest > body[:, None])).sum(axis=1) / np.maximum(late.sum(axis=1), 1)
        return cls(held_out_loss(history, offset), beyond)

    def beats(self, other: "_Record") -> BoolArray:
        """[S] whether it takes the place of another that is simpler."""
        return ~self._uneven(other) & (other._uneven(self) | (self.loss < (1 - MARGIN) * other.loss))

    def _uneven(self, other: "_Record") -> BoolArray:
        return np.asarray(self.beyond > UNEVEN * np.maximum(other.beyond, BODY))

    def where(self, won: BoolArray, other: "_Record") -> "_Record":
        return _Record(np.where(won, self.loss, other.loss), np.where(won, self.beyond, other.beyond))


def _taught(model: Network, history: History, prior: Arrays, device: str, progress: Progress | None,
            ) -> tuple[OwnArrays, BoolArray]:
    """The weights of a network for all series, and which of them could be taught [S]; zeros where it never was."""
    batch, course = history.batch, history.course
    weights = {name: np.array(array) for name, array in prior.items()}
    able = (batch.observed & batch.usable).sum(axis=1) >= model.least
    known, taught = np.zeros(len(able), bool), np.zeros(len(able), bool)
    for array in prior.values():
        known |= array.reshape(len(able), -1).any(axis=1)
    for rows, start in ((able & known, prior), (able & ~known, None)):
        index, found = _trained(model, history, np.flatnonzero(rows), start, device, progress)
        taught[index] = True
        for name, array in found.items():
            weights.setdefault(name, np.zeros((len(able), *array.shape[1:]), array.dtype))[index] = array
    if not weights:
        blank = replace(model, steps=1).train(course, batch, None, device, None)
        weights = {name: np.zeros_like(array) for name, array in blank.items()}
    return weights, taught


def _trained(model: Network, history: History, index: IntArray, prior: Arrays | None, device: str,
             progress: Progress | None) -> tuple[IntArray, OwnArrays]:
    """The weights of the series at `index` whose training does not diverge, and which they are."""
    while len(index):
        start = None if prior is None else {OWN + name: array[index] for name, array in prior.items()}
        try:
            return index, model.train(history.course.rows(index), history.batch.rows(index), start, device, progress)
        except Diverged as refusal:
            index = np.delete(index, refusal.rows)
    return index, {}


def _part(progress: Progress | None, number: int, count: int) -> Progress | None:
    """The progress of one of so many networks."""
    return None if progress is None else lambda share: progress((number - 1 + share) / count)


def _named(name: str, arrays: Arrays) -> OwnArrays:
    return {f"{name}.{key}": array for key, array in arrays.items()}


def _of(name: str, arrays: Arrays) -> OwnArrays:
    """The inverse of `_named`."""
    return {key.removeprefix(f"{name}."): array for key, array in arrays.items() if key.startswith(f"{name}.")}


def _rows(arrays: Arrays, index: IntArray) -> OwnArrays:
    return {name: array[index] for name, array in arrays.items()}


def _placed(array: NDArray[Any], index: IntArray, rows: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array with other rows at `index`."""
    changed = array.copy()
    changed[index] = rows
    return changed
