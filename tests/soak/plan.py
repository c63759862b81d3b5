"""What is simulated: the series, their incidents and their outages, and the configuration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plugin.config import (
    Config,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WebSettings,
    WorkerSettings,
)
from plugin.domain.times import DAY, HOUR
from plugin.series import FloatArray, IntArray
from tests.computed_source import ComputedSeries, ComputedSource, daily

BEGIN = 1_759_968_000  # unix seconds of the first simulated day: a midnight
OUTAGE = (12 * HOUR, 12 * HOUR + 900)  # of each day, in which Prometheus refuses
INCIDENT = (16 * HOUR, 16 * HOUR + 2400)  # of each day, in which one series is three times too high
POD_SECONDS = 18 * HOUR  # that a pod lives
LATENCY = "latency_ms"
PODS = "pod_requests_per_second"


@dataclass(frozen=True)
class SoakPlan:
    """How much is simulated."""

    days: int = 30
    step: int = 600  # seconds
    services: int = 8  # series that stay
    pods: int = 6  # series that are replaced by others after 18 hours
    history: int = 5 * DAY  # seconds before the first simulated day, and the fit window
    retention: int = 7 * DAY  # seconds
    detector: str = "vae"  # of the services; the pods have the baseline
    stack: int = 16

    @property
    def end(self) -> int:
        return BEGIN + self.days * DAY

    def source(self) -> ComputedSource:
        """The series of both watches."""
        services = tuple(
            _series(LATENCY, f"service-{number}", self._service(number))
            for number in range(self.services)
        )
        first = -(self.history // POD_SECONDS)
        last = self.days * DAY // POD_SECONDS
        pods = tuple(
            _series(PODS, f"pod-{number}-{turn}", self._pod(number, turn))
            for number in range(self.pods)
            for turn in range(first, last + 1)
        )
        return ComputedSource({LATENCY: services, PODS: pods}, is_down)

    def config(self, url: str, folder: str, *, min_deviation: float) -> Config:
        """min_deviation: another one is a change of the configuration that a reload takes up."""
        watches = (
            self._watch(LATENCY, self.detector, min_deviation),
            self._watch(PODS, "baseline", min_deviation),
        )
        return Config(
            prometheus=PrometheusSettings(url=url, retries=0),
            watches=watches,
            store=StoreSettings(path=folder, retention=self.retention, gone_after=DAY),
            web=WebSettings(listen_address="127.0.0.1:0"),
            workers=WorkerSettings(fits=1, stack=self.stack),
        )

    def _watch(self, query: str, detector: str, min_deviation: float) -> Watch:
        return Watch(
            name=query,
            query=query,
            step=self.step,
            fit_window=self.history,
            detector=detector,
            min_deviation=min_deviation,
        )

    def _service(self, number: int) -> Callable[[IntArray], FloatArray]:
        def values_at(times: IntArray) -> FloatArray:
            second = times % DAY
            is_turn = times // DAY % self.services == number
            affected = is_turn & (second >= INCIDENT[0]) & (second < INCIDENT[1])
            there = times >= BEGIN - self.history
            return np.where(there, daily(number, times) * np.where(affected, 3.0, 1.0), np.nan)

        return values_at

    def _pod(self, number: int, turn: int) -> Callable[[IntArray], FloatArray]:
        birth = BEGIN + turn * POD_SECONDS + number * POD_SECONDS // self.pods

        def values_at(times: IntArray) -> FloatArray:
            lives = (times >= birth) & (times < birth + POD_SECONDS)
            if not lives.any():
                return np.full(len(times), np.nan)
            return np.where(lives, daily(100 + number, times), np.nan)

        return values_at


def is_down(time: int) -> bool:
    """Whether Prometheus refuses a query that ends at this time."""
    return time >= BEGIN and OUTAGE[0] <= time % DAY < OUTAGE[1]


def _series(
    name: str, instance: str, values_at: Callable[[IntArray], FloatArray]
) -> ComputedSeries:
    return ComputedSeries({"__name__": name, "instance": instance}, values_at)
