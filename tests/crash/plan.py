"""What the killed service watches: series whose value at each time is known, and its settings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from plugin.config import Config, Watch
from plugin.series import FloatArray, IntArray
from tests.computed_source import ComputedSeries, ComputedSource, daily
from tests.e2e import world

BEGIN = 1_760_000_040  # unix seconds of the first tick
STEP = 60
HISTORY = 86_400  # seconds
NAME = "latency"
QUERY = "latency_ms"
SERVICES = ("shop", "cart", "search", "quiet")
TROUBLED = {"shop": 0, "cart": 1}  # too slow for ten minutes of each hour, in turn


def values_at(service: str, times: IntArray) -> FloatArray:
    """[N] what the source says of a service, at unix seconds [N]."""
    value = daily(SERVICES.index(service), times)
    if service in TROUBLED:
        minute = (times - BEGIN) // 60
        troubled = (minute % 60 < 10) & (minute // 60 % 2 == TROUBLED[service])
        value = np.where(troubled & (minute >= 0), 3.0 * value, value)
    return np.where(times > BEGIN - HISTORY, value, np.nan)


def source() -> ComputedSource:
    return ComputedSource({QUERY: tuple(_series(service) for service in SERVICES)})


def _series(service: str) -> ComputedSeries:
    there: Callable[[IntArray], FloatArray] = lambda times: values_at(service, times)  # noqa: E731
    return ComputedSeries({"__name__": QUERY, "service": service}, there)


def settings(folder: Path, url: str) -> Config:
    watch = Watch(
        name=NAME,
        query=QUERY,
        step=STEP,
        detector="lstm",
        detector_options={"steps": 4},
        backfill=HISTORY,
        fit_window=HISTORY,
        fit_every=180,
        learn_for=0,
    )
    return world.config(folder, url, watch)
