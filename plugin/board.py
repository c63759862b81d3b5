"""The notice board: the latest row of every series, published by the score job, read by the web and
the metrics.

Beside it hang the band ahead, published by the forecast job, and the incidents that are open.

A reader takes an immutable snapshot; publishing replaces a reference. No reader ever waits for a
writer; writers (the jobs of many watches at the same instant) take turns.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from plugin.config import Watch
from plugin.domain.budget import NoiseReport
from plugin.domain.incidents import Incident
from plugin.series import BoolArray, FloatArray, IntArray, SeriesRecord

MISSED_REFITS = 3
# A watch is late when it has not been scored for the longer one of these.
LATE_SECONDS = 300
LATE_INTERVALS = 3


class WatchHealth(StrEnum):
    """How the last run of a watch went."""

    OK = "ok"
    STARTING = "starting"  # what the store held when the service started; no run has ended since
    FAILING = "failing"  # the last run failed: everything is as it was before
    PAUSED = "paused"  # the configuration says that the watch is not to be scored


@dataclass(frozen=True)
class LevelShift:
    """A series lies at another level than its model expects."""

    since: int  # unix seconds of its first sample there
    due: int  # unix seconds at which the level is accepted as normal if it stays


@dataclass(frozen=True)
class Snapshot:
    """The latest sample of every series of one watch; row i of each array belongs to
    `series[i]`."""

    settings: Watch
    time: int  # unix seconds up to which the watch has been scored
    series: tuple[SeriesRecord, ...]
    times: IntArray  # [S] unix seconds of the latest sample; 0 = none yet
    value: FloatArray  # [S]
    expected: FloatArray  # [S]
    lower: FloatArray  # [S]
    upper: FloatArray  # [S]
    score: FloatArray  # [S] NaN = not scored
    # [S] what alert rules read: above 1 exactly while an alarm is open; NaN = leave the row out
    alert_score: FloatArray
    missing: BoolArray  # [S] its samples had stopped at the last run
    muted: BoolArray  # [S] inside a maintenance window
    learning: BoolArray  # [S] in its first day: alert rules do not see it
    model_version: IntArray  # [S]
    model_time: IntArray  # [S] unix seconds at which its model was fitted; 0 = none yet
    # [S] unix seconds at which it was fitted, or the gate last preferred it to a new one
    model_checked: IntArray
    # [S] its samples lie much farther from what its model expects than they should
    drifted: BoolArray
    detector: tuple[str, ...]  # [S] "" = none yet
    outlook: WatchHealth = WatchHealth.OK
    reason: str = ""  # of a failure, or what else is wrong, in words
    # By series id; only those that lie at another level.
    shifts: Mapping[int, LevelShift] = field(default_factory=dict)

    @property
    def reported_missing(self) -> BoolArray:
        """[S] missing, neither in maintenance nor learning: alert rules are told of these."""
        reported: BoolArray = self.missing & ~self.muted & ~self.learning
        return reported

    @property
    def inside(self) -> BoolArray:
        """[S] inside the band at the latest sample, and samples come."""
        inside: BoolArray = (self.score <= 1) & ~self.missing
        return inside

    @property
    def watch(self) -> str:
        """The name of the watch."""
        return self.settings.name

    @property
    def step(self) -> int:
        """Seconds."""
        return self.settings.step

    @property
    def labels(self) -> Mapping[str, str]:
        """The watch's own labels, among them `severity`."""
        return self.settings.own_labels

    def stale_models(self, now: float) -> BoolArray:
        """[S] True where the last refit is older than `MISSED_REFITS` intervals."""
        age = now - self.model_checked
        stale: BoolArray = self.renewed & (age > MISSED_REFITS * self.settings.fit_every)
        return stale

    @property
    def renewed(self) -> BoolArray:
        """[S] True where there is a model that refits renew: a series that is missing, or whose
        watch is paused, is not fitted."""
        renewed: BoolArray = (
            (self.model_time > 0) & ~self.missing & (self.outlook is not WatchHealth.PAUSED)
        )
        return renewed

    def unhealthy(self, now: float) -> bool:
        """Whether the last run failed, or the next one is late."""
        if self.outlook is WatchHealth.PAUSED:
            return False
        return (
            self.outlook is WatchHealth.FAILING
            or now - self.settings.offset - self.time > late_after(self.settings)
        )


def late_after(watch: Watch) -> int:
    """Seconds without a score after which a watch is late."""
    return max(LATE_SECONDS, LATE_INTERVALS * watch.score_interval)


@dataclass(frozen=True)
class Forecast:
    """The band ahead of what a watch had seen at `made_at`; row i of each array belongs to the
    series `ids[i]`.

    Bounds are kept as distances from `origin`: float32 alone cannot tell the values of a large byte
    counter apart.
    """

    watch: str
    made_at: int  # unix seconds of the last step that it knows of
    step: int  # seconds
    ids: IntArray  # [S] ascending
    origin: FloatArray  # [S] units of the series
    expected: NDArray[np.float32]  # [S, H] less the origin; NaN = nothing can be said
    lower: NDArray[np.float32]  # [S, H] -inf = no bound on that side
    upper: NDArray[np.float32]  # [S, H]

    @property
    def times(self) -> IntArray:
        """[H] unix seconds: the steps after `made_at`."""
        return self.made_at + self.step * np.arange(1, self.expected.shape[1] + 1, dtype=np.int64)

    def band(self, series: int) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Expected, lower and upper [H] of one series; None for one that had no model."""
        row = int(np.searchsorted(self.ids, series))
        if row == len(self.ids) or self.ids[row] != series:
            return None
        expected, lower, upper = (
            self.origin[row] + bound[row].astype(np.float64)
            for bound in (self.expected, self.lower, self.upper)
        )
        return expected, lower, upper


@dataclass(frozen=True)
class BoardMoment:
    """What was on a board at one moment."""

    now: float  # unix seconds
    heartbeat: float  # unix seconds at which the scheduler was last at work
    snapshots: Mapping[str, Snapshot]
    incidents: Mapping[str, tuple[Incident, ...]]  # by the name of their group


class Board:
    """Snapshots and forecasts by watch; open incidents by the name of their group."""

    def __init__(self) -> None:
        self._snapshots: Mapping[str, Snapshot] = MappingProxyType({})
        self._forecasts: Mapping[str, Forecast] = MappingProxyType({})
        self._noise: NoiseReport | None = None
        self._incidents: Mapping[str, tuple[Incident, ...]] = MappingProxyType({})
        self._incidents_lock = threading.Lock()  # held while incidents are read and published
        self._lock = threading.Lock()  # held while a reference is replaced

    def publish(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._snapshots = MappingProxyType({**self._snapshots, snapshot.watch: snapshot})

    def publish_forecast(self, forecast: Forecast) -> None:
        with self._lock:
            self._forecasts = MappingProxyType({**self._forecasts, forecast.watch: forecast})

    def publish_incidents(self, group: str, read: Callable[[str], tuple[Incident, ...]]) -> None:
        """read: the open incidents of a group, as stored.

        The watches of a group take turns in reading and publishing: else an older reading could
        replace a newer one.
        """
        with self._incidents_lock:
            incidents = read(group)
            with self._lock:
                self._incidents = MappingProxyType({**self._incidents, group: incidents})

    def remove_forecast(self, watch: str) -> None:
        with self._lock:
            self._forecasts = MappingProxyType(
                {name: forecast for name, forecast in self._forecasts.items() if name != watch}
            )

    def publish_noise(self, noise: NoiseReport) -> None:
        self._noise = noise

    def retain(self, watches: Iterable[str]) -> None:
        """Removes all watches but these."""
        names = set(watches)
        with self._lock:
            self._snapshots = MappingProxyType(
                {name: snapshot for name, snapshot in self._snapshots.items() if name in names}
            )
            self._forecasts = MappingProxyType(
                {name: forecast for name, forecast in self._forecasts.items() if name in names}
            )

    def snapshots(self) -> Mapping[str, Snapshot]:
        return self._snapshots

    def forecasts(self) -> Mapping[str, Forecast]:
        return self._forecasts

    def noise(self) -> NoiseReport | None:
        """None until the noise job has run once."""
        return self._noise

    def incidents(self) -> Mapping[str, tuple[Incident, ...]]:
        """Also of groups that a reload has removed: the configuration says which there are."""
        return self._incidents
