"""A service that scores, in a process of its own, for bench_worker.py: each line of standard input
names a piece of work, and is answered by the seconds that it took, and by those of the processor.

The models are those of `baseline`, which cost least: so all else counts most. A worker does what
the scheduler has it do in a minute: one tick of each watch, one publication of what is new, and
then looks at leases and at the board at which there is nothing to do.
"""

import sys
import time
from pathlib import Path

from plugin.components import Components
from plugin.config import Config, PrometheusSettings, StoreSettings, Watch, WorkerSettings
from plugin.jobs.fit_job import FitJob
from plugin.roles.worker_service import ASSIGN_SECONDS, PUBLISH_SECONDS, WorkerService
from tests.benchmarks import bench_tick
from tests.benchmarks.bench_tick import STEP

WATCHES = 4
WATCH_SERIES = 2_500
FITTED = 2  # series of each watch that are really fitted; the others have their models, too
HISTORY = 45  # samples of each series before the first tick
SHARD = "bench_gauge{{shard='{}'}}"
SINGLE, WORKER = "single", "worker"


class SingleWork:
    """What `bandwatch run` does."""

    def __init__(self, settings: Config, first: int) -> None:
        self._now = float(first)
        self._settings = settings
        self._parts = self._made()

    def _made(self) -> Components:
        return Components(self._settings, clock=lambda: self._now)

    def tick(self) -> None:
        """A minute later, all watches."""
        for name, jobs in self._parts.watches.items():
            scored = self._parts.metrics.samples_scored.labels(name)._value
            before = scored.get()
            assert jobs.score.run()
            assert scored.get() - before == WATCH_SERIES, "a tick that leaves series out"

    def rest(self) -> None:
        """What else happens in a minute: nothing."""

    def perform(self, work: str) -> None:
        self.tick() if work == "tick" else self.rest()

    def advance(self) -> None:
        self._now += STEP

    def prepare(self) -> None:
        """The first tick, after which all series have models."""
        for jobs in self._parts.watches.values():
            assert jobs.score.run()


class WorkerWork(SingleWork):
    """What `bandwatch worker` does."""

    def _made(self) -> Components:
        self._service = WorkerService(self._settings, clock=lambda: self._now)
        self._look()
        self._service._assign()
        assert len(self._service._parts.watches) == WATCHES
        return self._service._parts

    def tick(self) -> None:
        super().tick()
        self._service._publisher.run()

    def rest(self) -> None:
        for _ in range(int(STEP / self._service.leases.seconds)):
            self._look()
        for _ in range(STEP // ASSIGN_SECONDS):
            self._service._assign()
        for _ in range(STEP // PUBLISH_SECONDS):
            self._service._publisher.run()

    def _look(self) -> None:
        self._service._scheduler.last_beat = self._now
        self._service._keep_leases()
        assert not self._service._failing


def settings_of(url: str, folder: str, server: list[str]) -> Config:
    """server: URL and password of PostgreSQL; empty = SQLite."""
    store = StoreSettings(path=folder)
    if server:
        store = StoreSettings(path=folder, url=server[0], password=server[1])
    return Config(
        prometheus=PrometheusSettings(url=url),
        watches=tuple(
            Watch(
                name=f"shard{number}",
                query=SHARD.format(number),
                step=STEP,
                max_series=WATCH_SERIES,
                backfill=STEP * 3,
                learn_for=0,
                detector="baseline",
            )
            for number in range(WATCHES)
        ),
        store=store,
        workers=WorkerSettings(fits=1),
    )


def adopt(job: FitJob, oldest: int, now: int) -> int:
    return bench_tick.adopt_fitted(job._context, oldest)


def main() -> None:
    """Arguments: `single` or `worker`, the source, unix seconds of the first tick, a folder, and
    for PostgreSQL the URL and the password."""
    role, url, first, folder, *server = sys.argv[1:]
    bench_tick.FITTED = FITTED
    FitJob.first_fit = adopt  # type: ignore[method-assign]
    Path(folder).mkdir(exist_ok=True)
    kind = WorkerWork if role == WORKER else SingleWork
    made = kind(settings_of(url, folder, server), int(first))
    made.prepare()
    print("ready", flush=True)
    for line in sys.stdin:
        work = line.strip()
        if work == "tick":
            made.advance()
        began = time.perf_counter()
        busy = time.process_time()
        made.perform(work)
        print(time.perf_counter() - began, time.process_time() - busy, flush=True)


if __name__ == "__main__":
    main()
