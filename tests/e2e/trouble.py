"""A source of four services of which one is in trouble for a while, at moments that a test says."""

import time

import numpy as np

from plugin.series import MAX_TIME, FloatArray, IntArray
from tests.computed_source import ComputedSeries, ComputedSource

SERVICES = ("shop", "cart", "pay", "quiet")
TROUBLED = "shop"
HISTORY = 7200  # seconds
AHEAD = 3  # seconds from now on that nobody has asked for yet


class Trouble:
    """When the troubled service is too slow. It is told before anyone has asked for that time, so
    whoever asks for a moment gets the same, now or later."""

    def __init__(self) -> None:
        self.begin = self.end = MAX_TIME
        self._oldest = int(time.time()) - HISTORY

    def starts(self) -> None:
        self.begin = int(time.time()) + AHEAD

    def ends(self) -> None:
        self.end = int(time.time()) + AHEAD

    def values_at(self, service: str, times: IntArray) -> FloatArray:
        """Each of the values that it may have is in the last half hour."""
        wave = 100 + 10 * np.sin(2 * np.pi * times / 60) + (times * 7919 % 13) / 2
        if service == TROUBLED:
            wave = np.where((self.begin <= times) & (times < self.end), 3 * wave, wave)
        return np.where(times >= self._oldest, wave, np.nan)

    def source(self) -> ComputedSource:
        return ComputedSource(
            {
                service: (
                    ComputedSeries(
                        {"__name__": "latency_ms", "service": service},
                        lambda times, service=service: self.values_at(service, times),
                    ),
                )
                for service in SERVICES
            }
        )
