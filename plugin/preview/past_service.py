"""A service that lives through the past: its jobs run as they would have run, by a clock that is
set.

The score job catches up from one fit to the next. It takes the last steps before a fit one by one,
so that it knows which series are missing then, as it would have known.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from plugin.components import Components, WatchJobs
from plugin.config import Config, StoreSettings, Watch
from plugin.config.durations import MAX_SECONDS
from plugin.domain.times import DAY
from plugin.domain.windows import Window
from plugin.errors import BandwatchError
from plugin.jobs.executors import Executor
from plugin.jobs.latest_samples import MISSING_AFTER_STEPS
from plugin.prometheus import PrometheusReader
from plugin.store import Store

# The fit job looks so often, for each `fit_every`, which series are due.
LOOKS_PER_FIT = 4
MAX_TRIES = 3  # a service would have tried again at its next tick
MAX_FIT_RUNS = 100  # at one look: each takes some stacks
KEPT_SAMPLES = 20_000_000  # of the windows that fits read again: 180 MB
FOLD_SAMPLES = 5_000_000  # between two runs of the housekeeping: 340 MB on disk
FOLD_ROWS = 1_000_000  # in one transaction: nobody waits

Share = Callable[[float], None]  # takes what is done, 0 to 1


@dataclass(frozen=True)
class PreviewTask:
    """What is to be lived through."""

    config: Config
    start: int  # unix seconds
    end: int  # unix seconds
    windows: tuple[Window, ...] = ()  # maintenance that the configuration does not name
    # Of the source: watch, first and last unix second without a true sample.
    holes: tuple[tuple[str, int, int], ...] = ()
    max_bands: int = 0  # series whose bands are wanted, those with the most alarms; -1 = all


@dataclass(frozen=True)
class FitLook:
    """A moment at which the fit job of a watch looks which series are due."""

    time: int  # unix seconds, on the grid of the watch
    watch: str


class PresetClock:
    """Unix seconds that stand still until they are set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class PastService:
    """The components of a configuration in a folder of their own."""

    def __init__(
        self,
        task: PreviewTask,
        folder: Path,
        *,
        workers: Executor | None = None,
        reader: PrometheusReader | None = None,
    ) -> None:
        """folder: is empty. Raises BandwatchError where the configuration cannot be used."""
        self._task = task
        self.clock = PresetClock(task.start)
        _store_past(folder, task)
        self.parts = Components(
            past_config(task.config, folder), clock=self.clock, workers=workers, reader=reader
        )
        self.parts.store.samples.keep_history(KEPT_SAMPLES)
        self._unfolded = 0  # samples

    def live(self, progress: Share = lambda share: None) -> None:
        """From the start to the end. Raises BandwatchError where a watch cannot be scored."""
        task = self._task
        for look in self._looks():
            jobs = self.parts.watches[look.watch]
            self._advance(jobs, look.time)
            self._fold(jobs.watch)
            if look.time < task.end:
                self._fit(jobs)
            progress((look.time - task.start) / max(1, task.end - task.start))
        progress(1.0)

    def close(self) -> None:
        self.parts.close()

    def _looks(self) -> Iterator[FitLook]:
        """Of all watches in order of time, and the end of each."""
        looks = [
            FitLook(time, jobs.watch.name)
            for jobs in self.parts.watches.values()
            if not jobs.watch.paused
            for time in look_times(jobs.watch, self._task.start, self._task.end)
        ]
        yield from sorted(looks, key=lambda look: look.time)

    def _advance(self, jobs: WatchJobs, time: int) -> None:
        """Scores a watch up to a grid time: the last steps one by one where a fit is due."""
        step = jobs.watch.step
        before = time - MISSING_AFTER_STEPS * step
        if before >= self._task.start:
            self._score(jobs, before)
        self.clock.now = float(time + jobs.watch.offset)
        steps = range(MISSING_AFTER_STEPS - 1, -1, -1) if jobs.fit.is_due else (0,)
        for moment in (time - number * step for number in steps):
            if moment >= self._task.start or moment == time:
                self._score(jobs, moment)

    def _score(self, jobs: WatchJobs, moment: int) -> None:
        self.clock.now = float(moment + jobs.watch.offset)
        if any(jobs.score.run() for _ in range(MAX_TRIES)):
            return
        name = jobs.watch.name
        reason = self.parts.board.snapshots()[name].reason
        raise BandwatchError(f"watch {name!r} could not be scored: {reason}")

    def _fit(self, jobs: WatchJobs) -> None:
        """As often as the fit job would have run until no series is due any more."""
        for _ in range(MAX_FIT_RUNS):
            if not jobs.fit.run():
                return

    def _fold(self, watch: Watch) -> None:
        """After each look of a watch: the housekeeping, once there is much to do, as it takes as
        long as to score. Raises StoreError."""
        series = len(self.parts.board.snapshots()[watch.name].series)
        self._unfolded += series * look_seconds(watch) // watch.step
        if self._unfolded < FOLD_SAMPLES:
            return
        self._unfolded = 0
        self.parts.store.fold(int(self.clock.now), limit=FOLD_ROWS, slice_seconds=DAY)


def look_times(watch: Watch, start: int, end: int) -> list[int]:
    """When the fit job of a watch looks which series are due, and the last grid time; unix seconds
    on the grid of the watch."""
    first = -(-start // watch.step) * watch.step
    last = end // watch.step * watch.step
    return [*range(first, last, look_seconds(watch)), last]


def look_seconds(watch: Watch) -> int:
    """From one look of the fit job to the next: whole steps."""
    return max(1, watch.fit_every // LOOKS_PER_FIT // watch.step) * watch.step


def past_config(config: Config, folder: Path) -> Config:
    """The configuration of a service that lives in a folder and tells nobody."""
    store = StoreSettings(
        path=str(folder), retention=MAX_SECONDS, gone_after=config.store.gone_after
    )
    return config.model_copy(
        update={
            "remote_write": None,
            "store": store,
            "maintenance": config.maintenance.model_copy(update={"alertmanagers": ()}),
            "watches": tuple(_without_holes(watch) for watch in config.watches),
        }
    )


def _without_holes(watch: Watch) -> Watch:
    """The watch with a backfill that reaches from one look to the next, and without a forecast."""
    backfill = max(watch.backfill, look_seconds(watch) + watch.step)
    return watch.model_copy(update={"backfill": backfill, "forecast": 0})


def _store_past(folder: Path, task: PreviewTask) -> None:
    """Puts what is known of the past where the components will find it."""
    store = Store.open(folder)
    try:
        store.maintenance.put(task.windows)
        for watch, first, last in task.holes:
            store.source_holes.add(watch, first, last)
    finally:
        store.close()
