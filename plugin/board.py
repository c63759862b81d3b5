"""The notice board: the latest row of every series, published by the score job, read by the web and the metrics.

A reader takes an immutable snapshot; publishing replaces a reference. No reader ever waits for a writer; writers
(the score jobs of many watches at the same instant) take turns.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from plugin.series import FloatArray, IntArray, SeriesRecord


@dataclass(frozen=True)
class Snapshot:
    """The latest sample of every series of one watch; row i of each array belongs to `series[i]`."""

    watch: str
    time: int  # unix seconds up to which the watch has been scored
    labels: Mapping[str, str]  # the watch's own labels, e.g. severity
    step: int  # seconds
    series: tuple[SeriesRecord, ...]
    times: IntArray  # [S] unix seconds of the latest sample; 0 = none yet
    value: FloatArray  # [S]
    expected: FloatArray  # [S]
    lower: FloatArray  # [S]
    upper: FloatArray  # [S]
    score: FloatArray  # [S] NaN = not scored
    alert_score: FloatArray  # [S] what alert rules read: persistence and missing data applied; NaN = leave the row out
    model_version: IntArray  # [S]
    detector: tuple[str, ...]  # [S] "" = none yet


class Board:
    """Snapshots by watch."""

    def __init__(self) -> None:
        self._snapshots: Mapping[str, Snapshot] = MappingProxyType({})
        self._lock = threading.Lock()  # among those who publish

    def publish(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._snapshots = MappingProxyType({**self._snapshots, snapshot.watch: snapshot})

    def keep(self, watches: Iterable[str]) -> None:
        """Takes down the watches that a reload has removed."""
        kept = set(watches)
        with self._lock:
            self._snapshots = MappingProxyType({name: s for name, s in self._snapshots.items() if name in kept})

    def snapshots(self) -> Mapping[str, Snapshot]:
        return self._snapshots
