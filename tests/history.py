"""Two days of small, exact history that the `prometheus` fixture holds."""

import numpy as np

from plugin.series import Labels, Series

STEP = 60
START = 1_772_409_600  # 2026-03-02 00:00 UTC, a Monday
END = START + 2 * 86_400 - STEP
TIMES = np.arange(START, END + STEP, STEP)  # [2880]
NASTY = 'a "quote", a \\ backslash, a line\nfeed, ünïcode 東京'
GAP = slice(600, 720)  # positions without a sample in shop_stock
GONE = 1440  # shop_gone has so many samples


def daily(phase: float) -> Series:
    """A gauge with the shape of a day."""
    values = 100 + 50 * np.sin(2 * np.pi * (TIMES / 86_400 + phase))
    return Series(Labels.of({"__name__": "shop_visitors", "route": f"/{phase:g}"}), TIMES, values)


def history() -> list[Series]:
    count = np.arange(len(TIMES), dtype=float)
    gap = np.ones(len(TIMES), bool)
    gap[GAP] = False
    broken = count.copy()
    broken[10:13] = [np.nan, np.inf, -np.inf]
    total = np.where(count < 2000, 3 * count, 3 * (count - 2000))  # restarts once
    return [
        daily(0),
        daily(0.25),
        Series(Labels.of({"__name__": "shop_stock"}), TIMES[gap], count[gap]),
        Series(Labels.of({"__name__": "shop_ratio"}), TIMES, broken),
        Series(Labels.of({"__name__": "shop_requests_total", "code": "200"}), TIMES, total),
        Series(Labels.of({"__name__": "shop_nasty", "text": NASTY}), TIMES, count),
        Series(Labels.of({"__name__": "shop_gone"}), TIMES[:GONE], count[:GONE]),
        Series(Labels.of({"__name__": "shop_flat"}), TIMES, np.full(len(TIMES), 7.0)),
    ]
