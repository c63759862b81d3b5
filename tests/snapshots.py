"""Snapshots for tests: what is not said is all well."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from plugin.board import Snapshot
from plugin.config import Watch
from plugin.series import SeriesRecord


def snapshot(
    watch: Watch | str, series: Sequence[SeriesRecord], time: int, **columns: Any
) -> Snapshot:
    """Each series has just been scored: value 1 in a band from 0 to 2, by a model that is as
    old."""
    n = len(series)
    known: dict[str, Any] = {
        "times": np.full(n, time),
        "value": np.ones(n),
        "expected": np.ones(n),
        "lower": np.zeros(n),
        "upper": np.full(n, 2.0),
        "score": np.zeros(n),
        "alert_score": np.zeros(n),
        "missing": np.zeros(n, bool),
        "muted": np.zeros(n, bool),
        "learning": np.zeros(n, bool),
        "model_version": np.ones(n, np.int64),
        "model_time": np.full(n, time),
        "drifted": np.zeros(n, bool),
        "detector": ("lstm",) * n,
    }
    settings = watch if isinstance(watch, Watch) else Watch(name=watch, query="up")
    known["model_checked"] = columns.get("model_time", known["model_time"])  # as it was fitted
    return Snapshot(settings=settings, time=time, series=tuple(series), **{**known, **columns})
