"""When the jobs run that components are made of. What they do is in plugin/jobs."""

import threading
from collections.abc import Callable
from contextlib import suppress

from plugin.components import Components, WatchJobs
from plugin.errors import Fenced
from plugin.jobs import housekeeping
from plugin.process_memory import GIVE_BACK_SECONDS, give_back
from plugin.scheduler import Scheduler
from plugin.store import Store

FIT_CHECK_SECONDS = 5  # how often the fit job looks which series need a fit
FORECAST_CHECK_SECONDS = 5  # how often the forecast job looks whether there was a tick
SEND_CHECK_SECONDS = 2  # how often the remote write job looks whether there was a tick
BUDGET_CHECK_SECONDS = 15  # how often the budget job looks whether it has rested enough
HOUSEKEEPING_SECONDS = GIVE_BACK_SECONDS
WORKER_CHECK_SECONDS = 30  # how often workers that have nothing to do are looked for


class JobSchedule:
    """Puts the jobs of components on a scheduler, and takes them off."""

    def __init__(self, parts: Components, scheduler: Scheduler) -> None:
        self._parts = parts
        self._scheduler = scheduler
        # By watch: after a reload, its old and its new score job never run at once.
        self._score_locks: dict[str, threading.Lock] = {}

    def add(self, jobs: WatchJobs) -> None:
        """The jobs of one watch, in the place of those that it had."""
        watch = jobs.watch
        score_lock = self._score_locks.setdefault(watch.name, threading.Lock())

        def score() -> None:
            with score_lock:
                if self._parts.watches.get(watch.name) is jobs:
                    jobs.score.run()
            self.forget(watch.name)  # it may have been removed meanwhile

        def fit() -> None:
            with suppress(Fenced):  # counted where it is raised
                jobs.fit.run()
            self.forget(watch.name)

        def forecast() -> None:
            if self._parts.watches.get(watch.name) is jobs:
                jobs.forecast.run()
            self.forget(watch.name)

        self._scheduler.every(f"score:{watch.name}", watch.score_interval, score, aligned=True)
        self._scheduler.every(
            f"fit:{watch.name}", min(FIT_CHECK_SECONDS, watch.fit_every), fit, long=True
        )
        if watch.steps_ahead and not watch.paused:
            self._scheduler.every(
                f"forecast:{watch.name}",
                min(FORECAST_CHECK_SECONDS, watch.step),
                forecast,
                lane="forecast",
            )
        else:
            self._parts.board.remove_forecast(watch.name)

    def remove(self, jobs: WatchJobs) -> None:
        """The jobs of a watch that others replace, or that is removed: a run in progress ends at
        its next request."""
        name = jobs.watch.name
        self._scheduler.drop((f"score:{name}", f"fit:{name}", f"forecast:{name}"))
        jobs.reader.close()
        self.forget(name)

    def forget(self, name: str) -> None:
        """Takes a watch that has been removed off the board and out of the metrics."""
        if name not in self._parts.watches:
            self._parts.board.retain(self._parts.watches)
            self._parts.metrics.forget(name)

    def add_upkeep(self, store: Callable[[], Store | None]) -> None:
        """store: to be kept in order; None = that is not for us to do. Our memory always is."""
        parts = self._parts

        def upkeep() -> None:
            try:
                kept_store = store()
                if kept_store is not None:
                    housekeeping.run(kept_store, parts.config.store, parts.clock, parts.maintenance)
            finally:
                give_back()  # last: the housekeeping itself needs much

        self._scheduler.every("upkeep", HOUSEKEEPING_SECONDS, upkeep, long=True)
        self._scheduler.every("idle_workers", WORKER_CHECK_SECONDS, parts.workers.end_idle)

    def add_noise(self, run: Callable[[], object]) -> None:
        self._scheduler.every("noise", BUDGET_CHECK_SECONDS, run, lane="noise")

    def add_maintenance(self, run: Callable[[], object]) -> None:
        refresh = self._parts.config.maintenance.refresh
        self._scheduler.every("maintenance", refresh, run, lane="maintenance")

    def add_remote_write(self) -> None:
        """The one that the components have now; none = it ends."""
        job = self._parts.remote_write
        if job is None:
            self._scheduler.drop(("remote_write",))
            return

        def send() -> None:
            if self._parts.remote_write is job:
                job.run()
            for name in job.watches:
                self.forget(name)

        self._scheduler.every("remote_write", SEND_CHECK_SECONDS, send, lane="remote_write")
