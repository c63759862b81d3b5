"""One model of several for each series, chosen by samples that it has not learnt from; the default.

    trend ─┬─ baseline ─────┐
           ├─ autoencoder ──┼─ choice [S] ─> offset and width of the chosen model ─> one band
           └─ gru ──────────┘

All candidates learn from one trend and one view. Then they are compared in their order, the simpler
ones first, on the last quarter of each series' samples. A candidate replaces the leading one

* by its loss: its pinball loss (Koenker & Bassett, 1978) is lower by at least `LOSS_MARGIN`; or
* by its outer samples: the leading one leaves more than `OUTER_RATIO` times as many samples beyond
  its own earlier .98 quantile.

A candidate that itself leaves so many more than the leading one never replaces it. Labels are not
used, and no part of a far tail. A series that is too young for a network, or whose training
diverges, keeps the baseline.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

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
from detectors.fitted import MODEL_PREFIX, calibrate, held_out_loss, own_arrays, restore
from detectors.history import History, prepare_history
from detectors.lstm import LSTM
from detectors.model import Prediction, TorchMissing
from detectors.named_arrays import OwnArrays, named, of_model, rows_of, with_rows
from detectors.scaling import quantile
from detectors.seq2seq import Seq2Seq
from detectors.trend_view import TrendView
from detectors.vae import VAE

LOSS_MARGIN = 0.03  # share of the loss that a further network must save
OUTER_SHARE = 0.02  # of the samples should lie beyond the .98 quantile
OUTER_RATIO = 2.0  # times as many as another leaves there, or as should lie there, are too many
Network = Autoencoder | LSTM | Seq2Seq | VAE
NETWORKS: dict[str, Network] = {
    "autoencoder": Autoencoder(),
    "gru": LSTM(cell="gru", hidden=16, steps=60),
    "lstm": LSTM(),
    "seq2seq": Seq2Seq(),
    "vae": VAE(),
}


@dataclass(frozen=True)
class Auto:
    """The baseline, or the network that beats it; series by series."""

    name: ClassVar[str] = "auto"
    takes_covariates: ClassVar[bool] = False
    least: ClassVar[int] = Baseline.least  # samples that a series must have

    candidates: str = "autoencoder,gru"  # besides the baseline, the simplest first
    seed: int = field(default=0, metadata={"range": (0, 2**31)})

    def __post_init__(self) -> None:
        names = self._names
        if not set(names) <= set(NETWORKS) or len(set(names)) < len(names):
            raise DetectorError(
                f"detector `auto`: `candidates` must be some of {', '.join(NETWORKS)}, each once, "
                f"with commas between them: got {self.candidates!r}"
            )

    @property
    def warm_up(self) -> int:
        return max(model.warm_up for model in (Baseline(), *self._networks.values()))

    def fit(
        self,
        batch: SeriesBatch,
        prior: Arrays | None = None,
        *,
        alert_budget: float,
        device: str = "cpu",
        progress: Progress | None = None,
    ) -> FittedDetector:
        """See `Detector.fit`."""
        batch = replace(batch, covariates=batch.covariates[:, :0])
        history = prepare_history(batch, self.least, prior)
        prior_weights = {} if prior is None else own_arrays(prior)
        weights, prediction = self._train(history, prior_weights, device, progress)
        fitted = calibrate(self, weights, prediction, history, alert_budget=alert_budget)
        if progress:
            progress(1.0)
        return fitted

    def restore(self, state: Arrays, *, device: str = "cpu") -> FittedDetector:
        return restore(self, state)

    def divide(self, state: Arrays) -> Iterator[tuple[IntArray, Arrays]]:
        """See `api.DividedDetector`: the rows of each chosen model, without the weights of the
        networks that were not chosen. These are three quarters of a state."""
        choice = state[MODEL_PREFIX + "choice"]
        for number, chosen in enumerate(self._models):
            rows = np.flatnonzero(choice == number)
            others = tuple(f"{MODEL_PREFIX}{name}." for name in self._networks if name != chosen)
            if len(rows):
                yield (
                    rows,
                    {
                        name: array[rows]
                        for name, array in state.items()
                        if not name.startswith(others)
                    },
                )

    def predict(self, weights: Arrays, view: TrendView, carry: Arrays | None) -> Prediction:
        """What the chosen model of each series predicts; the carry of the others stays as it is."""
        view = replace(view, covariates=view.covariates[:, :0])
        offset = np.zeros(view.deviation.shape)
        width = np.ones(view.deviation.shape)
        next_carry = OwnArrays()
        for number, (name, model) in enumerate(self._models.items()):
            own = of_model(name, weights)
            if carry is None:
                own = own or _blank_weights(model, len(offset))
                state = dict(model.predict(own, view.steps(0, 0), None)[2])
            else:
                state = of_model(name, carry)
            rows = np.flatnonzero(weights["choice"] == number)
            if 0 < len(rows) < len(offset):
                offset[rows], width[rows], moved = model.predict(
                    rows_of(own, rows), view.rows(rows), rows_of(state, rows)
                )
                state = {key: with_rows(state[key], rows, moved[key]) for key in state}
            elif len(rows):
                offset, width, moved = model.predict(own, view, state)
                state = dict(moved)
            next_carry |= named(name, state)
        return offset, width, next_carry

    @property
    def _names(self) -> list[str]:
        return [name.strip() for name in self.candidates.split(",")]

    @property
    def _networks(self) -> dict[str, Network]:
        return {name: replace(NETWORKS[name], seed=self.seed) for name in self._names}

    @property
    def _models(self) -> dict[str, Baseline | Network]:
        """By name; the number of a model here is its number in `choice`."""
        return {Baseline.name: Baseline(), **self._networks}

    def _train(
        self, history: History, prior: Arrays, device: str, progress: Progress | None
    ) -> tuple[OwnArrays, Prediction]:
        """The weights of all candidates with the choice [S], and what the chosen models predict of
        the history."""
        view = history.view
        weights = OwnArrays()
        offset, width, carry = Baseline().predict({}, view, None)
        carries = {Baseline.name: carry}
        best = _Record.of(history, offset)
        choice = np.zeros(len(offset), np.int64)
        for number, (name, model) in enumerate(self._networks.items(), start=1):
            part = _part_progress(progress, number, len(self._names))
            own, trained = _train_network(model, history, of_model(name, prior), device, part)
            weights |= named(name, own)
            if not trained.any():
                continue
            its_offset, its_width, carries[name] = model.predict(own, view, None)
            record = _Record.of(history, its_offset)
            won = trained & record.beats(best)
            best = record.where(won, best)
            choice = np.where(won, number, choice)
            offset = np.where(won[:, None], its_offset, offset)
            width = np.where(won[:, None], its_width, width)
        weights["choice"] = choice
        return weights, (offset, width, self._joint_carry(weights, carries, view))

    def _joint_carry(
        self, weights: Arrays, carries: Mapping[str, Arrays], view: TrendView
    ) -> OwnArrays:
        """The carry after a history: of the chosen model of each series; the others are cold."""
        joint = dict(self.predict(weights, view.steps(0, 0), None)[2])
        for number, name in enumerate(self._models):
            rows = np.flatnonzero(weights["choice"] == number)
            for key, array in named(name, carries.get(name, {})).items():
                joint[key] = with_rows(joint[key], rows, array[rows])
        return joint


@dataclass(frozen=True)
class _Record:
    """How a candidate did on the held-out samples of each series; all [S]."""

    loss: FloatArray  # NaN where there are none
    beyond: FloatArray  # share of them beyond the .98 quantile of the samples before

    @classmethod
    def of(cls, history: History, offset: FloatArray) -> "_Record":
        residual = np.abs(history.view.deviation - offset)
        holdout = history.holdout_mask
        outer = quantile(residual, history.quiet_mask & ~holdout, 1 - OUTER_SHARE)
        count = (holdout & (residual > outer[:, None])).sum(axis=1)
        return cls(held_out_loss(history, offset), count / np.maximum(holdout.sum(axis=1), 1))

    def beats(self, other: "_Record") -> BoolArray:
        """[S] whether it replaces another that is simpler."""
        lower = self.loss < (1 - LOSS_MARGIN) * other.loss
        return ~self._leaves_more(other) & (other._leaves_more(self) | lower)

    def _leaves_more(self, other: "_Record") -> BoolArray:
        return np.asarray(self.beyond > OUTER_RATIO * np.maximum(other.beyond, OUTER_SHARE))

    def where(self, won: BoolArray, other: "_Record") -> "_Record":
        """This record in the rows `won` [S], the other elsewhere."""
        return _Record(
            loss=np.where(won, self.loss, other.loss),
            beyond=np.where(won, self.beyond, other.beyond),
        )


def _train_network(
    model: Network, history: History, prior: Arrays, device: str, progress: Progress | None
) -> tuple[OwnArrays, BoolArray]:
    """The weights of a network for all series, and in which rows it was trained now [S].

    A row of the prior that is all zeros means that the series has no weights yet. Weights are zeros
    where the network was never trained.
    """
    trusted = history.batch.observed & history.batch.usable
    ready = trusted.sum(axis=1) >= model.least
    rows = len(ready)
    has_prior = np.zeros(rows, bool)
    for array in prior.values():
        has_prior |= array.reshape(rows, -1).any(axis=1)
    weights = {name: np.array(array) for name, array in prior.items()}
    weights = weights or _blank_weights(model, rows)
    trained = np.zeros(rows, bool)
    for group, start in ((ready & has_prior, prior), (ready & ~has_prior, None)):
        index, own = _train_rows(model, history, np.flatnonzero(group), start, device, progress)
        trained[index] = True
        for name, array in own.items():
            weights[name][index] = array
    return weights, trained


def _blank_weights(model: Baseline | Network, rows: int) -> OwnArrays:
    """Of a network that is not trained, or not kept; the baseline has none."""
    shapes = {} if isinstance(model, Baseline) else model.weight_shapes()
    return {name: np.zeros((rows, *shape), np.float32) for name, shape in shapes.items()}


def _train_rows(
    model: Network,
    history: History,
    index: IntArray,
    prior: Arrays | None,
    device: str,
    progress: Progress | None,
) -> tuple[IntArray, OwnArrays]:
    """The rows of `index` whose training does not diverge, and their weights."""
    while len(index):
        start = None
        if prior is not None:
            start = {MODEL_PREFIX + name: array[index] for name, array in prior.items()}
        view = history.view.rows(index)
        try:
            return index, model.train(view, history.batch.rows(index), start, device, progress)
        except TorchMissing:  # the service says so at its start; the baseline serves
            return index[:0], {}
        except Diverged as error:
            index = np.delete(index, error.rows)
    return index, {}


def _part_progress(progress: Progress | None, number: int, count: int) -> Progress | None:
    """The progress of network `number` of `count`, as part of the whole."""
    return None if progress is None else lambda share: progress((number - 1 + share) / count)
