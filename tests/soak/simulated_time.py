"""A clock that is set, and a scheduler that goes by it: one thread, no waiting, the same every
time."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

log = logging.getLogger(__name__)


class SimulatedClock:
    """Unix seconds that stand still until they are moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass
class SimulatedJob:
    """Something that runs at intervals."""

    run: Callable[[], object]
    seconds: float
    due: float  # unix seconds


class SimulatedScheduler:
    """Stands in for `plugin.scheduler.Scheduler`: runs what is due, one after another."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._jobs: dict[str, SimulatedJob] = {}
        self.failures = 0

    @property
    def last_beat(self) -> float:
        return self._clock()

    def start(self) -> None:
        """Nothing runs by itself."""

    def stop(self, seconds: float = 0.0) -> bool:
        return True

    def every(self, name: str, seconds: float, run: Callable[[], object], **_: object) -> None:
        """As the real one; lanes and pools do not matter to one thread."""
        self._jobs[name] = SimulatedJob(run, seconds, self._clock())

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self._jobs.pop(name, None)

    def names(self) -> set[str]:
        return set(self._jobs)

    def run_due(self) -> None:
        """Each job that is due, once."""
        for name, job in list(self._jobs.items()):
            if job.due <= self._clock():
                job.due = self._clock() + job.seconds
                try:
                    job.run()
                except Exception:  # as the real one: counted, logged, and the next job runs
                    self.failures += 1
                    log.exception("job failed", extra={"job": name})
