"""One fit: a stack of series in, weights and the verdicts of the gate out.

Runs in a worker process, here or on another machine, and in backtests. It needs no store.
"""

import math
import time
from dataclasses import dataclass, field, replace
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
from detectors.device import choose, trains_on_device
from detectors.model import TorchMissing
from detectors.registry import detector_named, from_spec
from plugin.config import Watch
from plugin.jobs.contest import Challengers, Contest
from plugin.jobs.gate import GateResult, judge
from plugin.jobs.missing_torch import REMEDY, baseline_alone
from plugin.jobs.weights_file import weights_of
from plugin.series import IntArray

REASONS = {NotEnoughData: "not_enough_data", Diverged: "diverged"}


@dataclass(frozen=True, kw_only=True)
class FitTask:
    """All that a fit needs, with its arrays: it crosses the border of a process."""

    spec: str  # of the detector
    ids: tuple[int, ...]  # [S] series ids
    batch: SeriesBatch  # [S, T] to learn from
    alert_budget: float  # alarms per series and second
    device: str = "cpu"  # or auto, cuda
    prior: Arrays | None = None  # [S] to start from
    max_seconds: float = math.inf  # that the fit of one series may take
    contest: Contest | None = None  # what the new models have to beat; None = nothing


@dataclass(frozen=True)
class FitOutcome:
    """What came of a task.

    Some series get a new model, in the order of the weights. Some keep the model they have, because
    the gate has refused the new one. Some could not be fitted.
    """

    ids: tuple[int, ...] = ()  # of the new models
    weights: Arrays | None = None  # of the new models, see `weights_of`; None = there is none
    loss: tuple[float, ...] = ()  # of the new models
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)  # id -> (reason, message)
    verdicts: dict[int, GateResult] = field(default_factory=dict)  # of all that could be fitted
    seconds: float = 0.0
    device_error: str = ""  # why the CPU was used instead of the device that the task names
    torch_fault: str = ""  # why no network could learn there


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
    """Fits and judges; touches nothing else."""
    start = time.monotonic()
    outcome = _outcome(task)
    return replace(outcome, seconds=time.monotonic() - start)


def _outcome(task: FitTask) -> FitOutcome:
    detector = from_spec(task.spec)
    fault = REMEDY if baseline_alone(detector) else ""
    try:
        rows, device_error = _fit_on_device(task, detector)
    except TorchMissing:
        return FitOutcome(torch_fault=REMEDY)
    refused = {
        task.ids[row]: (REASONS[type(error)], str(error)) for row, error in rows.refused.items()
    }
    if rows.fitted is None:
        return FitOutcome(refused=refused, device_error=device_error, torch_fault=fault)
    challengers = Challengers(
        task.spec,
        tuple(task.ids[row] for row in rows.index.tolist()),
        task.batch.rows(rows.index),
        rows.fitted,
    )
    results = (
        [GateResult(True, "")] * len(challengers.ids)
        if task.contest is None
        else judge(task.contest, challengers)
    )
    promoted = np.flatnonzero([result.promoted for result in results])
    weights = {name: array[promoted] for name, array in weights_of(rows.fitted).items()}
    return FitOutcome(
        ids=tuple(challengers.ids[row] for row in promoted),
        weights=weights if len(promoted) else None,
        loss=tuple(rows.fitted.loss[promoted].tolist()),
        refused=refused,
        verdicts=dict(zip(challengers.ids, results, strict=True)),
        device_error=device_error,
        torch_fault=fault,
    )


def _fit_on_device(task: FitTask, detector: Detector) -> tuple[FittedRows, str]:
    """Fits where the task says, or on the CPU where that fails, and says why it failed.

    A GPU that fails (out of memory, wrong driver) costs time, never the model.
    """
    # A first model must not wait for torch to be loaded.
    device = choose(task.device) if trains_on_device(detector) else "cpu"
    settings: dict[str, Any] = {
        "alert_budget": task.alert_budget,
        "progress": _deadline(len(task.ids) * task.max_seconds),
    }
    device_error = ""
    if device != "cpu":
        try:
            return fit_rows(detector, task.batch, task.prior, device=device, **settings), ""
        except RuntimeError as error:  # of torch, whatever went wrong there
            device_error = f"{device}: {error}"
    return fit_rows(detector, task.batch, task.prior, **settings), device_error


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
