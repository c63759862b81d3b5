"""Chance and calendar as pure functions of absolute time, so that the live exporter goes on where
the history ended.

Times are [T] unix seconds. The value at a time does not depend on the other times.
"""

import numpy as np

from plugin.domain.times import DAY, HOUR
from plugin.series import FloatArray, IntArray

MONDAY = 4 * DAY  # 1970-01-05 was a Monday

# Share of the busiest hour, by hour of the day: low at four, a dip at lunch, a peak at eight.
LOAD_HOURS = np.array([0, 4, 7, 10, 12, 14, 17, 20, 22, 24]) * HOUR
LOAD_BY_HOUR = np.array([0.34, 0.14, 0.35, 0.78, 0.86, 0.74, 0.80, 1.0, 0.72, 0.34])
# Share of the busiest day, Monday to Sunday at noon; one day more at both ends, so that the week
# closes.
LOAD_DAYS = (np.arange(-1, 8) + 0.5) * DAY
LOAD_BY_DAY = np.array([0.72, 0.93, 0.95, 0.96, 1.0, 0.97, 0.80, 0.72, 0.93])


def uniform(key: int, index: IntArray) -> FloatArray:
    """[T] in [0, 1): the same number for the same key and index, by splitmix64 (Steele, Lea, Flood
    2014)."""
    seed = np.array([key], np.uint64) * np.uint64(0xD1342543DE82EF95)
    z = (index.astype(np.uint64) + seed) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def normal(key: int, index: IntArray) -> FloatArray:
    """[T] standard normal, by Box and Muller from two uniforms."""
    radius = np.sqrt(-2 * np.log1p(-uniform(2 * key, index)))
    return np.asarray(radius * np.cos(2 * np.pi * uniform(2 * key + 1, index)))


def smooth(key: int, times: IntArray, scale: int) -> FloatArray:
    """[T] noise of about unit size that wanders on the time scale of `scale` seconds, with no
    jumps."""
    cell = times // scale
    first = int(cell.min())
    knots = normal(key, np.arange(first, int(cell.max()) + 2, dtype=np.int64))
    weight = (1 - np.cos(np.pi * (times % scale) / scale)) / 2
    knot = cell - first
    return np.asarray(knots[knot] * (1 - weight) + knots[knot + 1] * weight)


def busy(times: IntArray) -> FloatArray:
    """[T] how busy a shop is, 0 to 1: daily times weekly shape."""
    day = np.interp(times % DAY, LOAD_HOURS, LOAD_BY_HOUR)
    week = np.interp((times - MONDAY) % (7 * DAY), LOAD_DAYS, LOAD_BY_DAY)
    return np.asarray(day * week)


def bump(times: IntArray, hour: float, width: float) -> FloatArray:
    """[T] 0 to 1: a smooth rise around one hour of every day, `width` hours wide."""
    distance = np.abs((times / HOUR - hour + 12) % 24 - 12)
    return np.exp(-0.5 * (distance / width) ** 2)


def saw(times: IntArray, period: int, phase: int = 0) -> FloatArray:
    """[T] 0 to 1, rising steadily and falling at once every `period` seconds."""
    return ((times + phase) % period) / period
