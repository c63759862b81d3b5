"""Who fits the models of a backtest: the process that walks, or an executor."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.api import Arrays, Detector, FittedDetector, SeriesBatch
from detectors.registry import from_spec, to_spec
from plugin.components import executor_of
from plugin.config import WorkerSettings, load
from plugin.jobs.executors import Executor
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_task import FitTask, fit_rows
from plugin.jobs.weights_file import split_weights
from plugin.series import IntArray

MAX_PROCESSES = 64  # as of `workers.fits`


@dataclass(frozen=True)
class WalkFit:
    """What a fit gives to a walk."""

    index: IntArray  # [S] rows of the batch that could be fitted
    fitted: FittedDetector | None  # None = none could
    carry: Arrays | None  # at the end of the batch
    refused: tuple[int, ...]  # the other rows of the batch


# Detector, batch, what to start from, alarms per series and second.
Fit = Callable[[Detector, SeriesBatch, Arrays | None, float], WalkFit]


def fit_here(
    detector: Detector, batch: SeriesBatch, prior: Arrays | None, alert_budget: float
) -> WalkFit:
    """In this process."""
    rows = fit_rows(detector, batch, prior, alert_budget=alert_budget)
    carry = None if rows.fitted is None else rows.fitted.after
    return WalkFit(rows.index, rows.fitted, carry, tuple(rows.refused))


def fit_by(executor: Executor) -> Fit:
    """By an executor, which gives the same models. Raises FitFailed."""

    def fit(
        detector: Detector, batch: SeriesBatch, prior: Arrays | None, alert_budget: float
    ) -> WalkFit:
        task = FitTask(
            spec=to_spec(detector),
            ids=tuple(range(len(batch.values))),
            batch=batch,
            alert_budget=alert_budget,
            prior=prior,
        )
        outcome = executor.result_of(executor.submit(lambda: task))
        index = np.array(outcome.ids, np.int64)
        if outcome.weights is None:
            return WalkFit(index, None, None, tuple(outcome.refused))
        state, carry = split_weights(outcome.weights)
        return WalkFit(index, from_spec(task.spec).restore(state), carry, tuple(outcome.refused))

    return fit


@contextmanager
def by_configuration(file_name: str, jobs: int) -> Iterator[int | Executor]:
    """What `backtest` takes as its `jobs`: an executor where the `executor` of a file names one.

    file_name: "" = none. jobs: processes of this machine, 0 = one per core. Raises ConfigError.
    """
    settings = load(Path(file_name)) if file_name else None
    if settings is None or settings.executor.kind == "local":
        yield jobs
        return
    processes = min(MAX_PROCESSES, jobs or os.cpu_count() or 1)
    executor = executor_of(settings, WorkerPool(WorkerSettings(fits=processes)))
    try:
        yield executor
    finally:
        executor.close()
