"""Fits on a Ray cluster."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from plugin.config import ExecutorSettings
from plugin.errors import FitFailed, Stopped
from plugin.jobs.executors import ray_driver
from plugin.jobs.executors.executor import IDLE_SECONDS, BuildTask, Executor, outcome_of
from plugin.jobs.executors.fit_queue import FitQueue
from plugin.jobs.fit_task import FitOutcome, FitTask

log = logging.getLogger(__name__)

CONNECT_SECONDS = 60.0  # that a driver may take to reach the cluster
RECONNECT_SECONDS = 60.0  # between two tries
END_SECONDS = 5.0  # that a driver may take to end

Drive = Callable[[ExecutorSettings, Connection, list[Connection]], None]


class DriverLost(Exception):
    """The cluster cannot be reached, or not any more; the message says why."""


class RayDriver:
    """A process that runs fits on the cluster, as many at once as it has pipes."""

    def __init__(self, settings: ExecutorSettings, drive: Drive) -> None:
        """Starts the process, which cannot be used before `connect`."""
        self.missing = ""  # what a fit asks for and no node has
        context = get_context("spawn")
        self._control, control = context.Pipe()
        ours, theirs = zip(*(context.Pipe() for _ in range(settings.fits)), strict=True)
        self._pipes: SimpleQueue[Connection] = SimpleQueue()
        self._process = context.Process(
            target=drive, args=(settings, control, list(theirs)), daemon=True
        )
        self._process.start()
        for pipe in (control, *theirs):
            pipe.close()
        for pipe in ours:
            self._pipes.put(pipe)

    def connect(self) -> None:
        """Waits until it has reached the cluster. Raises DriverLost."""
        why = self._word()
        if why:
            self.close()
            raise DriverLost(why)
        self.missing = self._word()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def fit(self, task: FitTask) -> ray_driver.Reply:
        """Raises DriverLost."""
        pipe = self._pipes.get()
        try:
            pipe.send(task)
            del task
            reply: ray_driver.Reply = pipe.recv()
            return reply
        except (EOFError, OSError) as error:
            raise DriverLost("the cluster is gone, or its head node is") from error
        finally:
            self._pipes.put(pipe)

    def close(self) -> None:
        """Cancels what runs, and ends the process."""
        self._control.close()
        self._process.join(END_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends the process at once; Ray then cancels what it has asked for."""
        self._process.kill()
        self._process.join(END_SECONDS)

    def _word(self) -> str:
        """What the process says of itself."""
        try:
            if self._control.poll(CONNECT_SECONDS):
                return str(self._control.recv())
        except (EOFError, OSError):
            return "the process that connects to it has ended"
        return f"no answer within {CONNECT_SECONDS:g} s"


class RayExecutor:
    """The `Executor` of a cluster. While that cannot be reached, fits run in the fallback."""

    def __init__(
        self,
        settings: ExecutorSettings,
        fallback: Executor | None,
        on_state: Callable[[bool], object] = lambda reachable: None,
        *,
        spread: float = 0.1,
        drive: Drive = ray_driver.drive,
    ) -> None:
        """fallback: None = there is none, and a fit fails. on_state: is told whether the cluster
        can be reached."""
        self.spread = spread
        self._settings = settings
        self._fallback = fallback
        self._on_state = on_state
        self._drive = drive
        self._queue = FitQueue(settings.fits, self._run)
        self._connecting = threading.Lock()  # held for as long as it takes
        self._lock = threading.Lock()
        self._driver: RayDriver | None = None
        self._starting: RayDriver | None = None
        self._running = 0
        self._last_fit = time.monotonic()
        self._retry_at = 0.0
        self._why = ""  # the cluster cannot be reached

    @property
    def size(self) -> int:
        return self._settings.fits

    def stack_size(self, series: int, stack: int) -> int:
        return stack

    def warm_up(self) -> None:
        self._queue.start(self._connect_early)

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        return self._queue.submit(build, urgent=urgent)

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        return outcome_of(future)

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        with self._lock:
            driver = self._driver
            if driver is None or self._running or time.monotonic() - self._last_fit < seconds:
                driver = None
            else:
                self._driver = None
        if driver is not None:
            driver.close()
        if self._fallback is not None:
            self._fallback.end_idle(seconds)

    def pids(self) -> list[int]:
        driver = self._driver
        own = [] if driver is None else [driver.pid]
        return own + ([] if self._fallback is None else self._fallback.pids())

    def close(self) -> None:
        self._queue.close()
        with self._lock:
            driver = self._driver
            starting = self._starting
            self._driver = None
        if starting is not None:
            starting.kill()
        if driver is not None:
            driver.close()
        if self._fallback is not None:
            self._fallback.close()

    def _run(self, build: BuildTask) -> FitOutcome:
        try:
            reply = self._fit_again(build)
        except DriverLost as error:
            if self._queue.closed:
                raise Stopped("the service is stopping") from error
            return self._fit_elsewhere(build, str(error))
        if isinstance(reply, ray_driver.Failure):
            raise FitFailed(reply.reason, reply.message)
        return reply

    def _fit_again(self, build: BuildTask) -> ray_driver.Reply:
        """A driver may have ended alone, by a fault of Ray: while the cluster is there, another one
        does its fits. Raises DriverLost."""
        try:
            return self._fit(build)
        except DriverLost:  # where it could not connect, it is not tried again for a while
            return self._fit(build)

    def _fit(self, build: BuildTask) -> ray_driver.Reply:
        """Raises DriverLost."""
        driver = self._connected()
        with self._lock:
            self._running += 1
        try:
            return driver.fit(build())
        except DriverLost as error:
            self._lose(driver, str(error))
            raise
        finally:
            with self._lock:
                self._running -= 1
                self._last_fit = time.monotonic()

    def _fit_elsewhere(self, build: BuildTask, why: str) -> FitOutcome:
        if self._fallback is None:
            raise FitFailed("unreachable", self._unreachable(why))
        return self._fallback.result_of(self._fallback.submit(build))

    def _connect_early(self) -> None:
        try:
            self._connected()
        except DriverLost:  # it is told, and the first fit copes with it
            pass

    def _connected(self) -> RayDriver:
        """The driver, which is started where there is none. Raises DriverLost."""
        with self._connecting:
            with self._lock:
                if self._driver is not None:
                    return self._driver
                if self._queue.closed:
                    raise DriverLost("the service is stopping")
                if time.monotonic() < self._retry_at:
                    raise DriverLost(self._why)
                driver = self._starting = RayDriver(self._settings, self._drive)
            try:
                driver.connect()
            except DriverLost as error:
                self._retry_at = time.monotonic() + RECONNECT_SECONDS
                self._tell_lost(str(error))
                raise
            finally:
                self._starting = None
            with self._lock:
                self._driver = driver
            if self._queue.closed:
                driver.close()
                raise DriverLost("the service is stopping")
            self._tell_connected(driver)
            return driver

    def _lose(self, driver: RayDriver, why: str) -> None:
        """Forgets a driver that has ended; the next fit starts another one."""
        with self._lock:
            if self._driver is not driver:
                return  # another fit has noticed before
            self._driver = None
        self._tell_lost(why)
        driver.close()

    def _tell_connected(self, driver: RayDriver) -> None:
        self._why = ""
        self._on_state(True)
        log.info("executor connected", extra=self._where())
        if driver.missing:
            log.warning(
                "no node has what a fit asks for: fits wait for one that has; see"
                " `executor.cpus_per_fit` and `executor.gpus_per_fit`",
                extra={**self._where(), "missing": driver.missing},
            )

    def _tell_lost(self, why: str) -> None:
        if self._queue.closed:
            return
        self._why = why
        self._on_state(False)
        fallback = "none" if self._fallback is None else "local"
        extra = {**self._where(), "fallback": fallback, "err": self._unreachable(why)}
        log.error("executor unreachable", extra=extra)

    def _unreachable(self, why: str) -> str:
        return (
            f"the Ray cluster at {self._settings.address} cannot be reached: {why}: check"
            " `executor.address`, that the head node runs, and that `bandwatch[ray]` is installed"
        )

    def _where(self) -> dict[str, Any]:
        return {"executor": "ray", "address": self._settings.address}
