"""Who fits in a preview. How many fits one look starts is what the configuration says, as it
decides which series start from the mean of others."""

import os
from concurrent.futures import Future

from plugin.config import WorkerSettings
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task
from plugin.jobs.workers import WorkerPool


class CoreWorkers(WorkerPool):
    """A process for each core: nothing else is to be done meanwhile."""

    def __init__(self, settings: WorkerSettings) -> None:
        fits = max(settings.fits, os.cpu_count() or 1)
        super().__init__(settings.model_copy(update={"fits": fits}))
        self._fits = settings.fits

    @property
    def size(self) -> int:
        return self._fits


class InlineWorkers(WorkerPool):
    """No process: fits run where they are asked for, one after the other."""

    def submit(self, task: FitTask) -> "Future[FitOutcome]":
        """The future of a fit that is over."""
        future: Future[FitOutcome] = Future()
        try:
            future.set_result(run_task(task))
        except Exception as error:  # `result_of` says what it means
            future.set_exception(error)
        return future
