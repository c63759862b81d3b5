"""A Prometheus whose samples are a function of their time: any range at any speed, no disk.

It has the part of the HTTP API that the service asks. A query is known by its text alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.standin import (
    Refused,
    failure,
    moment,
    number_text,
    present,
    step_seconds,
    success,
)
from plugin.domain.times import DAY
from plugin.series import FloatArray, IntArray

ValuesAt = Callable[[IntArray], FloatArray]  # unix seconds [N] to values [N]; NaN = no sample
MAX_POINTS = 11_000


class Down(Exception):
    """Prometheus would answer this request with 503."""


@dataclass(frozen=True)
class ComputedSeries:
    """One series: its labels, and its value at each time."""

    labels: Mapping[str, str]
    values_at: ValuesAt


class ComputedSource:
    """Answers the queries that it was given; any other query has no series."""

    def __init__(
        self,
        series_by_query: Mapping[str, tuple[ComputedSeries, ...]],
        is_down: Callable[[int], bool] = lambda time: False,
    ) -> None:
        """is_down: whether a query that ends at this time, in unix seconds, is refused."""
        self._series_by_query = series_by_query
        self._is_down = is_down

    def serve(self) -> HttpServer:
        """On a free loopback port, until closed."""
        return HttpServer(self.answer)

    def answer(self, path: str, parameters: Parameters) -> HttpReply:
        """One request of the HTTP API."""
        try:
            if path == "/api/v1/query_range":
                return success({"resultType": "matrix", "result": self._range(parameters)})
            if path == "/api/v1/query":
                return success({"resultType": "vector", "result": self._instant(parameters)})
        except Refused as error:
            return failure(400, "bad_data", str(error))
        except Down as error:
            return failure(503, "unavailable", str(error))
        if path == "/api/v1/status/buildinfo":
            return success({"version": "2.53.0-computed"})
        return failure(404, "not_found", f"no {path} here")

    def _range(self, parameters: Parameters) -> list[object]:
        start = moment(parameters, "start")
        end = moment(parameters, "end")
        step = step_seconds(parameters.get("step", ""))
        if (end - start) / step > MAX_POINTS:
            raise Refused("exceeded maximum resolution of 11,000 points per timeseries")
        if self._is_down(end):
            raise Down("this is an outage")
        times = np.arange(start, end + 1, step, dtype=np.int64)
        return [
            {"metric": dict(one.labels), "values": samples}
            for one in self._series_by_query.get(parameters.get("query", ""), ())
            if (samples := _samples(times, one.values_at(times)))
        ]

    def _instant(self, parameters: Parameters) -> list[object]:
        times = np.array([moment(parameters, "time")], np.int64)
        return [
            {"metric": dict(one.labels), "value": samples[0]}
            for one in self._series_by_query.get(parameters.get("query", ""), ())
            if (samples := _samples(times, one.values_at(times)))
        ]


def noise(number: int, times: IntArray) -> FloatArray:
    """[N] about normal, and the same for the same series and time whoever asks."""
    total = np.zeros(len(times))
    for draw in range(4):
        lane = np.uint64((number * 4 + draw + 1) * (2**40 + 15))
        key: NDArray[np.uint64] = np.add(times, lane, dtype=np.uint64, casting="unsafe")
        total += _scattered(key) - 0.5
    return np.asarray(total * np.sqrt(3.0))


def daily(number: int, times: IntArray) -> FloatArray:
    """[N] a day's wave with noise of 4 %, to two digits: each series at a level and an hour of its
    own."""
    level = 100.0 + 10.0 * (number % 7)
    wave = 1 + 0.3 * np.sin(2 * np.pi * (times / DAY + number / 9))
    return np.round(level * wave * (1 + 0.04 * noise(number, times)), 2)


def _scattered(key: NDArray[np.uint64]) -> FloatArray:
    """[N] uniform in 0 to 1 (splitmix64)."""
    bits = key * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((bits ^ (bits >> np.uint64(31))) / 2.0**64)


def _samples(times: IntArray, values: FloatArray) -> list[list[object]]:
    return [[time, number_text(value)] for time, value in present(times, values)]
