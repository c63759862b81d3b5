"""Fits that end in a kill. Workers are forked before the store is opened, and die when they are
told to. The service dies while it reads for a fit, or writes what came of it."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from plugin.errors import FitFailed
from plugin.jobs import fit_task
from plugin.jobs.batches import BatchBuilder
from plugin.jobs.executors.executor import BuildTask, outcome_of
from plugin.jobs.executors.local import WorkerPool
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task
from plugin.store import weights

FORK = get_context("fork")


def die(*_: object, **__: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def no_space(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def die_in_training(share: float) -> None:
    if share > 0:
        die()


# What is replaced in a phase of a fit, and by what.
Substitute = tuple[Any, str, Callable[..., Any]]
WORKER_PHASES: dict[str, Substitute] = {  # in which a worker dies
    "begin": (fit_task, "_fit_on_device", die),
    "training": (fit_task, "_deadline", lambda seconds: die_in_training),
    "gate": (fit_task, "judge", die),
    "outcome": (fit_task, "replace", die),  # the models are there, and nobody hears of it
}
SERVICE_PHASES: dict[str, Substitute] = {  # in which the service dies, or cannot write
    "history": (BatchBuilder, "history", die),
    "full disk": (os, "fsync", no_space),
    "weights": (Path, "rename", die),  # they are written, under their temporary name
    "durable": (weights, "_flush_folder", die),
}
PHASES = WORKER_PHASES | SERVICE_PHASES


@contextmanager
def dying(phase: str) -> Iterator[None]:
    """A fit in this process kills it in this phase; "" = it does not."""
    if not phase:
        yield
        return
    home, name, substitute = PHASES[phase]
    with patch.object(home, name, substitute):
        yield


class MortalWorkers:
    """Stands in for a `WorkerPool`. To be made before anything opens the store: a connection to
    SQLite must not be taken into another process."""

    size = 1
    spread = WorkerPool.spread

    def __init__(self) -> None:
        self.phase = ""  # in which the next workers die
        ours, theirs = FORK.Pipe()
        self._pipe = ours
        FORK.Process(target=_serve, args=(theirs, ours)).start()
        theirs.close()
        self._thread = ThreadPoolExecutor(1)

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        return self._thread.submit(lambda: self._run(build()))

    def stack_size(self, series: int, stack: int) -> int:
        return stack

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        return outcome_of(future)

    def close(self) -> None:
        self._thread.shutdown()

    def _run(self, task: FitTask) -> FitOutcome:
        self._pipe.send((task, self.phase if self.phase in WORKER_PHASES else ""))
        outcome = self._pipe.recv()
        if outcome is None:
            raise FitFailed("worker_died", "on purpose")
        assert isinstance(outcome, FitOutcome)
        return outcome


def _serve(pipe: Connection, other_end: Connection) -> None:
    """Begins a worker for each task, until the service is gone."""
    other_end.close()
    try:
        while True:
            task, phase = pipe.recv()
            worker = FORK.Process(target=_work, args=(pipe, task, phase))
            worker.start()
            worker.join()
            if worker.exitcode:
                pipe.send(None)
    except (EOFError, OSError):
        return


def _work(pipe: Connection, task: FitTask, phase: str) -> None:
    with dying(phase):
        outcome = run_task(task)
    with suppress(OSError):  # the service may have been killed
        pipe.send(outcome)
