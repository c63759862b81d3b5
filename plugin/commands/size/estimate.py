"""From a load and the costs of one series to processor, memory, disk, and what will not keep up."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from plugin.commands.check.quantities import rounded_duration
from plugin.commands.size.unit_costs import (
    ANSWER_BYTES,
    BASELINE_WORKER_BYTES,
    BLOCK_BYTES,
    FOLD_SECONDS,
    FORECAST_BYTES,
    HEAD_BYTES,
    SERIES_BYTES,
    SERVICE_BYTES,
    WORKER_BYTES,
    UnitCosts,
)
from plugin.config import StoreSettings, Watch, WorkerSettings
from plugin.domain.times import DAY, HOUR
from plugin.prometheus.range_walk import MAX_SAMPLES
from plugin.prometheus.transport import MAX_BYTES

MAX_SERIES = 100_000  # of one watch
HEAD_SECONDS = 8 * HOUR  # after which every sample is in a block
ROOM_SHARE = 0.5  # of a step: a slower tick leaves no room to catch up after an outage


@dataclass(frozen=True)
class Load:
    """What is to be watched, and by how many cores and how much memory; the other settings are
    those of a watch by default."""

    series: int
    step: int  # seconds
    retention: int  # seconds
    detector: str
    cores: int
    memory_bytes: float

    @property
    def watch(self) -> Watch:
        return Watch(name="size", query="up", step=self.step, detector=self.detector)


@dataclass(frozen=True)
class Estimate:
    """What a load costs. Seconds are processor seconds, bytes are bytes."""

    load: Load
    costs: UnitCosts
    workers: WorkerSettings = WorkerSettings()
    store: StoreSettings = StoreSettings()

    @property
    def tick_seconds(self) -> float:
        return self.costs.seconds_per_tick(self.load.series)

    @property
    def refit_seconds(self) -> float:
        """Of all series once, which is once in `fit_every`."""
        return self.load.series * self.costs.refit_seconds

    @property
    def fold_seconds(self) -> float:
        """Of a day."""
        return self.samples_per_day * FOLD_SECONDS

    @property
    def busy_cores(self) -> float:
        """On average."""
        watch = self.watch
        return (
            self.tick_seconds / self.load.step
            + self.refit_seconds / watch.fit_every
            + self.fold_seconds / DAY
        )

    @property
    def service_bytes(self) -> float:
        steps_ahead = self.watch.steps_ahead
        series_bytes = SERIES_BYTES + self.costs.scoring_bytes + FORECAST_BYTES * steps_ahead
        return SERVICE_BYTES + self.load.series * series_bytes

    @property
    def worker_bytes(self) -> float:
        """While fits run; some minutes later there is no worker."""
        light = self.load.detector == "baseline"
        window = 8 * self.window_samples * self.workers.stack  # one array of a stack
        return self.workers.fits * ((BASELINE_WORKER_BYTES if light else WORKER_BYTES) + 6 * window)

    @property
    def samples_per_day(self) -> float:
        return self.load.series * DAY / self.load.step

    @property
    def bytes_per_day(self) -> float:
        return self.samples_per_day * BLOCK_BYTES

    @property
    def head_bytes(self) -> float:
        """Of samples that are too young for a block."""
        return self.load.series * HEAD_SECONDS / self.load.step * HEAD_BYTES

    @property
    def models_bytes(self) -> float:
        return self.load.series * self.store.versions * self.costs.model_bytes

    @property
    def disk_bytes(self) -> float:
        """At the end of the retention."""
        days = self.load.retention / DAY
        return days * self.bytes_per_day + self.head_bytes + self.models_bytes

    @property
    def window_samples(self) -> int:
        """Of one series: what a fit sees."""
        return self.watch.fit_seconds // self.load.step

    @property
    def history_samples(self) -> int:
        """Asked of Prometheus once."""
        return self.load.series * self.window_samples

    @property
    def history_requests(self) -> int:
        return max(1, -(-self.history_samples // MAX_SAMPLES))

    @property
    def history_seconds(self) -> float:
        """Without the time that Prometheus takes."""
        return self.history_samples * self.costs.history_seconds

    @property
    def first_fit_seconds(self) -> float:
        """Until the last series has its first model, on the workers there are."""
        return self.load.series * self.costs.fit_seconds / self.workers.fits

    @cached_property
    def watch(self) -> Watch:
        return self.load.watch

    def shortfalls(self) -> Iterator[str]:
        """What will not keep up, why, and what to do."""
        load = self.load
        step = rounded_duration(load.step)
        if self.tick_seconds > load.step:
            yield (
                f"ticks: each takes {self.tick_seconds:.0f} s of a core and is due every {step}:"
                " use a larger `step`, or watch fewer series"
            )
        elif self.tick_seconds > ROOM_SHARE * load.step:
            yield (
                f"ticks: each takes {self.tick_seconds / load.step:.0%} of its step of {step}:"
                " after an outage it catches up slowly; use a larger `step`"
            )
        yield from self._late_fits()
        if load.series > MAX_SERIES:
            yield f"one watch has at most {MAX_SERIES:,} series: split the query"
        if load.series * ANSWER_BYTES > MAX_BYTES:
            yield f"an answer of Prometheus exceeds {MAX_BYTES >> 20} MiB: split the query"
        if self.busy_cores > load.cores:
            yield f"processor: {self.busy_cores:.1f} cores are needed, {load.cores} are there"
        needed = self.service_bytes + self.worker_bytes
        if needed > load.memory_bytes:
            yield (
                f"memory: {needed / 1e9:.1f} GB are needed, {load.memory_bytes / 1e9:.1f} GB are"
                " there"
            )

    def _late_fits(self) -> Iterator[str]:
        every = self.watch.fit_every
        if self.refit_seconds / self.workers.fits > every:
            yield (
                f"refits: all take {rounded_duration(self.refit_seconds)} of a core and are due"
                f" every {rounded_duration(every)}: raise `workers.fits` or `fit_every`"
            )
        if self.first_fit_seconds > every:
            yield (
                f"first fits: the last series has its model after"
                f" {rounded_duration(self.first_fit_seconds)}, the baseline serves until then:"
                " raise `workers.fits`"
            )
