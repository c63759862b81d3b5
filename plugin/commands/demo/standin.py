"""A stand-in for Prometheus, for machines that have none.

It has the part of the HTTP API that the service asks, over the demo's own world. Its scrapes are at
every multiple of the step. It stores nothing and computes each answer anew.
"""

import json
import math
import time
from collections.abc import Callable, Iterable

import numpy as np

from plugin.commands.demo import promql
from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.world import HISTORY, World, series_labels
from plugin.selectors import select
from plugin.series import FloatArray, IntArray, Labels

# That a sample of the loaded history holds; live, a vanished series is absent at once.
LOOKBACK_SECONDS = 300
MAX_POINTS = 11_000
VERSION = "2.42.0-standin"


class Refused(ValueError):
    """Prometheus would answer this request with 400."""


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
        self._start = world.now - history

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

    def query(self, text: str, instants: IntArray) -> dict[Labels, FloatArray]:
        """The series of an expression at each time of `instants` [N] (ascending); NaN = absent."""
        expression = promql.parse(text)
        read = self._rate if expression.window else self._value
        rows: dict[Labels, FloatArray] = {}
        for source in self._world.sources:
            labels = series_labels(source)
            if select(expression.matchers, labels):
                window = max(expression.window, LOOKBACK_SECONDS)
                times = self._scrapes(int(instants[0]) - window, int(instants[-1]))
                values = self._world.values(source, times) if len(times) else np.empty(0)
                if expression.newest:
                    values = np.where(np.isnan(values), np.nan, times)
                rows[labels] = read(times, values, instants, expression.window)
        if expression.newest:
            return promql.newest(rows.values())
        if expression.window:
            rows = {promql.without_name(labels): values for labels, values in rows.items()}
        return rows if expression.by is None else promql.sum_by(expression.by, rows)

    def _scrapes(self, start: int, end: int) -> IntArray:
        """The times of the scrapes between start and end, both included: none before the history
        nor after now."""
        start = max(start, self._start)
        end = min(end, int(self._clock()))
        return np.arange(-(-start // self._step) * self._step, end + 1, self._step, dtype=np.int64)

    def _rate(
        self, times: IntArray, values: FloatArray, instants: IntArray, window: int
    ) -> FloatArray:
        is_sample = ~np.isnan(values)
        return promql.rate(times[is_sample], values[is_sample], instants, window)

    def _value(self, times: IntArray, values: FloatArray, instants: IntArray, _: int) -> FloatArray:
        """[N] the latest sample, if it is young enough and no later scrape has missed the
        series."""
        stale = np.isnan(values) & (times >= self._world.now)
        counts = ~np.isnan(values) | stale
        times = times[counts]
        values = values[counts]
        if not len(times):
            return np.full(len(instants), np.nan)
        last = np.searchsorted(times, instants, "right") - 1
        young = (last >= 0) & (instants - times[last] <= LOOKBACK_SECONDS)
        return np.where(young, values[last], np.nan)

    def _range(self, parameters: Parameters) -> list[object]:
        start, end = (moment(parameters, name) for name in ("start", "end"))
        step = step_seconds(parameters.get("step", ""))
        if end < start:
            raise Refused('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / step > MAX_POINTS:
            raise Refused(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        instants = np.arange(start, end + 1, step, dtype=np.int64)
        rows = self.query(parameters.get("query", ""), instants)
        return [
            {
                "metric": dict(labels),
                "values": [
                    [seconds, number_text(value)] for seconds, value in present(instants, values)
                ],
            }
            for labels, values in rows.items()
            if not np.isnan(values).all()
        ]

    def _instant(self, parameters: Parameters) -> list[object]:
        instants = np.array(
            [moment(parameters, "time") if "time" in parameters else int(self._clock())], np.int64
        )
        rows = self.query(parameters.get("query", ""), instants)
        return [
            {"metric": dict(labels), "value": [int(instants[0]), number_text(float(values[0]))]}
            for labels, values in rows.items()
            if not np.isnan(values[0])
        ]


def serve_standin(world: World, step: int, history: int = HISTORY) -> HttpServer:
    """Serves the stand-in on a free loopback port."""
    return HttpServer(StandIn(world, step, history=history).answer)


def present(instants: IntArray, values: FloatArray) -> Iterable[tuple[int, float]]:
    is_sample = ~np.isnan(values)
    return zip(instants[is_sample].tolist(), values[is_sample].tolist(), strict=True)


def number_text(value: float) -> str:
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


def step_seconds(duration: str) -> int:
    """A step such as `15`, `15.0` or `1m`."""
    number, unit = (
        (duration[:-1], duration[-1]) if duration[-1:] in promql.UNIT_SECONDS else (duration, "s")
    )
    try:
        value = int(float(number) * promql.UNIT_SECONDS[unit])
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
