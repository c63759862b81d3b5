"""One fit: a stack of series in, weights on disk and an outcome out.

Runs in a worker process and in backtests.
"""

import itertools
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from detectors.api import (
    Arrays,
    Detector,
    Diverged,
    FittedDetector,
    NotEnoughData,
    Progress,
    SeriesBatch,
    TooSlow,
)
from detectors.device import choose
from detectors.fitting import fleet_prior
from detectors.registry import detector_named, from_spec
from plugin import grid
from plugin.config import Watch
from plugin.errors import StoreError
from plugin.jobs import masks
from plugin.jobs.covariates import channels
from plugin.jobs.gate import GateResult, judge
from plugin.jobs.masks import Mask
from plugin.jobs.regimes import accepted_before
from plugin.jobs.replay import Contest
from plugin.jobs.weights_file import joined, parted, read_rows
from plugin.series import BoolArray, IntArray
from plugin.store import Store

REASONS = {NotEnoughData: "not_enough_data", Diverged: "diverged"}


@dataclass(frozen=True)
class FitTask:
    """All that a worker needs to know; small, because it crosses a process boundary."""

    folder: Path  # of the store
    watch: str
    version: int  # under which the weights will be kept
    spec: str  # of the detector
    ids: tuple[int, ...]  # [S] series ids
    start: int  # first and last grid time of the window, unix seconds
    end: int
    step: int
    timezone: str
    alert_budget: float  # alarms per series and second
    device: str = "cpu"  # or auto, cuda
    prior: tuple[tuple[Path, int], ...] | None = None  # [S] (weights file, row) to start from
    peers: tuple[
        tuple[Path, int], ...
    ] = ()  # where there is no prior: fitted series to start from the mean of
    longest: float = math.inf  # seconds that the fit of one series may take
    masked: tuple[
        tuple[int, int, int], ...
    ] = ()  # (series id, start, end), both included: not learnt from
    trial: Contest | None = None  # what the new models have to beat; None = nothing


@dataclass(frozen=True)
class FitOutcome:
    """What came of a task: the models to crown in the order of the weights file, who keeps the
    model it has, and who could not be fitted and why."""

    task: FitTask
    ids: tuple[int, ...] = ()
    path: Path | None = None  # None = nobody is to be crowned
    loss: tuple[float, ...] = ()
    refused: dict[int, tuple[str, str]] = field(
        default_factory=dict
    )  # series id -> (reason, message)
    verdicts: dict[int, GateResult] = field(
        default_factory=dict
    )  # of all that could be fitted, by series id
    seconds: float = 0.0
    device_error: str = ""  # why the device that was wanted could not be used, and the CPU was


@dataclass(frozen=True)
class FittedRows:
    """The rows of a batch that could be fitted, as one stack."""

    index: IntArray  # [S'] rows of the batch
    fitted: FittedDetector | None  # None = none could
    refused: dict[int, NotEnoughData | Diverged]  # row of the batch -> why


def fit_rows(
    detector: Detector,
    batch: SeriesBatch,
    prior: Arrays | None,
    *,
    alert_budget: float,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FittedRows:
    """Fits all rows that can be fitted: a row that the detector refuses is set aside, the others go
    on without it."""
    index = np.arange(len(batch.values))
    refused: dict[int, NotEnoughData | Diverged] = {}
    while len(index):
        rows = batch if len(index) == len(batch.values) else batch.rows(index)
        start = None if prior is None else {name: array[index] for name, array in prior.items()}
        try:
            fitted = detector.fit(
                rows, start, alert_budget=alert_budget, device=device, progress=progress
            )
            return FittedRows(index, fitted, refused)
        except (NotEnoughData, Diverged) as refusal:
            bad = list(refusal.rows) or list(range(len(index)))
            refused.update((int(index[row]), refusal) for row in bad)
            index = np.delete(index, bad)
    return FittedRows(index, None, refused)


def run_task(task: FitTask) -> FitOutcome:
    """Reads the window from the store, fits, and writes the weights beside the old ones; touches
    nothing else."""
    began = time.monotonic()
    store = Store.open(task.folder)
    try:
        ids = np.array(task.ids, np.int64)
        values, alarmed = store.history(ids, task.start, task.end, task.step)
        given = channels(store, task.watch, task.spec, ids, task.start, task.end, task.step)
        batch = grid.batch(
            values,
            task.start,
            task.step,
            task.timezone,
            alarmed=alarmed,
            covariates=given.values,
            usable=masks.train_mask(_masked(task, ids)),
            settled=accepted_before(store, ids, task.start, task.end, task.step),
        )
        rows, device_error = _fit_on_device(task, batch, _prior(store, task))
        refused = {
            task.ids[row]: (REASONS[type(why)], str(why)) for row, why in rows.refused.items()
        }
        if rows.fitted is None:
            return FitOutcome(
                task, refused=refused, seconds=time.monotonic() - began, device_error=device_error
            )
        fitted_ids = ids[rows.index].tolist()
        verdicts = (
            [GateResult(True, "")] * len(fitted_ids)
            if task.trial is None
            else judge(
                store, task.trial, task.spec, fitted_ids, batch.rows(rows.index), rows.fitted
            )
        )
        crowned = np.flatnonzero([verdict.promoted for verdict in verdicts])
        path = (
            store.write_weights(
                task.version, {name: array[crowned] for name, array in joined(rows.fitted).items()}
            )
            if len(crowned)
            else None
        )
        return FitOutcome(
            task,
            tuple(fitted_ids[row] for row in crowned),
            path,
            tuple(rows.fitted.loss[crowned].tolist()),
            refused,
            dict(zip(fitted_ids, verdicts, strict=True)),
            time.monotonic() - began,
            device_error,
        )
    finally:
        store.close()


def _masked(task: FitTask, ids: IntArray) -> BoolArray | None:
    """[S, T] True where the task says that nothing is to be learnt."""
    steps = (task.end - task.start) // task.step + 1
    return masks.flags(itertools.starmap(Mask, task.masked), ids, task.start, steps, task.step)


def not_learnt(task: FitTask, series: int) -> str:
    """What names the samples of a series that its fit left out, see `masks.name`."""
    return masks.name(
        (Mask(*each) for each in task.masked if each[0] == series), task.start, task.end, task.step
    )


def _fit_on_device(
    task: FitTask, batch: SeriesBatch, prior: Arrays | None
) -> tuple[FittedRows, str]:
    """Fits where the task says; a GPU that fails (out of memory, wrong driver) costs time, never
    the model."""
    detector = from_spec(task.spec)
    device = choose(task.device)
    device_error = ""
    in_time = _in_time(len(batch.values) * task.longest)
    if device != "cpu":
        try:
            return (
                fit_rows(
                    detector,
                    batch,
                    prior,
                    alert_budget=task.alert_budget,
                    device=device,
                    progress=in_time,
                ),
                "",
            )
        except RuntimeError as error:  # torch's, whatever went wrong over there
            device_error = f"{device}: {error}"
    return (
        fit_rows(detector, batch, prior, alert_budget=task.alert_budget, progress=in_time),
        device_error,
    )


def _in_time(seconds: float) -> Progress:
    """A progress that ends the fit when its time is over."""
    end = time.monotonic() + seconds

    def watch(share: float) -> None:
        if share < 1 and time.monotonic() > end:
            raise TooSlow(
                f"the fit was {share:.0%} done after {seconds:.0f} s: give it fewer steps or a"
                " shorter `fit_window`, or raise `workers.longest_fit`"
            )

    return watch


def _prior(store: Store, task: FitTask) -> Arrays | None:
    try:
        if task.prior is None and task.peers:
            return fleet_prior(parted(read_rows(store, task.peers))[0], len(task.ids))
        return None if task.prior is None else parted(read_rows(store, task.prior))[0]
    except StoreError:  # weights that cannot be read are a reason to fit anew, not to refuse it
        return None


def seconds_per_series(watch: Watch, batch: SeriesBatch) -> float:
    """Time that fitting one of these series takes here and now, by fitting all of them.

    Raises NotEnoughData or Diverged when none can be fitted.
    """
    began = time.monotonic()
    rows = fit_rows(
        detector_named(watch.detector, watch.detector_options),
        batch,
        None,
        alert_budget=watch.alert_budget,
    )
    if rows.fitted is None:
        raise next(iter(rows.refused.values()))
    return (time.monotonic() - began) / max(1, len(batch.values))
