"""Who fits in a preview. Which fits one look starts is what the configuration says, as it decides
which series start from the mean of others. Refits take no turns, so that every core has its
share."""

import os
import threading
from concurrent.futures import Future

from detectors.device import threads_limited
from plugin.config import WorkerSettings
from plugin.jobs.executors.executor import BuildTask
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_job import STACKS_PER_WORKER
from plugin.jobs.fit_task import FitOutcome, run_task


class CoreWorkers(WorkerPool):
    """A process for each core: nothing else is to be done meanwhile."""

    spread = 0.0

    def __init__(self, settings: WorkerSettings) -> None:
        processes = max(settings.fits, os.cpu_count() or 1)
        super().__init__(settings.model_copy(update={"fits": processes}))
        self._processes = processes
        self._fits = settings.fits

    @property
    def size(self) -> int:
        return self._fits

    def stack_size(self, series: int, stack: int) -> int:
        """As large for each process, where one run of the fit job takes all of them."""
        min_stacks = -(-series // stack)
        stacks = min(max(self._processes, min_stacks), STACKS_PER_WORKER * self._fits)
        return max(1, min(stack, -(-series // stacks)))


class InlineWorkers(WorkerPool):
    """No process: fits run where they are asked for, one after the other, on as many threads as in
    a process of their own: more would wait for each other on a busy machine."""

    spread = 0.0

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(settings)
        self._turn = threading.Lock()

    def warm_up(self) -> None:
        """Nothing has to start."""

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        """The future of a fit that is over."""
        future: Future[FitOutcome] = Future()
        try:
            with self._turn, threads_limited(self._settings.threads):
                future.set_result(run_task(build()))
        except Exception as error:  # `result_of` says what it means
            future.set_exception(error)
        return future
