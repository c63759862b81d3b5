"""The thirty series of the demo: a web shop with its services, queues and machines.

Every level is a pure function of time. The kinds of noise differ on purpose: even, heavy-tailed,
wandering, proportional, counted, coarse, bounded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from plugin.commands.demo.randomness import (
    DAY,
    HOUR,
    FloatArray,
    IntArray,
    bump,
    busy,
    normal,
    saw,
    smooth,
    uniform,
)
from plugin.series import Labels

Level = Callable[
    [IntArray], FloatArray
]  # [T] unix seconds -> [T] gauge value, or events per second of a counter
MEBIBYTE = 2.0**20
SALES = "sales"  # the watch with a slower step than the others


@dataclass(frozen=True)
class Source:
    """One exported series and how people call it."""

    title: str
    watch: str
    metric: str
    labels: Labels
    unit: str  # how the row of the watch is spoken of: a key of `narrator.UNITS`
    level: Level
    kind: Literal["gauge", "counter"] = "gauge"
    gap: tuple[int, int] | None = None  # seconds before `now` between which nothing was exported


def catalog(seed: int) -> tuple[Source, ...]:
    """All sources; the seed changes the noise and nothing else."""
    return (
        *latencies(seed * 1000),
        *traffic(seed * 1000 + 100),
        *saturation(seed * 1000 + 200),
        *sales(seed * 1000 + 300),
    )


def latencies(key: int) -> list[Source]:
    """Latencies that follow the load: some even, some with a heavy tail, one wandering."""

    def even(t: IntArray) -> FloatArray:
        return (0.19 + 0.09 * busy(t)) * (
            1 + 0.03 * normal(key, t) + 0.03 * smooth(key + 1, t, 600)
        )

    def heavy_tailed(t: IntArray) -> FloatArray:
        tail = -np.log1p(-uniform(key + 2, t))  # exponential
        return 0.055 + 0.03 * busy(t) + 0.006 * tail

    def wandering(t: IntArray) -> FloatArray:
        return 0.12 * np.exp(
            0.12 * smooth(key + 3, t, 1800) + 0.06 * smooth(key + 4, t, 120)
        ) + 0.05 * busy(t)

    def partner(t: IntArray) -> FloatArray:  # a bank far away: slow in its own night batch
        return 0.41 + 0.12 * bump(t, 1.5, 0.7) + 0.02 * normal(key + 5, t) + 0.03 * busy(t)

    def proportional(t: IntArray) -> FloatArray:
        return (0.03 + 0.02 * busy(t)) * np.exp(0.08 * normal(key + 6, t))

    def coarse(t: IntArray) -> FloatArray:  # a histogram with wide buckets
        return np.round((0.24 + 0.1 * busy(t) + 0.012 * normal(key + 7, t)) / 0.025) * 0.025

    levels = {
        "checkout": even,
        "catalog": heavy_tailed,
        "search": wandering,
        "payments": partner,
        "login": proportional,
        "recommendations": coarse,
    }
    return [
        Source(
            f"{service} latency",
            "latency",
            "shop_request_latency_seconds",
            Labels.of({"service": service, "quantile": "0.95"}),
            "seconds",
            level,
        )
        for service, level in levels.items()
    ]


def traffic(key: int) -> list[Source]:
    """Counters, to be read through `rate`: requests that follow the load and errors that come
    seldom."""
    peaks = {
        "checkout": 38.0,
        "catalog": 240.0,
        "search": 160.0,
        "payments": 26.0,
        "login": 45.0,
        "recommendations": 190.0,
    }
    errors = {
        "checkout": 0.05,
        "search": 0.12,
        "payments": 0.002,
        "login": 0.3,
    }  # payments: sparse, mostly zero

    def requests(number: int, peak: float) -> Level:
        def level(t: IntArray) -> FloatArray:
            load = peak * busy(t) * (1 + 0.04 * smooth(number, t, 900))
            return load + np.sqrt(load / 5) * normal(number + 1, t)

        return level

    def failures(number: int, often: float) -> Level:
        return lambda t: often * (0.4 + 0.6 * busy(t)) * np.exp(0.3 * smooth(number, t, 3600))

    def source(service: str, code: str, title: str, level: Level) -> Source:
        return Source(
            f"{service} {title}",
            "traffic",
            "shop_requests_total",
            Labels.of({"service": service, "code": code}),
            "per second",
            level,
            "counter",
        )

    return [
        *(
            source(service, "200", "requests", requests(key + 2 * i, peak))
            for i, (service, peak) in enumerate(peaks.items())
        ),
        *(
            source(service, "500", "errors", failures(key + 50 + i, often))
            for i, (service, often) in enumerate(errors.items())
        ),
    ]


def saturation(key: int) -> list[Source]:
    """Gauges of machines and queues."""

    def gauge(
        title: str,
        metric: str,
        labels: dict[str, str],
        unit: str,
        level: Level,
        gap: tuple[int, int] | None = None,
    ) -> Source:
        return Source(title, "saturation", metric, Labels.of(labels), unit, level, gap=gap)

    return [
        gauge(
            "checkout CPU",
            "shop_cpu_usage_ratio",
            {"service": "checkout"},
            "ratio",
            lambda t: (
                0.08 + 0.42 * busy(t) + 0.02 * normal(key, t) + 0.015 * smooth(key + 1, t, 300)
            ),
        ),
        gauge(
            "search CPU",
            "shop_cpu_usage_ratio",
            {"service": "search"},
            "ratio",
            lambda t: (
                (0.1 + 0.6 * busy(t))
                * (1 + 0.1 * smooth(key + 2, t, 240) + 0.05 * normal(key + 3, t))
            ),
        ),
        gauge(
            "catalog memory",
            "shop_memory_bytes",
            {"service": "catalog"},
            "bytes",  # a leak, restarted
            lambda t: MEBIBYTE * (410 + 520 * saw(t, 31 * HOUR) + 6 * smooth(key + 4, t, 900)),
        ),
        gauge(
            "checkout memory",
            "shop_memory_bytes",
            {"service": "checkout"},
            "bytes",  # garbage collection
            lambda t: MEBIBYTE * (620 + 90 * saw(t, 420) + 5 * normal(key + 5, t)),
        ),
        gauge(
            "mail queue",
            "shop_queue_depth",
            {"queue": "mail"},
            "count",  # bursts: a batch every half hour
            counted(key + 6, lambda t: 3 + 240 * np.exp(-12 * saw(t, 1800))),
        ),
        gauge(
            "invoices queue",
            "shop_queue_depth",
            {"queue": "invoices"},
            "count",
            counted(key + 7, lambda t: 2 + 9 * busy(t)),
        ),
        gauge(
            "checkout replicas",
            "shop_replicas",
            {"service": "checkout"},
            "count",  # flat
            lambda t: np.full(len(t), 4.0),
        ),
        gauge(
            "orders database connections",
            "shop_db_connections",
            {"pool": "orders"},
            "count",
            counted(key + 8, lambda t: 12 + 40 * busy(t)),
        ),
        gauge(
            "catalog cache hit ratio",
            "shop_cache_hit_ratio",
            {"cache": "catalog"},
            "ratio",  # bounded by 1
            lambda t: 1 - (0.02 + 0.01 * busy(t)) * np.exp(0.15 * normal(key + 9, t)),
        ),
        gauge(
            "orders disk",
            "shop_disk_used_bytes",
            {"volume": "orders"},
            "bytes",  # grows, cleaned on Mondays
            lambda t: (
                1024
                * MEBIBYTE
                * (180 + 24 * saw(t, 7 * DAY, -4 * DAY) + 0.05 * normal(key + 10, t))
            ),
        ),
        gauge(
            "rack 2 temperature",
            "shop_temperature_celsius",
            {"rack": "2"},
            "celsius",
            lambda t: (
                np.round(
                    4
                    * (
                        22
                        + 3 * bump(t, 15, 4)
                        + 0.5 * smooth(key + 11, t, HOUR)
                        + 0.15 * normal(key + 12, t)
                    )
                )
                / 4
            ),
        ),
        gauge(
            "backup throughput",
            "shop_backup_bytes_per_second",
            {"job_name": "nightly"},
            "bytes",
            lambda t: (
                MEBIBYTE * (0.2 + 85 * (bump(t, 2.5, 0.5) > 0.3)) * (1 + 0.08 * normal(key + 15, t))
            ),
        ),
        gauge(
            "exchange rate EUR/USD",
            "shop_exchange_rate",
            {"pair": "EURUSD"},
            "plain",
            lambda t: np.round(
                1.09
                + 0.004 * smooth(key + 16, t, 2 * DAY)
                + 0.001 * smooth(key + 17, t, HOUR)
                + 0.0002 * smooth(key + 18, t, 60),
                5,
            ),
            gap=(59 * HOUR, 50 * HOUR),
        ),
    ]


def sales(key: int) -> list[Source]:
    """What the shop lives from: a day that everyone would know by its shape."""
    baskets = counted(key, lambda t: 30 + 900 * busy(t) * (1 + 0.05 * smooth(key + 1, t, 1200)))
    return [
        Source(
            "open baskets", SALES, "shop_open_baskets", Labels.of({"shop": "web"}), "count", baskets
        )
    ]


def counted(key: int, mean: Level) -> Level:
    """Whole numbers, about Poisson."""

    def level(t: IntArray) -> FloatArray:
        often = mean(t)
        return np.maximum(np.floor(often + np.sqrt(often) * normal(key, t // 10) + 0.5), 0)

    return level
