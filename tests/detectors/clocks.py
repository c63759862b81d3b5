"""Clocks of a UTC zone, from times that tests write by hand."""

from detectors.api import IntArray
from detectors.season import DAY, Clock

SATURDAY = 2 * DAY  # the epoch was a Thursday


def clock_of(times: IntArray, step: int) -> Clock:
    day = times // DAY
    return Clock(day, times % DAY, day % 7, step)
