"""A stand-in for Prometheus, for machines that have none: the part of its HTTP API that the service
asks, over the demo's own world. It scrapes at every multiple of the step, keeps nothing, and works
each answer out anew.
"""

import json
import math
import time
from collections.abc import Callable, Iterable

import numpy as np

from plugin.commands.demo import promql
from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.randomness import FloatArray, IntArray
from plugin.commands.demo.world import HISTORY, World, series_labels
from plugin.series import Labels

# seconds that a sample of the loaded history holds; live, a vanished series is absent at once
LOOKBACK = 300
MAX_POINTS = 11_000
VERSION = "2.42.0-standin"


class Refused(ValueError):
    """A request that Prometheus would answer with 400."""


class StandIn:
    """Answers range and instant queries about a world."""

    def __init__(
        self,
        world: World,
        step: int,
        *,
        history: int = HISTORY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._world = world
        self._step = step
        self._clock = clock
        self._begin = world.now - history

    def answer(self, path: str, parameters: Parameters) -> HttpReply:
        """One request of the HTTP API."""
        try:
            if path == "/api/v1/query_range":
                return success({"resultType": "matrix", "result": self._range(parameters)})
            if path == "/api/v1/query":
                return success({"resultType": "vector", "result": self._instant(parameters)})
        except (Refused, promql.NotUnderstood) as error:
            return failure(400, "bad_data", str(error))
        if path == "/api/v1/status/buildinfo":
            return success(
                {
                    "version": VERSION,
                    "revision": "",
                    "branch": "",
                    "buildUser": "",
                    "buildDate": "",
                    "goVersion": "",
                }
            )
        if path in ("/", "/-/healthy", "/-/ready"):
            return HttpReply(
                "Bandwatch's stand-in for Prometheus is ready: it has an HTTP API and no pages.\n"
            )
        return failure(404, "not_found", f"the stand-in has no {path}")

    def query(self, text: str, at: IntArray) -> dict[Labels, FloatArray]:
        """The series of an expression at each time of `at` [N] (ascending); NaN = absent."""
        expression = promql.parse(text)
        read = self._rate if expression.window else self._value
        rows: dict[Labels, FloatArray] = {}
        for source in self._world.sources:
            labels = series_labels(source)
            if all(matcher.matches(labels) for matcher in expression.matchers):
                window = max(expression.window, LOOKBACK)
                times = self._scrapes(int(at[0]) - window, int(at[-1]))
                values = self._world.values(source, times) if len(times) else np.empty(0)
                rows[labels] = read(times, values, at, expression.window)
        if expression.window:
            rows = {promql.without_name(labels): values for labels, values in rows.items()}
        return rows if expression.by is None else promql.sum_by(expression.by, rows)

    def _scrapes(self, start: int, end: int) -> IntArray:
        """The times of the scrapes between start and end, both included: none before the history
        nor after now."""
        start = max(start, self._begin)
        end = min(end, int(self._clock()))
        return np.arange(-(-start // self._step) * self._step, end + 1, self._step, dtype=np.int64)

    def _rate(self, times: IntArray, values: FloatArray, at: IntArray, window: int) -> FloatArray:
        there = ~np.isnan(values)
        return promql.rate(times[there], values[there], at, window)

    def _value(self, times: IntArray, values: FloatArray, at: IntArray, _: int) -> FloatArray:
        """[N] the latest sample, if it is young enough and no later scrape has missed the
        series."""
        stale = np.isnan(values) & (times >= self._world.now)
        kept = ~np.isnan(values) | stale
        times = times[kept]
        values = values[kept]
        if not len(times):
            return np.full(len(at), np.nan)
        last = np.searchsorted(times, at, "right") - 1
        young = (last >= 0) & (at - times[last] <= LOOKBACK)
        return np.where(young, values[last], np.nan)

    def _range(self, parameters: Parameters) -> list[object]:
        start, end = (moment(parameters, name) for name in ("start", "end"))
        step = seconds(parameters.get("step", ""))
        if end < start:
            raise Refused('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / step > MAX_POINTS:
            raise Refused(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        at = np.arange(start, end + 1, step, dtype=np.int64)
        rows = self.query(parameters.get("query", ""), at)
        return [
            {"metric": dict(labels), "values": [[t, text(v)] for t, v in present(at, values)]}
            for labels, values in rows.items()
            if not np.isnan(values).all()
        ]

    def _instant(self, parameters: Parameters) -> list[object]:
        at = np.array(
            [moment(parameters, "time") if "time" in parameters else int(self._clock())], np.int64
        )
        rows = self.query(parameters.get("query", ""), at)
        return [
            {"metric": dict(labels), "value": [int(at[0]), text(float(values[0]))]}
            for labels, values in rows.items()
            if not np.isnan(values[0])
        ]


def serve_standin(world: World, step: int, history: int = HISTORY) -> HttpServer:
    """Serves the stand-in on a free loopback port."""
    return HttpServer(StandIn(world, step, history=history).answer)


def present(at: IntArray, values: FloatArray) -> Iterable[tuple[int, float]]:
    there = ~np.isnan(values)
    return zip(at[there].tolist(), values[there].tolist(), strict=True)


def text(value: float) -> str:
    """A number as Prometheus writes it: 4, not 4.0."""
    return repr(value).removesuffix(".0")


def moment(parameters: Parameters, name: str) -> int:
    """A parameter in unix seconds; the stand-in knows whole seconds only."""
    try:
        return math.floor(float(parameters[name]))
    except (KeyError, ValueError):
        raise Refused(
            f'invalid parameter "{name}": cannot parse {parameters.get(name)!r} to a valid'
            " timestamp"
        ) from None


def seconds(duration: str) -> int:
    """A step such as `15`, `15.0` or `1m`."""
    number, unit = (
        (duration[:-1], duration[-1]) if duration[-1:] in promql.DURATION else (duration, "s")
    )
    try:
        value = int(float(number) * promql.DURATION[unit])
    except ValueError:
        value = 0
    if value <= 0:
        raise Refused(f'invalid parameter "step": cannot parse {duration!r} to a valid duration')
    return value


def success(data: object) -> HttpReply:
    return HttpReply(json.dumps({"status": "success", "data": data}), "application/json")


def failure(status: int, kind: str, message: str) -> HttpReply:
    return HttpReply(
        json.dumps({"status": "error", "errorType": kind, "error": message}),
        "application/json",
        status,
    )
