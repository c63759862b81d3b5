"""One preview: a folder, a service that lives in it, and what it tells."""

import tempfile
from pathlib import Path

from plugin.components import executor_of
from plugin.domain.preview import Preview
from plugin.jobs.executors import Executor
from plugin.preview.fit_workers import CoreWorkers
from plugin.preview.outcome import outcome
from plugin.preview.past_service import PastService, PreviewTask, Share
from plugin.prometheus import PrometheusReader

LIFE_SHARE = 0.98  # of the time that all takes; the rest is what it has to tell


def run_preview(
    task: PreviewTask,
    progress: Share = lambda share: None,
    *,
    workers: Executor | None = None,
    reader: PrometheusReader | None = None,
    folder: Path | None = None,
) -> Preview:
    """Lives through the time of a task.

    progress: takes the share that is done, 0 to 1. workers: those of this machine, which fit where
    the configuration names no cluster; None = all cores. reader: where the samples are; None = the
    configured Prometheus. folder: an empty one, which the caller removes; None = one that is gone
    afterwards. Raises BandwatchError.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="bandwatch-preview-") as name:
            return run_preview(task, progress, workers=workers, reader=reader, folder=Path(name))
    config = task.config
    executor = executor_of(config, workers or CoreWorkers(config.workers))
    service = PastService(task, folder, workers=executor, reader=reader)
    try:
        executor.warm_up()  # while the history is loaded
        service.live(lambda share: progress(LIFE_SHARE * share))
        return outcome(service, task)
    finally:
        service.close()
