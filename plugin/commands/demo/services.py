"""The services of the shop: their latencies and their requests.

The kinds of noise differ on purpose: even, heavy-tailed, wandering, proportional, coarse, counted.
"""

from functools import partial

import numpy as np

from plugin.commands.demo.randomness import bump, busy, normal, smooth, uniform
from plugin.commands.demo.shop_series import Gauge, NoisyLevel, Source
from plugin.series import FloatArray, IntArray, Labels

BUCKET_SECONDS = 0.025  # of the recommendations' histogram

# Requests per second of each service in its busiest hour.
PEAK_REQUESTS = {
    "checkout": 38.0,
    "catalog": 240.0,
    "search": 160.0,
    "payments": 26.0,
    "login": 45.0,
    "recommendations": 190.0,
}
# Errors per second in the busiest hour. Those of payments are sparse, mostly none.
PEAK_ERRORS = {"checkout": 0.05, "search": 0.12, "payments": 0.002, "login": 0.3}


def latencies(key: int) -> list[Source]:
    """Latencies that follow the load; key: of the noise."""
    return [
        Gauge(
            f"{service} latency",
            "shop_request_latency_seconds",
            {"service": service, "quantile": "0.95"},
            "s",
            level,
        ).source("latency", key)
        for service, level in LATENCY_LEVELS.items()
    ]


def traffic(key: int) -> list[Source]:
    """Counters, to be read through `rate`: requests that follow the load, and rare errors."""
    return [
        *(
            _counter(service, "200", "requests", partial(_requests, peak), key + 2 * number)
            for number, (service, peak) in enumerate(PEAK_REQUESTS.items())
        ),
        *(
            _counter(service, "500", "errors", partial(_errors, peak), key + 50 + number)
            for number, (service, peak) in enumerate(PEAK_ERRORS.items())
        ),
    ]


def _counter(service: str, code: str, title: str, level: NoisyLevel, key: int) -> Source:
    return Source(
        f"{service} {title}",
        "traffic",
        "shop_requests_total",
        Labels.of({"service": service, "code": code}),
        "reqps",
        partial(level, key),
        "counter",
    )


def _requests(peak: float, key: int, times: IntArray) -> FloatArray:
    load = peak * busy(times) * (1 + 0.04 * smooth(key, times, 900))
    return load + np.sqrt(load / 5) * normal(key + 1, times)


def _errors(peak: float, key: int, times: IntArray) -> FloatArray:
    return peak * (0.4 + 0.6 * busy(times)) * np.exp(0.3 * smooth(key, times, 3600))


def _checkout(key: int, times: IntArray) -> FloatArray:
    """Even noise."""
    noise = 1 + 0.03 * normal(key, times) + 0.03 * smooth(key + 1, times, 600)
    return (0.19 + 0.09 * busy(times)) * noise


def _catalog(key: int, times: IntArray) -> FloatArray:
    """A heavy tail: the noise is exponential."""
    tail = -np.log1p(-uniform(key + 2, times))
    return 0.055 + 0.03 * busy(times) + 0.006 * tail


def _search(key: int, times: IntArray) -> FloatArray:
    """Wanders."""
    noise = 0.12 * smooth(key + 3, times, 1800) + 0.06 * smooth(key + 4, times, 120)
    return 0.12 * np.exp(noise) + 0.05 * busy(times)


def _payments(key: int, times: IntArray) -> FloatArray:
    """A bank far away, slow in its own night batch."""
    batch = 0.12 * bump(times, 1.5, 0.7)
    return 0.41 + batch + 0.02 * normal(key + 5, times) + 0.03 * busy(times)


def _login(key: int, times: IntArray) -> FloatArray:
    """Noise in proportion to the level."""
    return (0.03 + 0.02 * busy(times)) * np.exp(0.08 * normal(key + 6, times))


def _recommendations(key: int, times: IntArray) -> FloatArray:
    """Coarse: from a histogram with wide buckets."""
    level = 0.24 + 0.1 * busy(times) + 0.012 * normal(key + 7, times)
    return np.round(level / BUCKET_SECONDS) * BUCKET_SECONDS


LATENCY_LEVELS: dict[str, NoisyLevel] = {
    "checkout": _checkout,
    "catalog": _catalog,
    "search": _search,
    "payments": _payments,
    "login": _login,
    "recommendations": _recommendations,
}
