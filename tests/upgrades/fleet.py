"""What the recorded stores hold: two watches over a few series, with one incident that is over and
one that is not."""

from collections.abc import Callable

import numpy as np

from plugin.series import FloatArray, IntArray
from tests.computed_source import ComputedSeries, ComputedSource, daily

STEP = 300
DAY = 86_400
END = 1_760_000_100  # unix seconds at which each store was recorded
FIRST_END = END - 12 * STEP  # when the version that wrote it was started first
OVER = (END - 9 * 3600, END - 8 * 3600)  # `shop` is three times too high
LASTING = (END - 4 * STEP, END + 3600)  # `cart` is three times too high
CONFIG = """\
prometheus:
  url: {url}
watches:
  - name: latency
    query: latency_ms
    step: 5m
    fit_window: 3d
    backfill: 1d
    detector: baseline
  - name: requests
    query: requests_per_second
    step: 5m
    fit_window: 3d
    backfill: 1d
    detector: {detector}
store:
  path: {folder}
"""


def source() -> ComputedSource:
    latency = ("shop", "cart", "search", "mail")
    requests = ("shop", "cart")
    return ComputedSource(
        {
            "latency_ms": tuple(_series("latency_ms", *one) for one in enumerate(latency)),
            "requests_per_second": tuple(
                _series("requests_per_second", *one) for one in enumerate(requests, start=4)
            ),
        }
    )


def _series(name: str, number: int, service: str) -> ComputedSeries:
    return ComputedSeries({"__name__": name, "service": service}, _values(number))


def _values(number: int) -> Callable[[IntArray], FloatArray]:
    incident = {0: OVER, 1: LASTING}.get(number, (0, -1))

    def values_at(times: IntArray) -> FloatArray:
        affected = (times >= incident[0]) & (times <= incident[1])
        there = times >= END - 4 * DAY
        return np.where(there, daily(number, times) * np.where(affected, 3.0, 1.0), np.nan)

    return values_at
