"""One fit: a stack of series in, weights on disk and an outcome out.

Runs in a worker process and in backtests.
"""

import logging
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from detectors.api import (
    Arrays,
    Detector,
    Diverged,
    FittedDetector,
    NotEnoughData,
    Progress,
    SeriesBatch,
    TrainingTooSlow,
)
from detectors.device import choose, has_torch
from detectors.fleet_prior import fleet_prior
from detectors.registry import detector_named, from_spec
from plugin.config import Calendar, Watch
from plugin.config.fit_window import MIN_FIT_STEPS
from plugin.domain.intervals import Interval
from plugin.errors import StoreError
from plugin.grid import Grid
from plugin.jobs.batches import BatchBuilder
from plugin.jobs.contest import Challengers, Contest
from plugin.jobs.gate import GateResult, judge
from plugin.jobs.masks import fingerprint
from plugin.jobs.weights_file import WeightsRow, read_rows, split_weights, weights_of
from plugin.series import IntArray
from plugin.store import Store

log = logging.getLogger(__name__)

WITHOUT_TORCH = "baseline"  # the only detector of ours that learns without it
REASONS = {NotEnoughData: "not_enough_data", Diverged: "diverged"}


@dataclass(frozen=True, kw_only=True)
class FitTask:
    """All that a worker needs to know; small, because it crosses a process boundary."""

    folder: Path  # of the store
    watch: str
    version: int  # under which the weights will be kept
    spec: str  # of the detector
    ids: tuple[int, ...]  # [S] series ids
    window: Grid  # of the samples to learn from
    timezone: str
    alert_budget: float  # alarms per series and second
    device: str = "cpu"  # or auto, cuda
    prior: tuple[WeightsRow, ...] | None = None  # [S] to start from
    peers: tuple[WeightsRow, ...] = ()  # without a prior: fitted series to start from the mean of
    max_seconds: float = math.inf  # that the fit of one series may take
    masks: tuple[Interval, ...] = ()  # not learnt from
    calendar: Calendar | None = None  # whose holidays the series follow
    contest: Contest | None = None  # what the new models have to beat; None = nothing


@dataclass(frozen=True)
class FitOutcome:
    """What came of a task.

    Some series get a new model, in the order of the weights file. Some keep the model they have,
    because the gate has refused the new one. Some could not be fitted.
    """

    task: FitTask
    ids: tuple[int, ...] = ()  # of the new models
    path: Path | None = None  # of their weights; None = there is no new model
    loss: tuple[float, ...] = ()  # of the new models
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)  # id -> (reason, message)
    verdicts: dict[int, GateResult] = field(default_factory=dict)  # of all that could be fitted
    seconds: float = 0.0
    device_error: str = ""  # why the CPU was used instead of the device that the task names


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
        weights = None if prior is None else {name: array[index] for name, array in prior.items()}
        try:
            fitted = detector.fit(
                rows, weights, alert_budget=alert_budget, device=device, progress=progress
            )
            return FittedRows(index, fitted, refused)
        except (NotEnoughData, Diverged) as refusal:
            rejected = list(refusal.rows) or list(range(len(index)))
            refused.update((int(index[row]), refusal) for row in rejected)
            index = np.delete(index, rejected)
    return FittedRows(index, None, refused)


def run_task(task: FitTask) -> FitOutcome:
    """Reads the window from the store, fits, and writes the weights beside the old ones; touches
    nothing else."""
    start = time.monotonic()
    store = Store.open(task.folder, create=False)
    try:
        outcome = _outcome(store, task)
    finally:
        store.close()
    return replace(outcome, seconds=time.monotonic() - start)


def _outcome(store: Store, task: FitTask) -> FitOutcome:
    ids = np.array(task.ids, np.int64)
    builder = BatchBuilder(store, task.watch, task.timezone, task.window, task.masks, task.calendar)
    batch = _since_first_sample(builder.history(task.spec, ids))
    rows, device_error = _fit_on_device(task, batch, _prior(store, task))
    refused = {
        task.ids[row]: (REASONS[type(error)], str(error)) for row, error in rows.refused.items()
    }
    if rows.fitted is None:
        return FitOutcome(task, refused=refused, device_error=device_error)
    challengers = Challengers(
        task.spec, tuple(ids[rows.index].tolist()), batch.rows(rows.index), rows.fitted
    )
    results = (
        [GateResult(True, "")] * len(challengers.ids)
        if task.contest is None
        else judge(store, task.contest, challengers)
    )
    promoted = np.flatnonzero([result.promoted for result in results])
    weights = {name: array[promoted] for name, array in weights_of(rows.fitted).items()}
    return FitOutcome(
        task,
        ids=tuple(challengers.ids[row] for row in promoted),
        path=store.weights.write(task.version, weights) if len(promoted) else None,
        loss=tuple(rows.fitted.loss[promoted].tolist()),
        refused=refused,
        verdicts=dict(zip(challengers.ids, results, strict=True)),
        device_error=device_error,
    )


def _since_first_sample(batch: SeriesBatch) -> SeriesBatch:
    """Without the columns before the first sample of all series: a fit walks through every
    column, and a window of five weeks is mostly empty for a young watch."""
    steps = batch.shape[1]
    first = int(batch.observed.any(axis=0).argmax())
    return batch.steps(min(first, max(0, steps - MIN_FIT_STEPS)), steps)


def masks_fingerprint(task: FitTask, series_id: int) -> str:
    """Names the samples of a series that its fit has left out, see `masks.fingerprint`."""
    masks = (mask for mask in task.masks if mask.series_id == series_id)
    return fingerprint(masks, task.window)


def _fit_on_device(
    task: FitTask, batch: SeriesBatch, prior: Arrays | None
) -> tuple[FittedRows, str]:
    """Fits where the task says, or on the CPU where that fails, and says why it failed.

    A GPU that fails (out of memory, wrong driver) costs time, never the model.
    """
    detector = from_spec(task.spec)
    # A first model must not wait for torch to be loaded.
    device = "cpu" if detector.name == WITHOUT_TORCH else choose(task.device)
    settings: dict[str, Any] = {
        "alert_budget": task.alert_budget,
        "progress": _deadline(len(batch.values) * task.max_seconds),
    }
    device_error = ""
    if device != "cpu":
        try:
            return fit_rows(detector, batch, prior, device=device, **settings), ""
        except RuntimeError as error:  # of torch, whatever went wrong there
            device_error = f"{device}: {error}"
    return fit_rows(detector, batch, prior, **settings), device_error


def _deadline(seconds: float) -> Progress:
    """A progress that ends the fit when its time is over."""
    end = time.monotonic() + seconds

    def check(share: float) -> None:
        if share < 1 and time.monotonic() > end:
            raise TrainingTooSlow(
                f"the fit was {share:.0%} done after {seconds:.0f} s: give it fewer steps or a"
                " shorter `fit_window`, or raise `workers.longest_fit`"
            )

    return check


def _prior(store: Store, task: FitTask) -> Arrays | None:
    try:
        if task.prior is None and task.peers:
            return fleet_prior(split_weights(read_rows(store, task.peers))[0], len(task.ids))
        return None if task.prior is None else split_weights(read_rows(store, task.prior))[0]
    except StoreError:  # a fit can start without weights that cannot be read
        return None


def seconds_per_series(watch: Watch, batch: SeriesBatch) -> float:
    """Time that fitting one of these series takes here and now, by fitting all of them.

    Raises NotEnoughData or Diverged when none can be fitted.
    """
    start = time.monotonic()
    rows = fit_rows(
        detector_named(watch.detector, watch.detector_options),
        batch,
        None,
        alert_budget=watch.alert_budget,
    )
    if rows.fitted is None:
        raise next(iter(rows.refused.values()))
    return (time.monotonic() - start) / max(1, len(batch.values))


def tell_missing_torch(watches: Iterable[Watch]) -> None:
    """One line when watches ask for networks that cannot learn here."""
    names = [watch.name for watch in watches if watch.detector != WITHOUT_TORCH]
    if names and not has_torch():
        log.warning(
            "torch is not installed: no network can learn, the baseline serves instead; "
            "install `bandwatch[torch]`, or choose `detector: baseline`",
            extra={"watches": ",".join(names)},
        )
