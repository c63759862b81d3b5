"""The process that talks to a Ray cluster, and what runs on its nodes.

Ray ends the process of a driver whose cluster is gone for a while. So the driver is a process of
its own: the service outlives it, and starts another one.
"""

import logging
import os
import signal
import threading
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import detectors.device as device
from detectors.api import TrainingTooSlow
from plugin.clock import pause
from plugin.config import ExecutorSettings
from plugin.jobs.fit_task import FitOutcome, FitTask, run_task
from plugin.version import VERSION

# A driver that cannot reach its cluster for so long ends.
LOST_SECONDS = 20
MAX_QUEUE_SECONDS = 3600  # that a fit may wait for a free node
ROOM_TRIES = 10
ROOM_SECONDS = 0.5  # between them: Ray gives the room of past fits back once a second
MAX_LETTERS = 400  # of what Ray says: both versions where they differ, but no trace
MEMORY_REMEDY = "lower `workers.stack`, or raise `executor.cpus_per_fit`"


class Failure(NamedTuple):
    """Why there is no outcome; an exception would not survive the way between processes."""

    reason: str  # that the metric counts
    message: str


Reply = FitOutcome | Failure


def fit_on_node(version: str, threads: int, inputs: list[Any]) -> Reply:
    """What a node runs. version: of the service. inputs: the reference to a task, which is read
    only where both versions are the same."""
    import ray

    if version != VERSION:
        return Failure("version", version_message(f"has bandwatch {VERSION}", version))
    device.limit_threads(threads)
    return run_task(ray.get(inputs[0]))


def version_message(actual: str, version: str) -> str:
    return (
        f"a node of the Ray cluster {actual}, and the service has {version}: install"
        f" bandwatch=={version} on all nodes, or set `executor.kind: local` until then"
    )


def drive(settings: ExecutorSettings, control: Connection, pipes: list[Connection]) -> None:
    """The main function of the process: connects, says so, and runs what comes through each pipe
    until `control` is closed. Says why, where it cannot connect."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the service, which ends this
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(LOST_SECONDS))
    try:
        import ray

        ray.init(
            address=settings.address,
            namespace="bandwatch",
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    except Exception as error:  # of Ray, whatever is wrong: no cluster, another version, no `ray`
        control.send(" ".join(f"{type(error).__name__}: {error}".split())[:MAX_LETTERS])
        return
    control.send("")
    control.send(_missing(settings, resources))
    driver = _Driver(settings)
    for pipe in pipes:
        threading.Thread(target=driver.serve, args=(pipe,), daemon=True).start()
    try:
        control.recv()
    except (EOFError, OSError):  # the service closes it, or is gone
        pass
    driver.cancel()
    ray.shutdown()
    os._exit(0)  # the threads may still wait for an answer of Ray


def _missing(settings: ExecutorSettings, resources: dict[str, float]) -> str:
    """What a fit asks for and no node has now; "" = nothing. An autoscaler may add it."""
    wanted = {"CPU": settings.cpus_per_fit, "GPU": settings.gpus_per_fit}
    return ", ".join(
        f"{amount:g} {name}" for name, amount in wanted.items() if amount > resources.get(name, 0)
    )


class _Driver:
    """Runs tasks on the cluster, one for each pipe at a time."""

    def __init__(self, settings: ExecutorSettings) -> None:
        import ray

        self._ray = ray
        self._threads = max(1, int(settings.cpus_per_fit))
        self._fit = ray.remote(fit_on_node).options(
            num_cpus=settings.cpus_per_fit,
            num_gpus=settings.gpus_per_fit,
            max_retries=settings.retries,
        )
        self._lock = threading.Lock()
        self._running: set[Any] = set()

    def serve(self, pipe: Connection) -> None:
        """Answers each task with its outcome, until the pipe is closed."""
        try:
            while True:
                pipe.send(self._reply(pipe.recv()))
        except (EOFError, OSError):
            return

    def cancel(self) -> None:
        """Ends what runs."""
        with self._lock:
            running = list(self._running)
        for reference in running:
            self._ray.cancel(reference, force=True)

    def _reply(self, task: FitTask) -> Reply:
        try:
            reference = self._fit.remote(VERSION, self._threads, [self._stored(task)])
        except Exception as error:  # of Ray, e.g. no room for the arrays
            return self._failure(error)
        with self._lock:
            self._running.add(reference)
        seconds = MAX_QUEUE_SECONDS + len(task.ids) * task.max_seconds
        del task  # its arrays are in the object store
        try:
            reply: Reply = self._ray.get(reference, timeout=min(seconds, threading.TIMEOUT_MAX))
            return reply
        except Exception as error:
            self._ray.cancel(reference, force=True)
            return self._failure(error)
        finally:
            with self._lock:
                self._running.discard(reference)

    def _stored(self, task: FitTask) -> Any:
        """The reference to a task in the object store, which may be full for a moment."""
        full = (self._ray.exceptions.ObjectStoreFullError, self._ray.exceptions.OutOfDiskError)
        for _ in range(ROOM_TRIES - 1):
            try:
                return self._ray.put(task)
            except full:
                pause(ROOM_SECONDS)
        return self._ray.put(task)

    def _failure(self, error: Exception) -> Failure:
        """What an error of a fit or of Ray means."""
        exceptions = self._ray.exceptions
        cause = getattr(error, "cause", None) or error
        text = str(cause).splitlines()[0] if str(cause) else ""
        if isinstance(cause, TrainingTooSlow):
            return Failure("too_slow", str(cause))
        if isinstance(error, exceptions.GetTimeoutError):
            return Failure("too_slow", "no node was free for the fit for an hour: add nodes")
        if isinstance(error, exceptions.ObjectStoreFullError | exceptions.OutOfDiskError):
            return Failure(
                "object_store",
                f"the object store of Ray is full: {text}: give it more memory"
                " (`--object-store-memory`), or lower `executor.fits` or `workers.stack`",
            )
        if isinstance(error, exceptions.OutOfMemoryError):
            return Failure("worker_died", f"a node had no memory left: {MEMORY_REMEDY}")
        if isinstance(error, exceptions.WorkerCrashedError | exceptions.NodeDiedError):
            return Failure(
                "worker_died",
                "the node or its process ended in the middle of a fit, more often than"
                f" `executor.retries` allows: the old model stays; {MEMORY_REMEDY} if memory is"
                " short",
            )
        if isinstance(cause, ImportError | AttributeError) or "No module named" in str(error):
            return Failure("version", version_message("has no bandwatch, or another one", VERSION))
        return Failure("error", f"{type(cause).__name__}: {text}")
