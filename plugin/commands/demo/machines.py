"""The machines, queues and stores of the shop: gauges of saturation.

The kinds of noise differ on purpose: proportional, counted, coarse, bounded, none.
"""

import numpy as np

from plugin.commands.demo.randomness import bump, busy, normal, saw, smooth
from plugin.commands.demo.shop_series import Gauge, Source, counted
from plugin.domain.times import DAY, HOUR
from plugin.series import FloatArray, IntArray

MEBIBYTE = 2.0**20
GIBIBYTE = 2.0**30


def saturation(key: int) -> list[Source]:
    """All gauges of this file; key: of the noise."""
    return [gauge.source("saturation", key) for gauge in GAUGES]


def _checkout_cpu(key: int, times: IntArray) -> FloatArray:
    level = 0.08 + 0.42 * busy(times)
    return level + 0.02 * normal(key, times) + 0.015 * smooth(key + 1, times, 300)


def _search_cpu(key: int, times: IntArray) -> FloatArray:
    noise = 1 + 0.1 * smooth(key + 2, times, 240) + 0.05 * normal(key + 3, times)
    return (0.1 + 0.6 * busy(times)) * noise


def _catalog_memory(key: int, times: IntArray) -> FloatArray:
    """A leak, with a restart every 31 hours."""
    return MEBIBYTE * (410 + 520 * saw(times, 31 * HOUR) + 6 * smooth(key + 4, times, 900))


def _checkout_memory(key: int, times: IntArray) -> FloatArray:
    """Garbage is collected every seven minutes."""
    return MEBIBYTE * (620 + 90 * saw(times, 420) + 5 * normal(key + 5, times))


def _mail_queue(key: int, times: IntArray) -> FloatArray:
    """Bursts: a batch every half hour."""
    return counted(key + 6, times, 3 + 240 * np.exp(-12 * saw(times, 1800)))


def _invoices_queue(key: int, times: IntArray) -> FloatArray:
    return counted(key + 7, times, 2 + 9 * busy(times))


def _checkout_replicas(key: int, times: IntArray) -> FloatArray:
    """Flat."""
    return np.full(len(times), 4.0)


def _database_connections(key: int, times: IntArray) -> FloatArray:
    return counted(key + 8, times, 12 + 40 * busy(times))


def _cache_hits(key: int, times: IntArray) -> FloatArray:
    """Bounded by 1."""
    return 1 - (0.02 + 0.01 * busy(times)) * np.exp(0.15 * normal(key + 9, times))


def _orders_disk(key: int, times: IntArray) -> FloatArray:
    """Grows, and is cleaned up on Mondays."""
    growth = 24 * saw(times, 7 * DAY, -4 * DAY)
    return GIBIBYTE * (180 + growth + 0.05 * normal(key + 10, times))


def _temperature(key: int, times: IntArray) -> FloatArray:
    """In quarters of a degree, as the sensor tells it."""
    noise = 0.5 * smooth(key + 11, times, HOUR) + 0.15 * normal(key + 12, times)
    return np.round(4 * (22 + 3 * bump(times, 15, 4) + noise)) / 4


def _backup(key: int, times: IntArray) -> FloatArray:
    """Nearly nothing, but for the nightly run."""
    runs = bump(times, 2.5, 0.5) > 0.3
    return MEBIBYTE * (0.2 + 85 * runs) * (1 + 0.08 * normal(key + 15, times))


def _exchange_rate(key: int, times: IntArray) -> FloatArray:
    drift = 0.004 * smooth(key + 16, times, 2 * DAY)
    noise = 0.001 * smooth(key + 17, times, HOUR) + 0.0002 * smooth(key + 18, times, 60)
    return np.round(1.09 + drift + noise, 5)


CPU = "shop_cpu_usage_ratio"
MEMORY = "shop_memory_bytes"
QUEUE = "shop_queue_depth"
GAUGES = (
    Gauge("checkout CPU", CPU, {"service": "checkout"}, "percentunit", _checkout_cpu),
    Gauge("search CPU", CPU, {"service": "search"}, "percentunit", _search_cpu),
    Gauge("catalog memory", MEMORY, {"service": "catalog"}, "bytes", _catalog_memory),
    Gauge("checkout memory", MEMORY, {"service": "checkout"}, "bytes", _checkout_memory),
    Gauge("mail queue", QUEUE, {"queue": "mail"}, "", _mail_queue),
    Gauge("invoices queue", QUEUE, {"queue": "invoices"}, "", _invoices_queue),
    Gauge("checkout replicas", "shop_replicas", {"service": "checkout"}, "", _checkout_replicas),
    Gauge(
        "orders database connections",
        "shop_db_connections",
        {"pool": "orders"},
        "",
        _database_connections,
    ),
    Gauge(
        "catalog cache hit ratio",
        "shop_cache_hit_ratio",
        {"cache": "catalog"},
        "percentunit",
        _cache_hits,
    ),
    Gauge("orders disk", "shop_disk_used_bytes", {"volume": "orders"}, "bytes", _orders_disk),
    Gauge("rack 2 temperature", "shop_temperature_celsius", {"rack": "2"}, "celsius", _temperature),
    Gauge(
        "backup throughput",
        "shop_backup_bytes_per_second",
        {"job_name": "nightly"},
        "binBps",
        _backup,
    ),
    Gauge(
        "exchange rate EUR/USD",
        "shop_exchange_rate",
        {"pair": "EURUSD"},
        "",
        _exchange_rate,
        gap=(59 * HOUR, 50 * HOUR),
    ),
)
