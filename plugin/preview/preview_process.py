"""One preview in a process of its own, with low priority: it may take minutes, and it can be
ended."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

from plugin.domain.preview import Preview
from plugin.errors import BandwatchError
from plugin.jobs.executors.local import start_worker
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PreviewTask
from plugin.preview.run import run_preview
from plugin.web.thinning import thin

MAX_POINTS = 1500  # of a series that is drawn; samples outside the band come on top
END_SECONDS = 5.0  # for which its end is waited for
POLL_SECONDS = 0.2


class PreviewTooSlow(BandwatchError):
    """It has taken longer than it may."""


class PreviewProcess:
    """Started with a task; `wait` in another thread returns what comes of it."""

    def __init__(self, task: PreviewTask) -> None:
        context = get_context("spawn")
        self._folder = Path(tempfile.mkdtemp(prefix="bandwatch-preview-"))
        self._connection, remote = context.Pipe(duplex=False)
        self._process = context.Process(
            target=work, args=(remote, task, self._folder, os.getpid()), name="preview"
        )
        self._process.start()
        remote.close()

    def wait(self, progress: Callable[[float], None], seconds: float) -> Preview:
        """What it tells in the end. Raises BandwatchError where it fails, dies, is ended, or takes
        more than so many seconds."""
        try:
            for _ in range(round(seconds / POLL_SECONDS)):
                if not self._connection.poll(POLL_SECONDS):
                    continue
                message = self._connection.recv()
                if isinstance(message, Preview):
                    return message
                if isinstance(message, str):
                    raise BandwatchError(message)
                progress(message)
        except (EOFError, OSError):
            raise BandwatchError("the process of the preview has ended; out of memory?") from None
        finally:
            self.end()
        raise PreviewTooSlow(
            f"it took more than {seconds:.0f} s: try a shorter time, a longer step or fewer series"
        )

    def end(self) -> None:
        """Ends it, and removes what it has written."""
        self._process.terminate()
        self._process.join(END_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)


def work(connection: Connection, task: PreviewTask, folder: Path, parent: int) -> None:
    """In the process."""
    start_worker(parent, 1)
    tell(connection, task, folder)


def tell(connection: Connection, task: PreviewTask, folder: Path) -> None:
    """Sends the share that is done, then the preview or why there is none."""
    try:
        preview = run_preview(
            task, connection.send, workers=InlineWorkers(task.config.workers), folder=folder
        )
    except Exception as error:  # whatever a detector or the store raises is told
        text = str(error) if isinstance(error, BandwatchError) else repr(error)
        connection.send(text or repr(error))
        return
    if not any(line.series for line in preview.watches):
        connection.send("the query has no series in this time, and none before to learn from")
        return
    bands = tuple(
        replace(series, samples=thin(series.samples, 0, MAX_POINTS)) for series in preview.bands
    )
    connection.send(replace(preview, bands=bands))
